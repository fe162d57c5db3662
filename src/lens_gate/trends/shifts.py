"""Change points: where the level of a line changed, by how much, and whether that is an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from lens_gate.artifacts.reasons import Reason, because
from lens_gate.artifacts.trend import TrendPolicy, TrendRule, TrendShift
from lens_gate.stats.change_points import FEWEST_RUNS, Shift, change_points
from lens_gate.stats.noise import median
from lens_gate.stats.shift import level_shift
from lens_gate.trends.line import Line
from lens_gate.trends.ruled import Asked, Ruled
from lens_gate.trends.scale import Floats, harm, sized
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.reasons import Why

BLIND_PERCENT = 100.0
"""A line on which only a larger step than this would be seen is not known to be steady."""


def shifts_of(line: Line, policy: TrendPolicy) -> tuple[TrendShift, ...]:
    """Return the shifts that stand after the newest run, oldest first."""
    found = change_points(line.numbers).shifts
    levels = np.split(line.numbers, [shift.index for shift in found])
    return tuple(
        _shift(line, policy, shift, (before, after, levels[-1]))
        for shift, (before, after) in zip(found, pairwise(levels), strict=True)
    )


def _shift(line: Line, policy: TrendPolicy, shift: Shift, levels: tuple[Floats, Floats, Floats]) -> TrendShift:
    """Describe a shift by the runs of the level before it, of the one after it, and of the newest one."""
    before, after, newest = levels
    effect = line.scale.effect(level_shift(after, before, tail=policy.tail), policy)
    damage = harm(effect, line.metric.direction).estimate
    recent = len(line.points) - 1 - shift.found < policy.recent_runs
    asked = TrendRule.CHANGE_POINTS in policy.rules
    threshold = line.scale.threshold(policy)
    # What later shifts took back is no alarm any more.
    left = line.scale.change(median(newest) - median(before)) * (1 if shift.rises else -1)
    point = line.points[shift.index]
    return TrendShift(
        index=shift.index,
        found=shift.found,
        run=point.run,
        time=point.time,
        commit=point.commit,
        previous_commit=line.points[shift.index - 1].commit,
        rises=shift.rises,
        worse=damage > 0,
        effect=effect,
        before=line.scale.value(median(before)),
        after=line.scale.value(median(after)),
        certain=shift.certain,
        alarm=asked and recent and damage >= threshold and left >= threshold,
    )


def judged_shifts(line: Line, shifts: Sequence[TrendShift], policy: TrendPolicy, *, visible: float) -> Ruled:
    """Return what change points say of a line: an alarm, too little to say anything, or that it is steady."""
    threshold = line.scale.threshold(policy)
    asked = Asked(TrendRule.CHANGE_POINTS, threshold)
    alarms = [shift for shift in shifts if shift.alarm]
    if alarms:
        worst = max(alarms, key=lambda shift: abs(shift.effect.estimate or 0.0))
        return Ruled(asked.answered(Outcome.REGRESSION, _told(line, worst), effect=worst.effect))
    if len(line.points) < FEWEST_RUNS:
        return asked.too_few(len(line.points), FEWEST_RUNS)
    seen = {"visible": max(visible, threshold), "unit": line.scale.unit}
    if line.scale.name == "log" and visible > BLIND_PERCENT:
        return Ruled(asked.answered(Outcome.INCONCLUSIVE, because(Why.TOO_NOISY, **seen)))
    if not shifts:
        return Ruled(asked.answered(Outcome.PASS, because(Why.STEADY, **seen)))
    newest = shifts[-1]
    why = (because(Why.NO_NEW_SHIFT, **seen), _told(line, newest))
    return Ruled(asked.answered(Outcome.PASS, *why, effect=newest.effect))


def _told(line: Line, shift: TrendShift) -> Reason:
    """Tell a shift."""
    told = {
        "way": "up" if shift.rises else "down",
        "when": line.when(shift.index),
        "run": shift.found + 1,
        **sized(shift.effect),
    }
    return because(Why.SHIFTED if "lower" in told else Why.SHIFTED_WITHOUT_INTERVAL, **told)
