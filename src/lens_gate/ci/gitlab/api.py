"""GitLab's REST interface for one merge request: its notes."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from gitlab import Gitlab
from requests import Session
from typing_extensions import override

from lens_gate.ci.asking import Errand, NotThere, Unsure
from lens_gate.ci.gitlab.asking import Asking, Heard
from lens_gate.ci.gitlab.hints import ADDRESS
from lens_gate.ci.gitlab.pipeline import MergeRequest
from lens_gate.ci.notes import Note, NoteGone, Notes
from lens_gate.ci.waiting import Waiting
from lens_gate.errors import PublishFailed

_TIMEOUT_S = 20.0
_PER_PAGE = 100


def notes_of(request: MergeRequest, server_url: str, token: str, waiting: Waiting) -> GitLabNotes:
    """Return the notes of a merge request; nothing is asked yet."""
    heard = Heard()
    session = Session()
    session.hooks["response"].append(heard)
    session.max_redirects = 0  # requests would carry the token to wherever an answer points
    client = Gitlab(
        server_url,
        private_token=token,
        timeout=_TIMEOUT_S,
        session=session,
        keep_base_url=True,  # the next page is asked where the first one was: the token goes nowhere else
        retry_transient_errors=False,
    )
    path = f"/projects/{quote(request.project, safe='')}/merge_requests/{request.number}/notes"
    return GitLabNotes(client, path, Asking(waiting=waiting, heard=heard))


class GitLabNotes(Notes):
    """Notes below one merge request; ours are those of the account that the token belongs to.

    They are plain notes: a thread would have to be resolved before a merge.
    """

    def __init__(self, client: Gitlab, path: str, asking: Asking) -> None:
        self._client = client
        self._path = path
        self._asking = asking
        self._account: int | None = None

    @override
    def mine(self, marker: str) -> list[Note]:
        account = self._me()
        query = {"order_by": "created_at", "sort": "asc", "per_page": _PER_PAGE}
        found = self._asking(
            Errand(what="read the notes"),
            lambda: list(self._client.http_list(self._path, query_data=query, iterator=True, obey_rate_limit=False)),
        )
        ours = (one for one in found if not one.get("system") and (one.get("author") or {}).get("id") == account)
        return [_note(one) for one in ours if str(one.get("body", "")).startswith(marker)]

    @override
    def read(self, note: Note) -> Note:
        try:
            return _note(
                self._asking(
                    Errand(what="read the note"),
                    lambda: self._client.http_get(self._of(note), obey_rate_limit=False),
                )
            )
        except NotThere as error:
            raise NoteGone from error

    @override
    def create(self, body: str) -> None:
        def post() -> Any:
            return self._client.http_post(self._path, post_data={"body": body}, obey_rate_limit=False)

        try:
            self._asking(Errand(what="write a note", repeatable=False), post)
        except Unsure:
            return  # the next look shows whether it is there

    @override
    def edit(self, note: Note, body: str) -> None:
        def put() -> Any:
            return self._client.http_put(self._of(note), post_data={"body": body}, obey_rate_limit=False)

        try:
            self._asking.at_once(Errand(what="update the note"), put)
        except NotThere as error:
            raise NoteGone from error

    @override
    def delete(self, note: Note) -> None:
        try:
            self._asking(
                Errand(what="delete a second note of ours"),
                lambda: self._client.http_delete(self._of(note), obey_rate_limit=False),
            )
        except NotThere:
            return

    def _of(self, note: Note) -> str:
        return f"{self._path}/{note.id}"

    def _me(self) -> int:
        """Return the account of the token."""
        if self._account is None:
            errand = Errand(what="say whose the token is")
            answer: Any = self._asking(errand, lambda: self._client.http_get("/user", obey_rate_limit=False))
            self._account = _number(answer)
        return self._account


def _note(answer: Any) -> Note:
    return Note(id=_number(answer), body=str(answer.get("body", "")))


def _number(answer: Any) -> int:
    found = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(found, int):
        raise PublishFailed(
            "what answered for GitLab is not its interface",
            place="GitLab",
            hint=ADDRESS,
        )
    return found
