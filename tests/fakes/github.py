"""A GitHub of a few resources on loopback: it keeps what it is given, pages, refuses, limits, and loses writes."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes import serving

REPOSITORY = "acme/widgets"
BOT = "github-actions[bot]"
TOKEN = "ghs_0123456789abcdefTOKEN"
PUBLISHED_LIMIT = 65_536
_ERROR = {"documentation_url": "https://docs.github.com/rest", "status": "0"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What reached the server."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any

    @property
    def writes(self) -> bool:
        """Whether it is to change anything."""
        return self.method != "GET" and self.path != "/graphql"


@dataclass(frozen=True)
class Answer:
    """What the server says; a status of 0 closes the connection before a word, `cut` in the middle of the body."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass
class Fault:
    """Goes wrong with the next requests that fit; `after` the request was carried out, or instead of it."""

    answer: Answer
    method: str = r"\w+"
    path: str = r".*"
    times: int = 1
    after: bool = False

    def fits(self, request: Request) -> bool:
        """Whether this request goes wrong."""
        return bool(re.fullmatch(self.method, request.method) and re.fullmatch(self.path, request.path))


def refused(status: int, message: str, **more: Any) -> Answer:
    """Return a refusal as GitHub words it."""
    headers = more.pop("headers", {})
    return Answer(status, {"message": message, **_ERROR, **more}, headers)


FORBIDDEN = refused(403, "Resource not accessible by integration")
NOT_FOUND = refused(404, "Not Found")


@dataclass
class GitHubServer:
    """The state of the server. `lose` makes that many updates of comments vanish after they were confirmed."""

    url: str = ""
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    checks: dict[int, dict[str, Any]] = field(default_factory=dict)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    runs: dict[int, str] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    viewer: str | None = BOT
    lose: int = 0
    inspect: Callable[[Request], None] = lambda _: None
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _last: int = 1000

    def add_comment(self, body: str, *, login: str = BOT, number: int = 482) -> int:
        """Put a comment below a pull request."""
        with self._lock:
            made = self._next()
            self.comments[made] = {
                "id": made,
                "issue": number,
                "body": body,
                "user": {"login": login, "id": 41, "type": "Bot" if login.endswith("[bot]") else "User"},
                "created_at": "2026-03-02T10:00:00Z",
                "url": f"{self.url}/repos/{REPOSITORY}/issues/comments/{made}",
                "issue_url": f"{self.url}/repos/{REPOSITORY}/issues/{number}",
            }
            return made

    def bodies(self, login: str = BOT) -> list[str]:
        """Return the texts of one account's comments, the oldest first."""
        with self._lock:
            return [one["body"] for one in self.comments.values() if one["user"]["login"] == login]

    def writes(self) -> list[str]:
        """Return what was asked to be changed, as METHOD PATH."""
        return [f"{one.method} {one.path}" for one in self.asked if one.writes]

    def answer(self, request: Request) -> Answer:
        """Carry out a request, as far as no fault stands in its way."""
        with self._lock:
            self.asked.append(request)
            self.inspect(request)
            fault = next((one for one in self.faults if one.times > 0 and one.fits(request)), None)
            if fault:
                fault.times -= 1
                if not fault.after:
                    return fault.answer
            if request.headers.get("authorization") != f"token {TOKEN}":
                return refused(401, "Bad credentials")
            answer = self._carried_out(request)
            return fault.answer if fault else answer

    def _carried_out(self, request: Request) -> Answer:
        for method, pattern, handle in self._routes():
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                return handle(request, *match.groups())
        return NOT_FOUND

    def _routes(self) -> tuple[tuple[str, str, Callable[..., Answer]], ...]:
        home = f"/repos/{REPOSITORY}"
        return (
            ("POST", "/graphql", self._who),
            ("GET", rf"{home}/issues/(\d+)/comments", self._list_comments),
            ("POST", rf"{home}/issues/(\d+)/comments", self._create_comment),
            ("GET", rf"{home}/issues/comments/(\d+)", self._get_comment),
            ("PATCH", rf"{home}/issues/comments/(\d+)", self._edit_comment),
            ("DELETE", rf"{home}/issues/comments/(\d+)", self._delete_comment),
            ("GET", f"{home}/pulls", self._list_pulls),
            ("POST", f"{home}/check-runs", self._create_check),
            ("PATCH", rf"{home}/check-runs/(\d+)", self._edit_check),
            ("GET", rf"{home}/commits/([0-9a-f]+)/check-runs", self._list_checks),
            ("GET", rf"{home}/actions/runs/(\d+)", self._get_run),
        )

    def _who(self, _: Request) -> Answer:
        if self.viewer is None:
            return FORBIDDEN
        return Answer(200, {"data": {"viewer": {"login": self.viewer}}})

    def _list_comments(self, request: Request, number: str) -> Answer:
        return self._paged(request, [one for one in self.comments.values() if one["issue"] == int(number)])

    def _create_comment(self, request: Request, number: str) -> Answer:
        if problem := _too_long(request.body):
            return problem
        made = self.add_comment(request.body["body"], number=int(number))
        return Answer(201, self.comments[made])

    def _get_comment(self, _: Request, comment: str) -> Answer:
        found = self.comments.get(int(comment))
        return Answer(200, dict(found)) if found else NOT_FOUND

    def _edit_comment(self, request: Request, comment: str) -> Answer:
        found = self.comments.get(int(comment))
        if found is None:
            return NOT_FOUND
        if problem := _too_long(request.body):
            return problem
        answer = Answer(200, {**found, "body": request.body["body"]})
        if self.lose:
            self.lose -= 1
        else:
            found["body"] = request.body["body"]
        return answer

    def _delete_comment(self, _: Request, comment: str) -> Answer:
        return Answer(204) if self.comments.pop(int(comment), None) else NOT_FOUND

    def _list_pulls(self, request: Request) -> Answer:
        head = request.query.get("head")
        fitting = [one for one in self.pulls if head in {None, f"{one['head']['user']['login']}:{one['head']['ref']}"}]
        return self._paged(request, fitting)

    def _create_check(self, request: Request) -> Answer:
        made = self._next()
        self.checks[made] = {
            "id": made,
            "url": f"{self.url}/repos/{REPOSITORY}/check-runs/{made}",
            "conclusion": None,
            "annotations": [],
            "app": {"id": 15368, "slug": "github-actions"},
        }
        return self._updated(made, request.body, 201)

    def _edit_check(self, request: Request, check: str) -> Answer:
        return self._updated(int(check), request.body, 200) if int(check) in self.checks else NOT_FOUND

    def _updated(self, check: int, body: Mapping[str, Any], status: int) -> Answer:
        found, output = self.checks[check], dict(body.get("output") or {})
        notes = output.pop("annotations", [])
        if len(notes) > 50 or any(len(str(output.get(name, "")).encode()) > 65_535 for name in ("summary", "text")):
            return refused(422, "Invalid request.")
        found["annotations"] = [*found["annotations"], *notes]
        found.update({**body, "output": {**found.get("output", {}), **output}})
        found.setdefault("status", "queued")
        if "conclusion" in body:
            found["status"] = "completed"
        return Answer(status, {name: value for name, value in found.items() if name != "annotations"})

    def _list_checks(self, request: Request, sha: str) -> Answer:
        name = request.query.get("check_name")
        found = [
            {key: value for key, value in one.items() if key != "annotations"}
            for one in self.checks.values()
            if one["head_sha"] == sha and name in {None, one["name"]}
        ]
        return Answer(200, {"total_count": len(found), "check_runs": found})

    def _get_run(self, _: Request, run: str) -> Answer:
        status = self.runs.get(int(run))
        url = f"{self.url}/repos/{REPOSITORY}/actions/runs/{run}"
        return Answer(200, {"id": int(run), "status": status, "url": url}) if status else NOT_FOUND

    def _paged(self, request: Request, rows: list[dict[str, Any]]) -> Answer:
        size, page = int(request.query.get("per_page", "30")), int(request.query.get("page", "1"))
        more = len(rows) > page * size
        address = f"{self.url}{request.path}?per_page={size}&page={page + 1}"
        links = {"Link": f'<{address}>; rel="next"'} if more else {}
        return Answer(200, [dict(row) for row in rows[(page - 1) * size : page * size]], links)

    def _next(self) -> int:
        self._last += 1
        return self._last


def _too_long(body: Mapping[str, Any]) -> Answer | None:
    if len(body["body"]) <= PUBLISHED_LIMIT:
        return None
    error = {"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": "Body is too long"}
    return refused(422, "Validation Failed", errors=[error])


@contextmanager
def github_server(**state: Any) -> Iterator[GitHubServer]:
    """Serve until the context ends."""

    class Handler(serving.Quiet, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

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
            self._send(server_state.answer(request))

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the base class calls them so

        def _send(self, answer: Answer) -> None:
            if not answer.status:
                self.close_connection = True
                return
            body = b"" if answer.body is None else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if answer.cut else body)
            self.close_connection = self.close_connection or answer.cut

    with serving.served(Handler) as url:
        server_state = GitHubServer(url=url, **state)
        yield server_state


def an_open_pull(number: int, *, sha: str, home: str | None = "visitor/widgets", ref: str = "x") -> dict[str, Any]:
    """Return an open pull request as the list of them shows it."""
    owner = (home or "visitor/widgets").partition("/")[0]
    return {
        "number": number,
        "state": "open",
        "url": f"http://127.0.0.1/pulls/{number}",
        "head": {"sha": sha, "ref": ref, "user": {"login": owner}, "repo": {"full_name": home} if home else None},
    }
