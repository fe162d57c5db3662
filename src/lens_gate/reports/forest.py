"""An interval drawn in characters, against no change and against what is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import assert_never

from lens_gate.reports.page import Bounds
from lens_gate.vocabulary.metrics import Direction

FOREST_CELLS = 25
"""Odd, so that no change stands in the middle."""

_MIDDLE = FOREST_CELLS // 2


def axis_reach(drawn: Sequence[Bounds]) -> float:
    """Return how far the shared axis goes either way: twice the largest limit, so that noise within it looks small."""
    limits = [2 * numbers.limit for numbers in drawn if numbers.limit]
    return max(limits, default=0.0) or max((2 * abs(numbers.estimate) for numbers in drawn), default=0.0) or 1.0


def forest(numbers: Bounds, *, reach: float, mark: str) -> str:
    """Return FOREST_CELLS characters: `│` no change, `┊` the limit, `─` the interval, an arrow where it goes on.

    Without an interval only the estimate is drawn.
    """
    cells = [" "] * FOREST_CELLS
    cells[_MIDDLE] = "│"
    for limit in limits(numbers):
        cells[_cell(limit, reach)] = "┊"
    if numbers.lower is not None or numbers.upper is not None:
        lower = -inf if numbers.lower is None else numbers.lower
        upper = inf if numbers.upper is None else numbers.upper
        for cell in range(_cell(lower, reach), _cell(upper, reach) + 1):
            cells[cell] = "─"
        cells[0] = "<" if lower < -reach else cells[0]
        cells[-1] = ">" if upper > reach else cells[-1]
    cells[_cell(numbers.estimate, reach)] = mark
    return "".join(cells)


def limits(numbers: Bounds) -> list[float]:
    """Return the changes beyond which is more than is allowed, in the direction in which they are told."""
    if numbers.limit is None:
        return []
    match numbers.worse:
        case Direction.LOWER_IS_BETTER:
            return [numbers.limit]
        case Direction.HIGHER_IS_BETTER:
            return [-numbers.limit]
        case Direction.TWO_SIDED:
            return [-numbers.limit, numbers.limit]
        case _ as never:
            assert_never(never)


def _cell(value: float, reach: float) -> int:
    return round(_MIDDLE + _MIDDLE * min(max(value / reach, -1.0), 1.0))
