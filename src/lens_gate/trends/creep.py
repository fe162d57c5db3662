"""Creep: the newest runs against those from a fixed run on, however small each step between them was."""

from __future__ import annotations

from lens_gate.artifacts.reasons import Reason, because
from lens_gate.artifacts.trend import TrendCreep, TrendPolicy, TrendRule
from lens_gate.stats.noise import median
from lens_gate.stats.shift import level_shift
from lens_gate.trends.line import Line
from lens_gate.trends.ruled import Asked, Ruled
from lens_gate.trends.scale import harm, sized
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.reasons import Why


def judged_creep(line: Line, policy: TrendPolicy) -> Ruled:
    """Compare the newest runs with those from the anchor on: two groups that share no run, each at most a window long.

    Where the anchor is close to the newest run both groups are shorter; where it is unknown to this line, or is the
    newest run, nothing can be said.
    """
    asked = Asked(TrendRule.CREEP, line.scale.most_creep(policy))
    start = next((index for index, point in enumerate(line.points) if point.run == policy.anchor), None)
    if start is None:
        return Ruled(asked.answered(Outcome.INCONCLUSIVE, because(Why.NO_ANCHOR)))
    since = line.numbers[start:]
    size = min(policy.creep_window, len(since) // 2)
    if size == 0:
        return Ruled(asked.answered(Outcome.INCONCLUSIVE, because(Why.NOTHING_SINCE)))
    creep = _creep(line, policy, start=start, size=size)
    return Ruled(asked.answered(_outcome(line, creep), _because(creep), effect=creep.effect), creep=creep)


def _creep(line: Line, policy: TrendPolicy, *, start: int, size: int) -> TrendCreep:
    base, recent = line.numbers[start : start + size], line.numbers[-size:]
    point = line.points[start]
    return TrendCreep(
        anchor_run=point.run,
        anchor_time=point.time,
        anchor_commit=point.commit,
        runs=size,
        anchor_value=line.scale.value(median(base)),
        recent_value=line.scale.value(median(recent)),
        effect=line.scale.effect(level_shift(recent, base, tail=policy.tail), policy),
        limit=line.scale.most_creep(policy),
    )


def _outcome(line: Line, creep: TrendCreep) -> Outcome:
    """Return one of the usual three: established and at the limit, surely below it, or open."""
    damage = harm(creep.effect, line.metric.direction)
    if damage.lower is not None and damage.lower > 0 and damage.estimate >= creep.limit:
        return Outcome.REGRESSION
    return Outcome.PASS if damage.upper is not None and damage.upper < creep.limit else Outcome.INCONCLUSIVE


def _because(creep: TrendCreep) -> Reason:
    told = {"day": creep.anchor_time[:10], "runs": creep.runs, "limit": creep.limit, **sized(creep.effect)}
    return because(Why.CREPT if "lower" in told else Why.CREPT_WITHOUT_INTERVAL, **told)
