"""The comments of a pull request."""

from __future__ import annotations

from github import Github, GithubException
from github.Issue import Issue
from github.IssueComment import IssueComment
from typing_extensions import override

from lens_gate.ci.asking import Errand, NotThere, Unsure
from lens_gate.ci.github.asking import Asking
from lens_gate.ci.notes import Note, NoteGone, Notes
from lens_gate.errors import PublishFailed

_PERMISSION = "pull-requests: write"
_WORKFLOWS = "github-actions[bot]"
_VIEWER = "query { viewer { login } }"


class GitHubNotes(Notes):
    """Comments below one pull request; ours are those of the account that the token belongs to."""

    def __init__(self, client: Github, asking: Asking, repository: str, number: int) -> None:
        self._client = client
        self._asking = asking
        self._issue: Issue = client.get_repo(repository).get_issue(number)
        self._login: str | None = None

    @override
    def mine(self, marker: str) -> list[Note]:
        login = self._me()
        errand = Errand(what="read the comments", permission=_PERMISSION)
        found = self._asking(errand, lambda: list(self._issue.get_comments()))
        ours = (one for one in found if _login(one) in {login, f"{login}[bot]"})
        return [Note(id=one.id, body=one.body) for one in ours if (one.body or "").startswith(marker)]

    @override
    def read(self, note: Note) -> Note:
        errand = Errand(what="read the comment", permission=_PERMISSION)
        try:
            body = self._asking(errand, lambda: self._issue.get_comment(note.id).body)
        except NotThere as error:
            raise NoteGone from error
        return Note(id=note.id, body=body or "")

    @override
    def create(self, body: str) -> None:
        errand = Errand(what="write a comment", permission=_PERMISSION, repeatable=False)
        try:
            made = self._asking(errand, lambda: self._issue.create_comment(body))
        except Unsure:
            return  # the next look shows whether it is there
        self._login = _login(made) or self._login

    @override
    def edit(self, note: Note, body: str) -> None:
        errand = Errand(what="update the comment", permission=_PERMISSION)
        try:
            self._asking.at_once(errand, lambda: self._issue.get_comment(note.id).edit(body))
        except NotThere as error:
            raise NoteGone from error

    @override
    def delete(self, note: Note) -> None:
        errand = Errand(what="delete a second comment of ours", permission=_PERMISSION)
        try:
            self._asking(errand, self._issue.get_comment(note.id).delete)
        except NotThere:
            return

    def _me(self) -> str:
        """Return the account of the token; where GitHub does not say, that of the tokens of workflows.

        A wrong guess is put right by the answer to the first comment that we write.
        """
        if self._login is None:
            errand = Errand(what="say whose the token is", permission=_PERMISSION)
            try:
                answer = self._asking(errand, lambda: self._client.requester.graphql_query(_VIEWER, {})[1])
                self._login = str(answer["data"]["viewer"]["login"])
            except (PublishFailed, GithubException, LookupError, TypeError):
                self._login = _WORKFLOWS
        return self._login


def _login(comment: IssueComment) -> str:
    """Return who wrote a comment; GitHub names nobody where the account is gone."""
    return getattr(comment.user, "login", None) or ""
