"""Several questions at once: the chance of any false alarm stays below one level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stepped:
    """One hypothesis of a family: its adjusted p value, and the level at which its own p value was held."""

    adjusted_p: float
    level: float


def holm(p_values: Sequence[float], *, alpha: float) -> tuple[Stepped, ...]:
    """Judge a family by Holm's step-down procedure (Scand. J. Stat. 6, 1979), valid under any dependence.

    The smallest p value is held against alpha / k, the next against alpha / (k − 1), and so on; from the first that
    does not stand, all further ones are held against that same level. Results are in the order of `p_values`.
    """
    if any(not 0 <= p <= 1 for p in p_values) or not 0 < alpha < 1:
        msg = "p values lie between 0 and 1, and so does alpha"
        raise ValueError(msg)
    stepped: dict[int, Stepped] = {}
    adjusted, level = 0.0, alpha
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        left = len(p_values) - rank
        if adjusted < alpha:
            level = alpha / left
        adjusted = max(adjusted, min(1.0, left * p_values[index]))
        stepped[index] = Stepped(adjusted, level)
    return tuple(stepped[index] for index in range(len(p_values)))
