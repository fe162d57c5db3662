"""Straight lines: the literal rule of many tools, and a robust one that knows its noise."""

from __future__ import annotations

import numpy as np

from lens_gate.artifacts.analysis import Effect
from lens_gate.artifacts.reasons import because
from lens_gate.artifacts.trend import TrendPolicy, TrendRule, TrendSlope
from lens_gate.stats.slopes import Slope, least_squares, theil_sen
from lens_gate.trends.line import Line
from lens_gate.trends.ruled import Asked, Ruled
from lens_gate.trends.scale import harm
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.reasons import Why

FEWEST_FOR_ROBUST = 10
"""Below so many runs the robust slope is not judged."""


def judged_regression(line: Line, policy: TrendPolicy) -> Ruled:
    """Apply the literal rule: a least-squares slope over the last runs, in percent of their level, against a limit."""
    window, limit = policy.regression_window, policy.max_slope_percent
    asked = Asked(TrendRule.LINEAR_REGRESSION, limit)
    if len(line.numbers) < window:
        return asked.too_few(len(line.numbers), window)
    numbers = line.numbers[-window:]
    fitted = least_squares(numbers, confidence=policy.confidence)
    per_run = _percent_per_run(line, fitted, policy, level=float(np.mean(numbers)))
    worse = harm(per_run, line.metric.direction).estimate
    why = because(Why.LINE, runs=window, change=per_run.estimate or 0.0, limit=limit, unit="%")
    return Ruled(
        asked.answered(Outcome.REGRESSION if worse > limit else Outcome.PASS, why, effect=per_run),
        slope=TrendSlope(rule=asked.rule, runs=window, per_run=per_run, p_value=fitted.p_value, limit=limit),
    )


def _percent_per_run(line: Line, slope: Slope, policy: TrendPolicy, *, level: float) -> Effect:
    """Return a slope in percent of the level, also of a metric that is a percentage itself; 0 where the level is 0."""
    if line.scale.name == "log":
        return line.scale.effect(slope.times(1), policy)
    share = 100 / level if level else 0.0
    return line.scale.effect(slope.times(share), policy).model_copy(update={"unit": "%"})


def judged_robust(line: Line, policy: TrendPolicy) -> Ruled:
    """Apply the Theil–Sen slope: an alarm where it is established, and what it adds up to over its runs matters."""
    threshold = line.scale.threshold(policy)
    asked = Asked(TrendRule.THEIL_SEN, threshold)
    numbers = line.numbers[-policy.sen_window :]
    if len(numbers) < FEWEST_FOR_ROBUST:
        return asked.too_few(len(numbers), FEWEST_FOR_ROBUST)
    fitted = theil_sen(numbers, confidence=policy.confidence)
    per_run = line.scale.effect(fitted.times(1), policy)
    total = line.scale.effect(fitted.times(len(numbers) - 1), policy)
    damage = harm(total, line.metric.direction)
    established = damage.lower is not None and damage.lower > 0 and fitted.p_value < 1 - policy.confidence
    alarm = established and damage.estimate >= threshold
    why = because(
        Why.GROWS if alarm else Why.GROWS_NOT,
        runs=len(numbers),
        change=per_run.estimate or 0.0,
        total=total.estimate or 0.0,
        limit=threshold,
        unit=total.unit,
    )
    return Ruled(
        asked.answered(Outcome.REGRESSION if alarm else Outcome.PASS, why, effect=total),
        slope=TrendSlope(rule=asked.rule, runs=len(numbers), per_run=per_run, p_value=fitted.p_value, limit=None),
    )
