"""Several questions at once: the chance of any false alarm stays below one level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    """A p value with its weight in the family, and the smallest p value that its sample allows."""

    p_value: float
    weight: float = 1.0
    floor: float = 0.0


@dataclass(frozen=True, slots=True)
class Stepped:
    """One hypothesis of a family: its adjusted p value, and the level at which its own p value was held."""

    adjusted_p: float
    level: float


def holm(family: Sequence[Member], *, alpha: float) -> tuple[Stepped, ...]:
    """Judge a family by Holm's weighted step-down procedure (Scand. J. Stat. 6, 1979), valid under any dependence.

    The hypothesis with the smallest p / weight is held against alpha times its share of the weights, the next against
    alpha times its share of those that are left, and so on; from the first that does not stand, all further ones are
    held against their share of what was left then. One whose sample could not reach its first share whatever it said
    leaves the family, and spends nothing (Tarone, Biometrics 46, 1990): its own p value is adjusted to 1.
    Results are in the order of `family`.
    """
    _check(family, alpha)
    everything = sum(one.weight for one in family)
    able = [i for i, one in enumerate(family) if one.floor <= alpha * one.weight / everything]
    left = sum(family[i].weight for i in able)
    stepped: dict[int, Stepped] = {}
    adjusted, standing = 0.0, left
    for index in sorted(able, key=lambda i: family[i].p_value / family[i].weight):
        one = family[index]
        if adjusted < alpha:
            standing = left
        adjusted = max(adjusted, min(1.0, one.p_value * left / one.weight))
        stepped[index] = Stepped(adjusted, alpha * one.weight / standing)
        left -= one.weight
    unable = (Stepped(1.0, alpha * one.weight / everything) for one in family)
    return tuple(stepped.get(index, other) for index, other in enumerate(unable))


def _check(family: Sequence[Member], alpha: float) -> None:
    if any(not 0 <= one.p_value <= 1 or one.weight <= 0 for one in family) or not 0 < alpha < 1:
        msg = "p values lie between 0 and 1, weights above 0, and alpha between 0 and 1"
        raise ValueError(msg)
