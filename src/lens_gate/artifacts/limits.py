"""What circuit breakers and rate limits kept a run from sending, or put off."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lens_gate.artifacts.envelope import Frozen
from lens_gate.vocabulary.requests import Arm


class BreakerChange(Frozen):
    """The circuit breaker of an endpoint changed its state, `at_ns` nanoseconds from the run's anchor."""

    at_ns: int
    arm: Arm
    provider: str
    endpoint: str
    state: Literal["closed", "open", "half_open"]


class Paced(Frozen):
    """What became of a provider's requests that its rate limits let go only later than the schedule asked for.

    `paced` were held back, `waited_s` seconds in all and at most `longest_s`; `shed` were not sent, because their wait
    would have been too long.
    """

    provider: str
    paced: Annotated[int, Field(ge=0)]
    shed: Annotated[int, Field(ge=0)]
    waited_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    longest_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
