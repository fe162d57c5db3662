"""GitHub Actions as the platform that runs us."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from lens_gate.ci.github.event import Event, read_event
from lens_gate.ci.github.files import RunnerFiles
from lens_gate.ci.github.job import Job, read_job
from lens_gate.ci.notes import Notes
from lens_gate.ci.platform import Obstacle, Platform, Step
from lens_gate.ci.waiting import Waiting
from lens_gate.errors import PublishFailed, UsageProblem
from lens_gate.vocabulary.publishing import Annotation, CheckResult, Publication

if TYPE_CHECKING:
    from lens_gate.ci.github.api import Api
    from lens_gate.ci.github.checks import GitHubChecks

_ASKING = (Publication.COMMENT, Publication.CHECK)
_EXTRA_HINT = "Install it: pip install 'lens-gate[github]'"
_TOKEN_HINT = "Give the step the job's token: `env: GITHUB_TOKEN: ${{ github.token }}`."
_TWO_HALVES = (
    "A pull request from a fork runs without secrets, and with a token that may only read: it cannot comment here. "
    "Upload verdict.json as an artifact of this workflow, and let a second one, `on: workflow_run`, publish it: "
    "`lens-gate report verdict.json --publish auto` there takes the pull request from GitHub's own event."
)
_NO_SECRETS = (
    "This pull request comes from a fork: GitHub gives its runs no secrets, and so nothing was measured. "
    "Someone who may push to this repository can run the same commit from a branch of it."
)
_DEPENDABOT = "dependabot[bot]"
_HELD_BACK = ("pull_request", "pull_request_review", "pull_request_review_comment", "push")
_NO_SECRETS_FOR_DEPENDABOT = (
    "Dependabot started this run: GitHub gives it none of the secrets of Actions, and so nothing was measured. "
    "Add the key to Dependabot's own secrets, or push a commit of yours to its branch."
)


def runs_on_github(environment: Mapping[str, str]) -> bool:
    """Say whether this is a step of a workflow."""
    return environment.get("GITHUB_ACTIONS") == "true"


class GitHub(Platform):
    """A step of a workflow. The event is read when it is asked for: summary and outputs do not need it."""

    def __init__(self, environment: Mapping[str, str], files: RunnerFiles, waiting: Waiting) -> None:
        self._environment = environment
        self._files = files
        self._waiting = waiting

    @cached_property
    def event(self) -> Event:
        """What the workflow runs for."""
        return read_event(self._environment, _payload(self._environment))

    @property
    @override
    def name(self) -> str:
        return "GitHub"

    @property
    @override
    def step(self) -> Step:
        event = self.event
        job = self._job
        return Step(
            run_id=event.run_id,
            attempt=event.attempt,
            commit=event.sha,
            job=job.name,
            nonce=job.nonce,
            one_change=job.one_change,
        )

    @cached_property
    def _job(self) -> Job:
        return read_job(self._environment)

    @property
    @override
    def trusted_half(self) -> bool:
        return self._environment.get("GITHUB_EVENT_NAME") == "workflow_run"

    @property
    @override
    def without_secrets(self) -> str:
        if self._from_fork:
            return _NO_SECRETS
        return _NO_SECRETS_FOR_DEPENDABOT if self._by_dependabot else ""

    @property
    @override
    def measured_without_secrets(self) -> str:
        try:
            origin = self.event.origin
        except PublishFailed:
            return ""
        if origin is None:
            return self.without_secrets
        if origin.event not in _HELD_BACK:
            return ""
        if origin.repository != self.event.repository:
            return _NO_SECRETS
        return _NO_SECRETS_FOR_DEPENDABOT if origin.actor == _DEPENDABOT else ""

    @property
    @override
    def earlier_result(self) -> str:
        try:
            origin = self.event.origin
        except PublishFailed:
            return ""
        return (origin.conclusion or "") if origin else ""

    @property
    def _by_dependabot(self) -> bool:
        """Whether GitHub holds the secrets back: whose run it is counts, and not whose branch."""
        here = self._environment
        return here.get("GITHUB_ACTOR") == _DEPENDABOT and here.get("GITHUB_EVENT_NAME") in _HELD_BACK

    @property
    def _from_fork(self) -> bool:
        try:
            pull = self.event.pull
        except PublishFailed:
            return False
        return pull is not None and pull.fork and self.event.name in _HELD_BACK

    @override
    def require(self, kinds: Iterable[Publication]) -> None:
        if any(what in _ASKING for what in kinds) and not _installed():
            raise UsageProblem("publishing a comment or a check on GitHub needs PyGithub", hint=_EXTRA_HINT)

    @override
    def obstacle(self, what: Publication) -> Obstacle | None:
        if what not in _ASKING:
            why = self._files.obstacle(what)
            return Obstacle(why=why) if why else None
        if not _installed():
            return Obstacle(why=f"PyGithub is not installed. {_EXTRA_HINT}")
        if not self._token:
            return Obstacle(why=f"there is no token. {_TOKEN_HINT}")
        return self._obstacle_of_event(what)

    def _obstacle_of_event(self, what: Publication) -> Obstacle | None:
        try:
            event = self.event
        except PublishFailed as error:
            return Obstacle(why=error.message)
        if self._from_fork:
            return Obstacle(why="the pull request comes from a fork", way_out=_TWO_HALVES)
        if what is Publication.COMMENT and event.pull is None and event.origin is None:
            return Obstacle(why=f"`{event.name}` belongs to no pull request")
        return None

    @override
    def url_of_run(self, run_id: int) -> str:
        return self.event.url_of_run(run_id)

    @override
    def write_summary(self, text: str) -> None:
        self._files.write_summary(text)

    @override
    def write_outputs(self, values: Mapping[str, str]) -> None:
        self._files.write_outputs(values)

    @override
    def artifact_name(self, suite: str) -> str:
        return self._files.artifact_name(suite)

    @override
    def annotate(self, annotations: Sequence[Annotation], *, beside: Sequence[Annotation] = ()) -> None:
        del beside  # each command to the runner stands by itself
        self._files.annotate(annotations)

    @override
    def notes(self) -> Sequence[Notes]:
        return self._api.notes()

    @override
    def begin_check(self, suite: str) -> None:
        self._checks.begin(suite)

    @override
    def end_check(self, suite: str, result: CheckResult) -> None:
        self._checks.end(suite, result)

    @property
    def _checks(self) -> GitHubChecks:
        return self._api.checks(self._job, self._waiting.now)

    @property
    def _token(self) -> str:
        return self._environment.get("GITHUB_TOKEN") or self._environment.get("GH_TOKEN") or ""

    @cached_property
    def _api(self) -> Api:
        if not _installed():
            raise PublishFailed("PyGithub is not installed", place=self.name, hint=_EXTRA_HINT)
        if not self._token:
            raise PublishFailed("there is no token to publish with", place=self.name, hint=_TOKEN_HINT)
        from lens_gate.ci.github.api import Api  # noqa: PLC0415 it needs an extra, and a tenth of a second
        from lens_gate.ci.github.asking import Asking  # noqa: PLC0415

        return Api.connect(self.event, self._token, Asking(waiting=self._waiting))


def _installed() -> bool:
    return find_spec("github") is not None


def _payload(environment: Mapping[str, str]) -> bytes:
    path = environment.get("GITHUB_EVENT_PATH")
    if not path:
        return b""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise PublishFailed(
            f"the payload of the event cannot be read: {error.strerror}", place=path, hint="GITHUB_EVENT_PATH names it."
        ) from error
