"""A GitLab of a few resources on loopback: it keeps notes, pages, refuses, limits, and checks what it is sent.

Bodies are held against GitLab's documentation of the notes interface, tokens against that of the job's token.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from jsonschema import Draft202012Validator

from tests.fakes import serving
from tests.fakes.github import Answer, Fault, Request

PROJECT = 7
PATH = "acme/widgets"
REQUEST = 12
BOT = 4711
PERSON = 23
TOKEN = "glpat-0123456789abcdef"
JOB_TOKEN = "glcbt-job-token-0123456789"
SHA = "3f9c2ab41d" * 4
MERGED_SHA = "77aa77aa77" * 4

NOTE = {
    "type": "object",
    "required": ["body"],
    "additionalProperties": False,
    "properties": {
        "body": {"type": "string", "minLength": 1, "maxLength": 1_000_000},
        "created_at": {"type": "string"},
        "internal": {"type": "boolean"},
        "merge_request_diff_head_sha": {"type": "string"},
    },
}
"""What may be sent to create or edit a note."""

VARIABLES = {
    "CI": "true",
    "GITLAB_CI": "true",
    "CI_PROJECT_ID": str(PROJECT),
    "CI_PROJECT_PATH": PATH,
    "CI_PROJECT_URL": f"https://gitlab.example/{PATH}",
    "CI_PIPELINE_ID": "900",
    "CI_JOB_ID": "9001",
    "CI_JOB_NAME": "lens-gate:development",
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_COMMIT_SHA": MERGED_SHA,
    "CI_MERGE_REQUEST_IID": str(REQUEST),
    "CI_MERGE_REQUEST_PROJECT_ID": str(PROJECT),
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": str(PROJECT),
    "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": SHA,
    "CI_JOB_TOKEN": JOB_TOKEN,
}
"""What GitLab sets in a pipeline for a merge request; the address of its interface comes with the server."""


def refused(status: int, message: str, **headers: str) -> Answer:
    """Return a refusal as GitLab words it."""
    return Answer(status, {"message": message}, headers)


@dataclass
class GitLabServer:
    """The state of the server."""

    url: str = ""
    notes: dict[int, dict[str, Any]] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    lose: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _last: int = 300

    def environment(self, **changes: str) -> dict[str, str]:
        """Return the variables of a job, with an access token."""
        mine = {"CI_SERVER_URL": self.url, "CI_API_V4_URL": f"{self.url}/api/v4", "GITLAB_TOKEN": TOKEN}
        return {**VARIABLES, **mine, **changes}

    def add_note(self, body: str, *, author: int = BOT, system: bool = False) -> int:
        """Put a note below the merge request."""
        with self._lock:
            self._last += 1
            self.notes[self._last] = {
                "id": self._last,
                "body": body,
                "author": {"id": author, "username": f"user{author}"},
                "system": system,
                "created_at": "2026-03-02T10:00:00.000Z",
                "noteable_type": "MergeRequest",
                "noteable_iid": REQUEST,
            }
            return self._last

    def bodies(self, author: int = BOT) -> list[str]:
        """Return the texts of one account's notes, the oldest first."""
        with self._lock:
            return [one["body"] for one in self.notes.values() if one["author"]["id"] == author and not one["system"]]

    def answer(self, request: Request) -> Answer:
        """Carry out a request, as far as no fault stands in its way."""
        with self._lock:
            self.asked.append(request)
            fault = next((one for one in self.faults if one.times > 0 and one.fits(request)), None)
            if fault:
                fault.times -= 1
                if not fault.after:
                    return fault.answer
            if (refusal := self._unauthorized(request)) is not None:
                return refusal
            answer = self._carried_out(request)
            return fault.answer if fault else answer

    def _unauthorized(self, request: Request) -> Answer | None:
        if request.headers.get("private-token") == TOKEN:
            return None
        reads = request.method == "GET" and "/notes" in request.path
        if request.headers.get("job-token") == JOB_TOKEN and reads:
            return None
        return refused(401, "401 Unauthorized")

    def _carried_out(self, request: Request) -> Answer:
        home = r"/api/v4/projects/([^/]+)/merge_requests/(\d+)/notes"
        routes: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
            ("GET", r"/api/v4/user", lambda _: Answer(200, {"id": BOT, "username": "project_7_bot"})),
            ("GET", home, self._list),
            ("POST", home, self._create),
            ("GET", rf"{home}/(\d+)", self._get),
            ("PUT", rf"{home}/(\d+)", self._edit),
            ("DELETE", rf"{home}/(\d+)", self._delete),
        )
        for method, pattern, handle in routes:
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                return self._below_request(handle, request, match.groups())
        return refused(404, "404 Not Found")

    def _below_request(self, handle: Callable[..., Answer], request: Request, found: tuple[str, ...]) -> Answer:
        if not found:
            return handle(request)
        project, number, *note = found
        if unquote(project) not in {str(PROJECT), PATH} or int(number) != REQUEST:
            return refused(404, "404 Not found")
        if request.method in {"POST", "PUT"} and not Draft202012Validator(NOTE).is_valid(request.body):
            return refused(400, "body is missing or too long")
        return handle(request, *map(int, note))

    def _list(self, request: Request) -> Answer:
        rows = sorted(self.notes.values(), key=lambda one: one["id"], reverse=request.query.get("sort") != "asc")
        size, page = min(100, int(request.query.get("per_page", "20"))), int(request.query.get("page", "1"))
        more = len(rows) > page * size
        query = f"per_page={size}&page={page + 1}&sort={request.query.get('sort', 'desc')}&order_by=created_at"
        links = (
            {"Link": f'<{self.url}{request.path}?{query}>; rel="next"', "X-Next-Page": str(page + 1)} if more else {}
        )
        return Answer(200, [dict(row) for row in rows[(page - 1) * size : page * size]], links)

    def _create(self, request: Request) -> Answer:
        return Answer(201, self.notes[self.add_note(request.body["body"])])

    def _get(self, _: Request, note: int) -> Answer:
        found = self.notes.get(note)
        return Answer(200, dict(found)) if found else refused(404, "404 Note Not Found")

    def _edit(self, request: Request, note: int) -> Answer:
        found = self.notes.get(note)
        if found is None:
            return refused(404, "404 Note Not Found")
        if found["author"]["id"] != BOT:
            return refused(403, "403 Forbidden")
        if self.lose:
            self.lose -= 1
            return Answer(200, {**found, "body": request.body["body"]})
        found["body"] = request.body["body"]
        return Answer(200, dict(found))

    def _delete(self, _: Request, note: int) -> Answer:
        return Answer(204) if self.notes.pop(note, None) else refused(404, "404 Note Not Found")


class _Handler(serving.Quiet, BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    state: GitLabServer

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(
            method=self.command,
            path=address.path,
            query={name: values[-1] for name, values in parse_qs(address.query).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=json.loads(data) if data else None,
        )
        self._send(self.state.answer(request))

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the base class calls them so

    def _send(self, answer: Answer) -> None:
        if not answer.status:
            self.close_connection = True
            return
        body = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        headers: Mapping[str, str] = {"Content-Type": "application/json", **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def gitlab_server(**state: Any) -> Iterator[GitLabServer]:
    """Serve until the context ends."""
    made = GitLabServer(**state)
    with serving.served(type("Handler", (_Handler,), {"state": made})) as made.url:
        yield made
