"""What is shown while a run goes on, as a run sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from lens_gate.artifacts.samples import Sample
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.steps.resolving.arms import Arms


@dataclass(frozen=True, slots=True)
class Looked:
    """A look at a run that ends when it is decided: after how many pairs of at most how many, what is still open."""

    pairs: int
    most: int
    still_open: int
    series: int


class Watcher(Protocol):
    """What is shown while a run goes on."""

    def begin(self, settings: ScheduleSettings, arms: Arms) -> None:
        """Take note of what was planned."""
        ...

    def following(self, planned: Iterator[PlannedRequest]) -> Iterator[PlannedRequest]:
        """Pass the schedule on, counting."""
        ...

    def note(self, sample: Sample) -> None:
        """Take note of a request that ended."""
        ...

    def looked(self, look: Looked) -> None:
        """Take note of what a look at the run found."""
        ...
