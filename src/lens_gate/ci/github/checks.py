"""Check runs on a commit: begun when a suite begins, ended when it ends, and closed where a run was lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from github import Github
from github.CheckRun import CheckRun

from lens_gate.ci.github.asking import Asking, Errand, NotThere, Unsure
from lens_gate.ci.github.event import Event
from lens_gate.errors import PublishFailed
from lens_gate.vocabulary.publishing import Annotation, CheckResult, Level

NAME_BYTES = 255
TITLE_CHARACTERS = 250
MESSAGE_CHARACTERS = 8_000
PER_REQUEST = 50
MOST_ANNOTATIONS = 100

_LOST_AFTER_S = 6 * 3600
"""How long a job of GitHub's own runners may take: what is open for longer belongs to no job any more."""

_PERMISSION = "checks: write"
_OURS = re.compile(r"lens-gate/([1-9][0-9]{0,18})/([1-9][0-9]{0,5})")
_LEVELS = {Level.ERROR: "failure", Level.WARNING: "warning", Level.NOTICE: "notice"}
_STALE = {
    "title": "Stale: the run that began this check never ended it",
    "summary": "Its runner was lost, or the run was cancelled. A later run of the same suite closed this check.",
}


class GitHubChecks:
    """The check runs of one commit; `now` is the time of day in seconds since 1970."""

    def __init__(self, client: Github, asking: Asking, event: Event, now: Callable[[], float]) -> None:
        self._repository = client.get_repo(event.repository)
        self._asking = asking
        self._event = event
        self._now = now

    def begin(self, suite: str) -> None:
        """Begin the check of a suite, unless this run has begun it already, and close what lost runs left open."""
        there = self._close_lost(check_name(suite))
        if not any(self._is_mine(one) for one in there):
            self._create(suite, status="in_progress")

    def end(self, suite: str, result: CheckResult) -> None:
        """End the check of a suite; one that was not begun is made."""
        there = self._close_lost(check_name(suite))
        mine = next((one for one in there if self._is_mine(one)), None)
        output = {"title": _cut(result.title, TITLE_CHARACTERS), "summary": result.summary}
        if mine is None:
            mine = self._create(suite, status="completed", conclusion=result.conclusion.value, output=output)
        else:
            self._edit(mine, status="completed", conclusion=result.conclusion.value, output=output)
        notes = _placed(result.annotations)
        for first in range(0, len(notes), PER_REQUEST):
            # What is sent twice is shown twice.
            part = notes[first : first + PER_REQUEST]
            self._edit(mine, repeatable=False, output={**output, "annotations": part})

    def _close_lost(self, name: str) -> list[CheckRun]:
        """Close what lost runs left open on this commit and the one before; return the open ones of this commit."""
        here = self._open(name, self._event.sha)
        before = self._open(name, self._event.before) if self._event.before else []
        for one in (*here, *before):
            if not self._is_mine(one) and self._is_lost(one):
                self._edit(one, status="completed", conclusion="cancelled", output=_STALE)
        return here

    def _open(self, name: str, sha: str) -> list[CheckRun]:
        errand = Errand(what="read the checks", permission=_PERMISSION)
        commit = self._repository.get_commit(sha)
        try:
            found = self._asking(errand, lambda: list(commit.get_check_runs(check_name=name, filter="all")))
        except NotThere:
            return []  # a commit that was pushed over may be gone
        return [one for one in found if one.status != "completed" and _OURS.fullmatch(one.external_id or "")]

    def _is_mine(self, check: CheckRun) -> bool:
        return check.external_id == self._own_id

    def _is_lost(self, check: CheckRun) -> bool:
        """Whether nobody will end this check: its run is over, or nobody knows of it and it is open for too long."""
        run_id = int(check.external_id.split("/")[1])
        if run_id == self._event.run_id:
            return True  # an earlier attempt of this very run
        errand = Errand(what="see whether an earlier run is over", permission="actions: read")
        try:
            return self._asking(errand, lambda: self._repository.get_workflow_run(run_id).status) == "completed"
        except PublishFailed:
            begun: datetime | None = check.started_at
            return begun is None or self._now() - begun.timestamp() > _LOST_AFTER_S

    @property
    def _own_id(self) -> str:
        return f"lens-gate/{self._event.run_id}/{self._event.attempt}"

    def _create(self, suite: str, **fields: Any) -> CheckRun:
        """Make a check; where the answer was lost, look for it before it is made again."""
        name = check_name(suite)
        errand = Errand(what="make a check", permission=_PERMISSION, repeatable=False)
        given = {"name": name, "head_sha": self._event.sha, "external_id": self._own_id, **fields}
        given["details_url"] = self._event.run_url
        try:
            return self._asking(errand, lambda: self._repository.create_check_run(**given))
        except Unsure:
            made = next((one for one in self._open(name, self._event.sha) if self._is_mine(one)), None)
            return made or self._asking(errand, lambda: self._repository.create_check_run(**given))

    def _edit(self, check: CheckRun, *, repeatable: bool = True, **fields: Any) -> None:
        errand = Errand(what="update the check", permission=_PERMISSION, repeatable=repeatable)
        self._asking(errand, lambda: check.edit(**fields))


def check_name(suite: str) -> str:
    """Return the name of a suite's check, which the rules that protect a branch refer to."""
    return f"lens-gate / {suite}".encode()[:NAME_BYTES].decode("utf-8", errors="ignore")


def _placed(annotations: Sequence[Annotation]) -> list[dict[str, Any]]:
    """Return the annotations that have a place in the repository, which is all that a check takes; the worst first."""
    return [
        {
            "path": one.path,
            "start_line": one.line or 1,
            "end_line": one.line or 1,
            "annotation_level": _LEVELS[one.level],
            "title": _cut(one.title, TITLE_CHARACTERS),
            "message": _cut(one.message, MESSAGE_CHARACTERS) or "-",
        }
        for one in annotations
        if one.path
    ][:MOST_ANNOTATIONS]


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
