"""GitHub Actions as the platform that runs us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from typing_extensions import override

from lens_gate.ci.github.event import Event, read_event
from lens_gate.ci.github.files import RunnerFiles
from lens_gate.ci.platform import Platform, Step
from lens_gate.errors import PublishFailed
from lens_gate.vocabulary.publishing import Annotation, Publication


def runs_on_github(environment: Mapping[str, str]) -> bool:
    """Say whether this is a step of a workflow."""
    return environment.get("GITHUB_ACTIONS") == "true"


class GitHub(Platform):
    """A step of a workflow. The event is read when it is asked for: summary and outputs do not need it."""

    def __init__(self, environment: Mapping[str, str], files: RunnerFiles) -> None:
        self._environment = environment
        self._files = files

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
        return Step(run_id=self.event.run_id, attempt=self.event.attempt, url=self.event.run_url)

    @property
    @override
    def trusted_half(self) -> bool:
        return self._environment.get("GITHUB_EVENT_NAME") == "workflow_run"

    @override
    def obstacle(self, what: Publication) -> str | None:
        return self._files.obstacle(what)

    @override
    def write_summary(self, text: str) -> None:
        self._files.write_summary(text)

    @override
    def write_outputs(self, values: Mapping[str, str]) -> None:
        self._files.write_outputs(values)

    @override
    def annotate(self, annotations: Sequence[Annotation]) -> None:
        self._files.annotate(annotations)


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
