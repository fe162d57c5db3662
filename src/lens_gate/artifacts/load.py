"""How a run was loaded over time, and how many of its requests met their objectives: parts of `run.json`."""

from __future__ import annotations

from pydantic import FiniteFloat, NonNegativeInt

from lens_gate.artifacts.envelope import Frozen


class ObjectiveMet(Frozen):
    """One objective, and the percentage of the requests that met it."""

    objective: str
    percentage: FiniteFloat


class Goodput(Frozen):
    """How many of the measured requests met every objective: failed, throttled and shed ones did not.

    `requests_per_second` counts those that did, over the measured window; `objectives` tells each one apart.
    """

    met: NonNegativeInt
    total: NonNegativeInt
    percentage: FiniteFloat
    requests_per_second: float | None
    objectives: tuple[ObjectiveMet, ...]


class PlannedStage(Frozen):
    """A piece of the run whose rate went evenly from one to the other, in requests per second."""

    duration_s: FiniteFloat
    first_rate: FiniteFloat
    last_rate: FiniteFloat
