"""What an answer would take: pairs, requests, dollars and minutes, before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lens_gate.analysis.judgement import pairs_to_cover
from lens_gate.analysis.noise import Noise, SeriesNoise, smallest_effect
from lens_gate.analysis.rules import COVERED, MARGINS, METRIC_NAMES, WEIGHTS, Rules
from lens_gate.artifacts.planning import Bill, PlanReport, PlanRow, PriceSource, Reach, Visible
from lens_gate.errors import UsageProblem
from lens_gate.stats.planning import Aim
from lens_gate.vocabulary.metric_table import metric
from lens_gate.vocabulary.metrics import Hypothesis

RARE = frozenset(hypothesis for covered in COVERED.values() for hypothesis in covered)
"""Questions about events so rare that they take far more pairs than the others."""

ESTIMATE_TAIL = 0.5
"""The tail of a bound that is the estimate itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a plan is asked for: effects in percent, and in points for questions in points.

    No effects are what matters by the rules, no `hypotheses` all of the gate. `power` is how often the planned pairs
    should be enough.
    """

    power: float
    percents: tuple[float, ...] = ()
    points: tuple[float, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    max_cost_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a run is sent: requests a second over all arms and series, and as many as are configured; None is not known.

    `unmeasured_s` are the seconds of warm-up and cool-down, whose requests are paid and do not count.
    """

    requests_per_second: float | None
    requests: int | None
    unmeasured_s: float = 0.0

    @property
    def unmeasured(self) -> int:
        """Return the requests that do not count."""
        return math.ceil(self.unmeasured_s * (self.requests_per_second or 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate to plan for: the noise of each of its series, its rules, its pace, and what is wanted of it."""

    series: tuple[SeriesNoise, ...]
    rules: Rules
    pace: Pace
    asked: Asked

    @property
    def hypotheses(self) -> int:
        """Return how many questions share the level."""
        return sum(len(one.questions) for one in self.series)

    def level(self, hypothesis: Hypothesis) -> float:
        """Return what a question is asked at in the worst case, Holm's first step: its share of the whole level."""
        everything = sum(WEIGHTS[one] for series in self.series for one in series.questions)
        return self.rules.alpha * WEIGHTS[hypothesis] / everything

    def aim(self, hypothesis: Hypothesis) -> Aim:
        """Return what it takes to establish an effect."""
        level = self.level(hypothesis)
        return Aim(level / 2 if hypothesis.two_sided else level, self.asked.power)

    def pass_aim(self, hypothesis: Hypothesis) -> Aim:
        """Return what it takes to pass when nothing has changed; where both directions count, both must."""
        missed = 1 - self.asked.power
        both = hypothesis is Hypothesis.OUTPUT_LENGTH
        return Aim(self.rules.pass_tail, 1 - missed / 2 if both else self.asked.power)

    def bill(self, pairs: int) -> Bill:
        """Return what so many pairs of every series take."""
        measured = 2 * pairs * len(self.series)
        requests = measured + self.pace.unmeasured
        prices = [one.usd_per_pair for one in self.series]
        known = [price for price in prices if price is not None]
        usd = pairs * sum(known) * requests / measured if len(known) == len(prices) and measured else None
        rate = self.pace.requests_per_second
        return Bill(pairs=pairs, requests=requests, usd=usd, minutes=requests / rate / 60 if rate else None)

    def pairs_of(self, requests: int) -> int:
        """Return the pairs of every series that so many requests make."""
        return max(0, requests - self.pace.unmeasured) // (2 * max(1, len(self.series)))

    def pairs_for(self, usd: float) -> int | None:
        """Return the pairs of every series that the money buys; None where a price is not known, or 0."""
        one = self.bill(1)
        if not one.usd:
            return None
        return self.pairs_of(math.floor(usd / (one.usd / one.requests)))


def plan(gate: Gate, *, source: str | None, price_source: PriceSource) -> PlanReport:
    """Say what it takes to establish each effect asked for, and to pass when nothing has changed.

    `source` names the run that the noise is known from.
    """
    rows = tuple(_rows(gate))
    configured = None if gate.pace.requests is None else gate.pairs_of(gate.pace.requests)
    cap = gate.asked.max_cost_usd
    return PlanReport(
        source=source,
        alpha=gate.rules.alpha,
        hypotheses=gate.hypotheses,
        power=gate.asked.power,
        pass_confidence=1 - gate.rules.pass_tail,
        price_source=price_source,
        requests_per_second=gate.pace.requests_per_second,
        rows=rows,
        frequent=_largest(gate, (row for row in rows if not row.rare)),
        everything=_largest(gate, rows),
        configured=None if configured is None else reach(gate, configured),
        affordable=None if cap is None or (bought := gate.pairs_for(cap)) is None else reach(gate, bought),
        max_cost_usd=cap,
        unplanned=_unplanned(gate),
    )


def _rows(gate: Gate) -> Iterable[PlanRow]:
    for one in gate.series:
        for hypothesis, noise in _wanted(gate, one.questions):
            for effect in _effects(gate, hypothesis):
                yield _row(gate, one, hypothesis, noise, effect)


def _wanted(gate: Gate, questions: Mapping[Hypothesis, Noise]) -> list[tuple[Hypothesis, Noise]]:
    chosen = gate.asked.hypotheses or tuple(MARGINS)
    return [(hypothesis, noise) for hypothesis, noise in questions.items() if hypothesis in chosen]


def _effects(gate: Gate, hypothesis: Hypothesis) -> tuple[float, ...]:
    margin = gate.rules.margins[hypothesis]
    named = gate.asked.points if hypothesis.in_points else gate.asked.percents
    # A margin of 0 means that any change matters; nobody can plan for any.
    return named or ((margin,) if margin > 0 else ())


def _row(gate: Gate, one: SeriesNoise, hypothesis: Hypothesis, noise: Noise, effect: float) -> PlanRow:
    margin, aim = gate.rules.margins[hypothesis], gate.aim(hypothesis)
    return PlanRow(
        series=one.series,
        metric=METRIC_NAMES[hypothesis],
        hypothesis=hypothesis,
        unit="points" if hypothesis.in_points else "%",
        source=one.source,
        seen=one.seen,
        noise=noise.figure,
        effect=effect,
        margin=margin,
        rare=hypothesis in RARE,
        level=gate.level(hypothesis),
        establish=_billed(gate, noise.to_establish(effect, aim)),
        regression=_billed(gate, _to_regression(gate, noise, effect, margin, aim)),
        passing=_billed(gate, _to_pass(gate, hypothesis, noise, margin)),
    )


def _to_pass(gate: Gate, hypothesis: Hypothesis, noise: Noise, margin: float) -> int | None:
    """Return the pairs that pass when nothing has changed, and that cover the question if it is about rare events."""
    needed = noise.to_pass(margin, gate.pass_aim(hypothesis)) if margin > 0 else None
    return None if needed is None else max(needed, pairs_to_cover(hypothesis, gate.rules) or 0)


def _to_regression(gate: Gate, noise: Noise, effect: float, margin: float, aim: Aim) -> int | None:
    """Return the pairs from which on the effect is called a regression; an effect of the margin's size may never be.

    It must be established, and its estimate must reach the margin (under `strict` its whole interval must).
    """
    established = noise.to_establish(effect, aim)
    if gate.rules.gate_small_effects or established is None:
        return established
    if effect <= margin:
        return None
    beyond = aim if gate.rules.strict else Aim(ESTIMATE_TAIL, gate.asked.power)
    reaches = noise.to_exceed(effect, margin, beyond)
    return None if reaches is None else max(established, reaches)


def _billed(gate: Gate, pairs: int | None) -> Bill | None:
    return None if pairs is None else gate.bill(pairs)


def _largest(gate: Gate, rows: Iterable[PlanRow]) -> Bill | None:
    """Return the bill that settles all of these rows either way; None without any."""
    bills = (bill for row in rows for bill in (row.establish, row.passing) if bill is not None)
    pairs = max((bill.pairs for bill in bills), default=None)
    return _billed(gate, pairs)


def reach(gate: Gate, pairs: int) -> Reach:
    """Return what a run of so many pairs can see."""
    return Reach(
        bill=gate.bill(pairs),
        visible=tuple(
            Visible(
                series=one.series,
                metric=METRIC_NAMES[hypothesis],
                hypothesis=hypothesis,
                unit="points" if hypothesis.in_points else "%",
                effect=smallest_effect(noise, pairs, gate.aim(hypothesis)),
            )
            for one in gate.series
            for hypothesis, noise in _wanted(gate, one.questions)
        ),
    )


def _unplanned(gate: Gate) -> tuple[str, ...]:
    """Name the metrics that were asked for and of which some series has no noise to plan with."""
    chosen = gate.asked.hypotheses or tuple(MARGINS)
    missing = (one for one in chosen if any(one not in series.questions for series in gate.series))
    return tuple(METRIC_NAMES[hypothesis] for hypothesis in missing)


def gated_hypothesis(name: str) -> Hypothesis:
    """Return the question that a metric's name stands for; UsageProblem where the gate asks none about it."""
    try:
        hypothesis = metric(name).hypothesis
    except LookupError:
        hypothesis = None
    if hypothesis is None or hypothesis not in MARGINS:
        raise UsageProblem(
            f"the gate asks no question about {name!r}, so that no number of pairs answers it",
            place="--metric",
            hint="Name one of: " + ", ".join(METRIC_NAMES[one] for one in MARGINS) + ".",
        )
    return hypothesis
