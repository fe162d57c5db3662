"""What rules without pairs compare: a stored run and today's, or the two arms of a duet taken for two runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from benchmarks.decisions.generator import DRIFT_5, UNCHANGED, WEATHERS, Change, Weather, duet, stored_runs

from lens_gate.artifacts.samples import Samples
from lens_gate.vocabulary.requests import Arm

SEED = 2026

SAME_TIME = Weather(name="same time", day=DRIFT_5.day)
"""Both arms measured at the same time, on days that drift by 5 %."""

CELLS: Sequence[Weather] = (*WEATHERS, SAME_TIME)


def seeded(requests: int, weather: Weather, *more: int) -> np.random.Generator:
    """Return the generator of one cell of the tables, or of a part of it."""
    return np.random.default_rng([SEED, requests, CELLS.index(weather), *more])


def base_and_candidate(
    rng: np.random.Generator, *, requests: int, weather: Weather, change: Change = UNCHANGED
) -> tuple[Samples, Samples]:
    """Draw both sides, model after model; the change is made to all models of the candidate."""
    if weather is SAME_TIME:
        both = duet(rng, pairs=requests, weather=weather, change=change)
        return both.where(both.texts["arm"].equals(Arm.BASE)), both.where(both.texts["arm"].equals(Arm.CANDIDATE))
    base, candidate = stored_runs(rng, runs=2, requests=requests, weather=weather, change=change)
    return base, candidate
