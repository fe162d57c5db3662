"""On which scale a metric is compared: ratios in percent, or differences in points for what is a percentage itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from lens_gate.artifacts.analysis import Effect
from lens_gate.artifacts.trend import TrendPolicy
from lens_gate.stats.shift import Difference
from lens_gate.vocabulary.metrics import Direction, Metric, Unit

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scale:
    """How values become numbers that can be subtracted, and differences of these become effects."""

    name: Literal["log", "linear"]

    @classmethod
    def of(cls, metric: Metric) -> Scale:
        """Return the scale of a metric."""
        return cls("linear" if metric.unit is Unit.PERCENT else "log")

    @property
    def unit(self) -> Literal["%", "points"]:
        """The unit of effects."""
        return "%" if self.name == "log" else "points"

    def fits(self, values: Floats) -> bool:
        """Whether every value has a place on this scale: nothing but positive numbers has a logarithm."""
        return self.name == "linear" or bool((values > 0).all())

    def numbers(self, values: Floats) -> Floats:
        """Return the values on this scale."""
        return np.log(values) if self.name == "log" else values

    def value(self, number: float) -> float:
        """Return the value at a place on this scale."""
        return math.exp(number) if self.name == "log" else number

    def change(self, difference: float) -> float:
        """Return a difference of two numbers in the unit of effects."""
        return 100 * math.expm1(difference) if self.name == "log" else difference

    def effect(self, moved: Difference, policy: TrendPolicy) -> Effect:
        """Return a difference on this scale as an effect, with its interval."""
        return Effect(
            unit=self.unit,
            estimate=self.change(moved.estimate),
            lower=None if moved.lower is None else self.change(moved.lower),
            upper=None if moved.upper is None else self.change(moved.upper),
            upper_pass=None,
            confidence=policy.confidence,
        )

    def threshold(self, policy: TrendPolicy) -> float:
        """Return the smallest change that matters."""
        return policy.threshold_percent if self.name == "log" else policy.threshold_points

    def most_creep(self, policy: TrendPolicy) -> float:
        """Return the largest change against the anchor that is allowed."""
        return policy.max_creep_percent if self.name == "log" else policy.max_creep_points


@dataclass(frozen=True, slots=True)
class Harm:
    """An effect with the direction that is worse positive; a bound is None where it is open."""

    estimate: float
    lower: float | None
    upper: float | None


def harm(effect: Effect, direction: Direction) -> Harm:
    """Return an effect (with an estimate) as the harm that it does; either direction does where both count."""
    estimate = effect.estimate or 0.0
    mirrored = Harm(-estimate, _negative(effect.upper), _negative(effect.lower))
    straight = Harm(estimate, effect.lower, effect.upper)
    match direction:
        case Direction.LOWER_IS_BETTER:
            return straight
        case Direction.HIGHER_IS_BETTER:
            return mirrored
        case Direction.TWO_SIDED:
            near, far = (straight, mirrored) if estimate >= 0 else (mirrored, straight)
            return Harm(near.estimate, near.lower, _largest(near.upper, far.upper))
        case _ as never:
            assert_never(never)


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _largest(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else max(one, other)


def sized(effect: Effect) -> dict[str, float | str]:
    """Return the numbers that tell an effect; those of its interval only where it has one."""
    size: dict[str, float | str] = {"change": effect.estimate or 0.0, "unit": effect.unit}
    if effect.lower is None or effect.upper is None:
        return size
    return {**size, "lower": effect.lower, "upper": effect.upper, "confidence": effect.confidence}
