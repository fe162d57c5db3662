"""Check runs on a commit: begun when a suite begins, ended when it ends, and closed where a run was lost.

The rules that protect a branch ask for a check by its name, and look at the newest of that name. Where several jobs end
checks of one name, none of these may look better than the worst.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from github import Github
from github.CheckRun import CheckRun

from lens_gate.ci.asking import Errand, NotThere, Unsure
from lens_gate.ci.board import Slot, digest, standing
from lens_gate.ci.github.asking import Asking
from lens_gate.ci.github.event import Event
from lens_gate.ci.github.job import Job
from lens_gate.errors import PublishFailed
from lens_gate.vocabulary.publishing import Annotation, CheckResult, Conclusion, Level

NAME_BYTES = 255
TITLE_CHARACTERS = 250
MESSAGE_CHARACTERS = 8_000
PER_REQUEST = 50
MOST_ANNOTATIONS = 100

_LOST_AFTER_S = 6 * 3600
"""How long a job of GitHub's own runners may take: what is open for longer belongs to no job any more."""

_PERMISSION = "checks: write"
_OURS = re.compile(
    r"(?P<job>lens-gate/(?P<run>[1-9][0-9]{0,18})/(?P<attempt>[1-9][0-9]{0,5})/(?P<lane>[0-9a-f]{16})/[0-9a-f]{16})"
    rf"(?:/(?P<ended>{'|'.join(Conclusion)})(?P<unmeasured>/unmeasured)?(?:/(?P<asked>[0-9a-f]{{16}}))?)?"
)
_WORST_FIRST = (Conclusion.FAILURE, Conclusion.NEUTRAL, Conclusion.SUCCESS)
_LEVELS = {Level.ERROR: "failure", Level.WARNING: "warning", Level.NOTICE: "notice"}
_STALE = {
    "title": "Stale: the run that began this check never ended it",
    "summary": "Its runner was lost, or the run was cancelled. A later run of the same suite closed this check.",
}


@dataclass(frozen=True, slots=True)
class _Shared:
    """What a check says first where another one of its name, on which it depends, found something worse."""

    title: str
    summary: str


_BY_JOBS = _Shared(
    "Worse in another job of this name. Here: ",
    "**Several jobs publish under this name, and another one found something worse**, which counts for all of them. "
    "Give each job a name of its own (`suite`); until then use `Re-run all jobs`: one of them alone takes nothing back."
    "\n\n",
)
_BY_RUNS = _Shared(
    "Worse in another run on this commit. Here: ",
    "**Several runs measured this commit, and another one found something worse**, perhaps for another pull request of "
    "it, which counts for all of them. Only another attempt of the same run takes its word back.\n\n",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """The run and the job that a check belongs to, and the job's own result once it has one."""

    event: Event
    job: Job
    ended: CheckResult | None = None

    def external_id(self, name: str) -> str:
        """Return what a check of this name carries, by which it is known again."""
        event, job = self.event, self.job
        # All checks that are looked at stand on one commit.
        lane = digest(name, job.name) if job.one_change else digest(name, job.name, str(event.run_id))
        begun = f"lens-gate/{event.run_id}/{event.attempt}/{lane}/{self.job.nonce}"
        if self.ended is None:
            return begun
        asked = f"/{digest(self.ended.asked)}" if self.ended.asked else ""
        return f"{begun}/{self.ended.conclusion}{'' if self.ended.measured else '/unmeasured'}{asked}"


class GitHubChecks:
    """The check runs of one commit; `now` is the time of day in seconds since 1970."""

    def __init__(self, client: Github, asking: Asking, whose: Whose, now: Callable[[], float]) -> None:
        self._repository = client.get_repo(whose.event.repository)
        self._asking = asking
        self._whose = whose
        self._event = whose.event
        self._now = now

    def begin(self, suite: str) -> None:
        """Begin the check of a suite, unless this job has begun it already, and close what lost runs left open."""
        name = check_name(suite)
        there = self._close_lost(name)
        if not any(self._is_mine(one) for one in there):
            self._create(name, self._whose, status="in_progress")

    def end(self, suite: str, result: CheckResult) -> None:
        """End the check of a suite; one that was not begun is made."""
        name, whose = check_name(suite), replace(self._whose, ended=result)
        there = self._close_lost(name)
        mine = next((one for one in there if self._is_mine(one)), None)
        output = {"title": _cut(result.title, TITLE_CHARACTERS), "summary": result.summary}
        ended: dict[str, Any] = {"status": "completed", "conclusion": result.conclusion.value, "output": output}
        if mine is None:
            mine = self._create(name, whose, **ended)
        else:
            self._edit(mine, external_id=whose.external_id(name), **ended)
        notes = _placed(result.annotations)
        for first in range(0, len(notes), PER_REQUEST):
            # What is sent twice is shown twice.
            part = notes[first : first + PER_REQUEST]
            self._edit(mine, repeatable=False, output={**output, "annotations": part})
        # Read after our own was written: of two jobs that end at the same moment one at least sees both.
        self._level(name)

    def _level(self, name: str) -> None:
        """Let every check of this name end as the worst of those that stand.

        A job may end two: where it was killed while it ended the first. It counts as one job all the same. Where it had
        no verdict at first, and reached one later, the first does not stand.
        """
        ours = _without_retried(self._ours(name, self._event.sha))
        known = [(check, slot) for check in ours if (slot := _slot(check)) is not None]
        stand = {slot.source for slot in standing({slot.source: slot for _, slot in known}.values())}
        ended = [
            (check, Conclusion(slot.content))
            for check, slot in known
            if slot.source in stand and isinstance(slot.content, str)
        ]
        shared = _BY_JOBS if self._whose.job.one_change else _BY_RUNS
        worst = next((one for one in _WORST_FIRST if any(own is one for _, own in ended)), None)
        for check, own in ended:
            if worst is not None:
                output = _told(check, shared if own is not worst else None)
                # Another job may have raised ours, and our annotations may have brought our own title back since.
                if (check.conclusion, check.output.title) != (worst.value, output["title"]):
                    self._edit(check, status="completed", conclusion=worst.value, output=output)

    def _close_lost(self, name: str) -> list[CheckRun]:
        """Close what lost runs left open on this commit and the one before; return the open ones of this commit."""
        here = self._open(name, self._event.sha)
        before = self._open(name, self._event.before) if self._event.before else []
        for one in (*here, *before):
            if not self._is_mine(one) and self._is_lost(one):
                self._edit(one, status="completed", conclusion="cancelled", output=_STALE)
        return here

    def _open(self, name: str, sha: str) -> list[CheckRun]:
        return [one for one in self._ours(name, sha) if one.status != "completed"]

    def _ours(self, name: str, sha: str) -> list[CheckRun]:
        errand = Errand(what="read the checks", permission=_PERMISSION)
        commit = self._repository.get_commit(sha)
        try:
            found = self._asking(errand, lambda: list(commit.get_check_runs(check_name=name, filter="all")))
        except NotThere:
            return []  # a commit that was pushed over may be gone
        return [one for one in found if _OURS.fullmatch(one.external_id or "")]

    def _is_mine(self, check: CheckRun) -> bool:
        return check.external_id == self._whose.external_id(check.name)

    def _is_lost(self, check: CheckRun) -> bool:
        """Whether nobody will end this check: its run is over, or nobody knows of it and it is open for too long."""
        run_id, attempt = (int(part) for part in check.external_id.split("/")[1:3])
        if run_id == self._event.run_id:
            return attempt < self._event.attempt  # else it is of another job of this very run
        errand = Errand(what="see whether an earlier run is over", permission="actions: read")
        try:
            return self._asking(errand, lambda: self._repository.get_workflow_run(run_id).status) == "completed"
        except PublishFailed:
            begun: datetime | None = check.started_at
            return begun is None or self._now() - begun.timestamp() > _LOST_AFTER_S

    def _create(self, name: str, whose: Whose, **fields: Any) -> CheckRun:
        """Make a check; where the answer was lost, look for it before it is made again."""
        errand = Errand(what="make a check", permission=_PERMISSION, repeatable=False)
        given = {"name": name, "head_sha": self._event.sha, "external_id": whose.external_id(name), **fields}
        given["details_url"] = self._event.run_url
        try:
            return self._asking(errand, lambda: self._repository.create_check_run(**given))
        except Unsure:
            there = self._ours(name, self._event.sha)
            made = next((one for one in there if one.external_id == given["external_id"]), None)
            return made or self._asking(errand, lambda: self._repository.create_check_run(**given))

    def _edit(self, check: CheckRun, *, repeatable: bool = True, **fields: Any) -> None:
        errand = Errand(what="update the check", permission=_PERMISSION, repeatable=repeatable)
        self._asking(errand, lambda: check.edit(**fields))


def _without_retried(checks: Sequence[CheckRun]) -> list[CheckRun]:
    """Leave out what a job said when it had no verdict, where the same job has ended a check with one since.

    Where that says what was asked for, only a verdict from the same counts.
    """
    known = [(check, found) for check in checks if (found := _OURS.fullmatch(check.external_id or "")) is not None]
    reached: dict[tuple[str, str | None], int] = defaultdict(int)
    for check, found in known:
        if found["ended"] and not found["unmeasured"]:
            for asked in (None, found["asked"]):
                reached[found["job"], asked] = max(check.id, reached[found["job"], asked])
    return [
        check
        for check, found in known
        if not (found["unmeasured"] and check.id < reached[found["job"], found["asked"]])
    ]


def _slot(check: CheckRun) -> Slot | None:
    """Return a check as a result among others, by its job; None where a lost run never had one."""
    found = _OURS.fullmatch(check.external_id or "")
    if found is None or (check.status == "completed" and found["ended"] is None):
        return None
    run, attempt = int(found["run"]), int(found["attempt"])
    return Slot(lane=found["lane"], run_id=run, attempt=attempt, source=found["job"], content=found["ended"])


def _told(check: CheckRun, shared: _Shared | None) -> dict[str, str]:
    """Return what a check says of its own result, and, where it ends as another one of its name did, that it does."""
    title, summary = check.output.title or "", check.output.summary or ""
    for said in (_BY_JOBS, _BY_RUNS):
        title, summary = title.removeprefix(said.title), summary.removeprefix(said.summary)
    if shared is None:
        return {"title": title, "summary": summary}
    return {"title": _cut(f"{shared.title}{title}", TITLE_CHARACTERS), "summary": f"{shared.summary}{summary}"}


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
