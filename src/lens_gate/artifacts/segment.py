"""A run that did not go through in one go: its stretches."""

from __future__ import annotations

from pydantic import Field

from lens_gate.artifacts.envelope import Frozen


class Segment(Frozen):
    """A stretch of a run that was interrupted: when it began, on the run's clock and by the time of day.

    The run's clock stands still between two stretches. `requests` of it have a sample; `lost` were sent, or may have
    been, when it was killed, and nobody knows what became of them.
    """

    start_time: str
    begin_ns: int = Field(ge=0)
    requests: int = Field(ge=0)
    lost: int = Field(default=0, ge=0)
