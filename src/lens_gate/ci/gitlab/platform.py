"""GitLab CI as the platform that runs us."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import assert_never

from typing_extensions import override

from lens_gate.ci.gitlab.hints import EXTRA, IN_A_FORK, TOKEN
from lens_gate.ci.gitlab.pipeline import Pipeline, read_pipeline
from lens_gate.ci.gitlab.reports import CODE_QUALITY, DOTENV, METRICS, code_quality, dotenv, open_metrics
from lens_gate.ci.notes import Notes
from lens_gate.ci.platform import Obstacle, Platform, Step
from lens_gate.ci.waiting import Waiting
from lens_gate.errors import PublishFailed, UsageProblem
from lens_gate.vocabulary.publishing import Annotation, CheckResult, Publication

_NO_SUMMARY = "GitLab has no summary of a job; the note on the merge request and the JUnit report show the verdict"
_JOB = ("CI_MERGE_REQUEST_IID", "CI_JOB_NAME")
"""What tells jobs apart: pipelines of a branch and of its merge request have jobs of the same names.

Not how a pipeline was started: `Run pipeline` on a branch measures what a push to it does.
"""

_NO_CHECK = "on GitLab the job itself is the check"


def runs_on_gitlab(environment: Mapping[str, str]) -> bool:
    """Say whether this is a job of a pipeline."""
    return environment.get("GITLAB_CI") == "true"


class GitLab(Platform):
    """A job of a pipeline. Its reports are files in the folder where it runs, which the job names as its artifacts."""

    def __init__(self, environment: Mapping[str, str], folder: Path, waiting: Waiting) -> None:
        self._environment = environment
        self._folder = folder
        self._waiting = waiting

    @cached_property
    def pipeline(self) -> Pipeline:
        """What the job runs for."""
        return read_pipeline(self._environment)

    @property
    @override
    def name(self) -> str:
        return "GitLab"

    @property
    @override
    def step(self) -> Step:
        # Child pipelines of one pipeline have jobs of the same names, and nothing names the child.
        request, name = (self._environment.get(variable, "") for variable in _JOB)
        child = self._environment.get("CI_PIPELINE_SOURCE") == "parent_pipeline"
        return Step(
            run_id=self.pipeline.id,
            attempt=self.pipeline.job_id,
            commit=self.pipeline.commit,
            job=f"{'child' if child else ''}/{request}/{name}",
            nonce=str(self.pipeline.job_id),
            one_change=not child,
            whole=not child,
        )

    @property
    @override
    def trusted_half(self) -> bool:
        return False

    @property
    @override
    def without_secrets(self) -> str:
        try:
            return IN_A_FORK if self.pipeline.elsewhere else ""
        except PublishFailed:
            return ""

    @property
    @override
    def measured_without_secrets(self) -> str:
        return self.without_secrets

    @override
    def require(self, kinds: Iterable[Publication]) -> None:
        if Publication.COMMENT in kinds and not _installed():
            raise UsageProblem("publishing a note on GitLab needs python-gitlab", hint=EXTRA)

    @override
    def obstacle(self, what: Publication) -> Obstacle | None:
        match what:
            case Publication.SUMMARY:
                return Obstacle(why=_NO_SUMMARY)
            case Publication.CHECK:
                return Obstacle(why=_NO_CHECK)
            case Publication.OUTPUTS | Publication.ANNOTATIONS:
                return None
            case Publication.COMMENT:
                return self._obstacle_of_note()
            case _ as never:
                assert_never(never)

    def _obstacle_of_note(self) -> Obstacle | None:
        if not _installed():
            return Obstacle(why=f"python-gitlab is not installed. {EXTRA}")
        try:
            pipeline = self.pipeline
        except PublishFailed as error:
            return Obstacle(why=error.message)
        if pipeline.request is None:
            return Obstacle(why="this pipeline belongs to no merge request, or to several")
        return None if self._token else _without_token(pipeline)

    @override
    def url_of_run(self, run_id: int) -> str:
        return self.pipeline.url_of(run_id)

    @override
    def write_summary(self, text: str) -> None:
        raise PublishFailed(_NO_SUMMARY, place=self.name, hint="Leave `summary` out, or say `auto`.")

    @override
    def write_outputs(self, values: Mapping[str, str]) -> None:
        self._write(DOTENV, dotenv(values))
        self._write(METRICS, open_metrics(values))

    @override
    def annotate(self, annotations: Sequence[Annotation], *, beside: Sequence[Annotation] = ()) -> None:
        self._write(CODE_QUALITY, code_quality([*annotations, *beside]))

    @override
    def notes(self) -> Sequence[Notes]:
        if not _installed():
            raise PublishFailed("python-gitlab is not installed", place=self.name, hint=EXTRA)
        request = self.pipeline.request
        if request is None:
            raise PublishFailed(
                "there is no merge request to write a note on, or several are open for this branch",
                place=self.name,
                hint="Publish in pipelines for merge requests: `rules: [{if: $CI_PIPELINE_SOURCE == "
                "'merge_request_event'}]`.",
            )
        if not self._token:
            hint = IN_A_FORK if self.pipeline.elsewhere else TOKEN
            raise PublishFailed("there is no token that may write notes", place=self.name, hint=hint)
        from lens_gate.ci.gitlab.api import notes_of  # noqa: PLC0415 it needs an extra, and a tenth of a second

        return [notes_of(request, self.pipeline.server_url, self._token, self._waiting)]

    @override
    def begin_check(self, suite: str) -> None:
        raise PublishFailed(_NO_CHECK, place=self.name, hint="Leave `check` out, or say `auto`.")

    @override
    def end_check(self, suite: str, result: CheckResult) -> None:
        raise PublishFailed(_NO_CHECK, place=self.name, hint="Leave `check` out, or say `auto`.")

    @property
    def _token(self) -> str:
        return self._environment.get("GITLAB_TOKEN") or ""

    def _write(self, name: str, text: str) -> None:
        path = self._folder / name
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise PublishFailed(f"the report cannot be written: {error.strerror}", place=str(path)) from error


def _without_token(pipeline: Pipeline) -> Obstacle:
    if pipeline.elsewhere:
        return Obstacle(why=f"the merge request comes from a fork. {IN_A_FORK}", way_out=IN_A_FORK)
    return Obstacle(why=f"there is no token that may write notes. {TOKEN}", way_out=TOKEN)


def _installed() -> bool:
    return find_spec("gitlab") is not None
