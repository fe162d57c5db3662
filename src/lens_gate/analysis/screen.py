"""Stored runs under the calibrated rules: a screen that says what it sees, and how much it could have seen.

Between two days a provider drifts by 4 % in the middle, and by 35 % on one day in twenty. More requests do not help
against that: what a change has to stand out from is how much this series moves from run to run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from lens_gate.analysis.foretold import FEWEST_REQUESTS, Foretold, foretell, one_sided
from lens_gate.analysis.judgement import silent_finding
from lens_gate.analysis.rules import METRIC_NAMES, Rules
from lens_gate.analysis.stored import StoredSeries
from lens_gate.artifacts.analysis import Coverage, CoveredBy, Effect, Finding, StoredHistory
from lens_gate.artifacts.reasons import Reason, because
from lens_gate.stats.levels import Distance
from lens_gate.stats.multiplicity import Member, Stepped, holm
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Outcome, Remedy
from lens_gate.vocabulary.reasons import Why

POWER = 0.95
"""How often the smallest visible change would be found."""

_SUREST = 1 - 1e-15
_LARGEST_LOG = 700.0
"""Beyond these a float knows no difference from 1, and no exponential."""

NOT_COVERED = "late first tokens, errors, cost and length of answers: without pairs only medians of times are compared"

WEIGHTS: Mapping[Hypothesis, float] = {Hypothesis.TTFT: 0.5, Hypothesis.PER_TOKEN: 1.8, Hypothesis.TOTAL: 0.7}
"""How much of the gate's alpha each median may spend, relative to the others.

First tokens move most from day to day and cause most false alarms; times per token move least, and show most.
"""

DRIFT_SHARE = 0.56
DISASTER_SHARE = 0.24
"""A median may be a regression in two ways, and each may spend this share of what it has of the gate's alpha."""

PASS_SHARE = 0.85
"""A pass spends this share of its error.

What neither spends is kept for days that are wilder than the history can say, and for a plateau that jumps in the very
run that is judged.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """How medians are held against stored runs.

    A change beyond `disaster_percent` needs to be told from chance within the runs only.
    """

    rules: Rules
    disaster_percent: float


def screen(series: Sequence[StoredSeries], screening: Screening) -> tuple[Finding, ...]:
    """Hold every median latency against what the stored runs of its series lead to expect."""
    measured = [one for one in series if one.candidate.requests.successful]
    findings = judge_foretold([found for one in measured for found in foretell(one)], screening)
    answered = {finding.series for finding in findings}
    lost = (_one_sided(one, hypothesis) for one in measured for hypothesis in one_sided(one))
    return (*findings, *lost, *(_silent(one) for one in series if one.series not in answered))


def _one_sided(series: StoredSeries, hypothesis: Hypothesis) -> Finding:
    """Return the finding for what only one side has: it was lost or gained, and must not look like a pass."""
    return silent_finding(
        series.series,
        metric=_metric_name(hypothesis),
        hypothesis=hypothesis,
        method="none",
        outcome=Outcome.INCONCLUSIVE,
        why=because(Why.ONE_RUN_HAS_IT),
    )


def covered(series: Sequence[StoredSeries]) -> tuple[Coverage, ...]:
    """Say of each series what medians of stored runs tell nothing about."""
    return tuple(
        Coverage(
            series=one.series,
            pairs_planned=0,
            pairs_used=0,
            excluded_throttled=0,
            excluded_failed=0,
            censored=0,
            not_covered=(NOT_COVERED,),
            covered_by=(CoveredBy(remedy=Remedy.BOTH_AT_ONCE),),
        )
        for one in series
    )


def judge_foretold(foretold: Sequence[Foretold], screening: Screening) -> tuple[Finding, ...]:
    """Judge all medians of a gate as one family."""
    asked = [_ask(one, screening) for one in foretold]
    family = holm([Member(one.p_value, weight=one.weight) for one in asked], alpha=screening.rules.alpha)
    everything = sum(one.weight for one in asked)
    return tuple(
        _finding(one, stepped, screening.rules.alpha * one.weight / everything, screening)
        for one, stepped in zip(asked, family, strict=True)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One median, and what makes its change a regression; changes are logarithms of ratios.

    `middle` is the level to be expected. `sampled` is how far the run lies from it if chance within the runs were all
    that moves them; a disaster need only be told from that.
    """

    told: Foretold
    middle: float
    sampled: Distance
    disaster: float
    p_value: float

    @property
    def weight(self) -> float:
        return WEIGHTS[self.told.hypothesis]

    def beyond(self, tail: float) -> float:
        """Return the change that an unchanged run shows, or exceeds, with a probability of `tail`."""
        variance = self.told.candidate.variance
        return self.told.expected.quantile(min(1 - tail, _SUREST), variance=variance) - self.middle

    def lower(self, level: float) -> float:
        """Return the lower bound of the change: in a disaster the one that leaves drift aside."""
        drifted = self.sampled.estimate - self.beyond(DRIFT_SHARE * level)
        sampled = self.sampled.lower(DISASTER_SHARE * level)
        return max(drifted, sampled) if sampled > self.disaster else drifted

    def upper(self, tail: float) -> float:
        """Return the upper bound of the change."""
        return self.sampled.estimate - self.beyond(1 - tail)

    def visible(self, level: float, margin: float, rules: Rules) -> float:
        """Return the change that would be a regression with a probability of POWER at this level."""
        disaster = self.disaster + self.sampled.reach(DISASTER_SHARE * level)
        established = min(self.beyond(DRIFT_SHARE * level), disaster)
        if rules.strict:
            established += margin
        least = 0.0 if rules.gate_small_effects else margin
        return max(least, established) - self.beyond(POWER)


def _ask(told: Foretold, screening: Screening) -> _Asked:
    middle = told.expected.quantile(0.5)
    sampled = Distance(told.candidate.log_value - middle, math.sqrt(told.candidate.variance + told.noise))
    disaster = math.log1p(screening.disaster_percent / 100)
    drifted, beyond_all_drift = told.expected.at_least(told.candidate), sampled.at_least(disaster)
    p_value = min(1.0, drifted / DRIFT_SHARE, beyond_all_drift / DISASTER_SHARE)
    return _Asked(told=told, middle=middle, sampled=sampled, disaster=disaster, p_value=p_value)


def _effect(one: _Asked, level: float, rules: Rules) -> Effect:
    """Return the change in percent, bounded at this level on each side."""
    return Effect(
        unit="%",
        estimate=_percent(one.sampled.estimate),
        lower=_percent(one.lower(level)),
        upper=_percent(one.upper(DRIFT_SHARE * level)),
        upper_pass=_percent(one.upper(PASS_SHARE * rules.pass_tail)),
        confidence=1 - 2 * level,
    )


def _history(one: _Asked, first: float, margin: float, rules: Rules) -> StoredHistory:
    """Return what the finding rests on; `first` is the level at which the smallest visible change must stand."""
    told = one.told
    return StoredHistory(
        runs=told.runs,
        run_to_run_percent=_percent(told.expected.run_to_run),
        prior_weight=told.expected.prior_weight,
        smallest_visible_percent=_percent(one.visible(first, math.log1p(margin / 100), rules)),
        control_requests=told.control_requests,
    )


def _finding(one: _Asked, stepped: Stepped, first: float, screening: Screening) -> Finding:
    told, rules = one.told, screening.rules
    margin = rules.margins[told.hypothesis]
    effect, history = _effect(one, stepped.level, rules), _history(one, first, margin, rules)
    established = stepped.adjusted_p < rules.alpha and told.gap is None
    comparable = told.gap is None and told.pass_gap is None
    outcome = _outcome(effect, margin, established=established, comparable=comparable, rules=rules)
    return Finding(
        series=told.series,
        metric=_metric_name(told.hypothesis),
        hypothesis=told.hypothesis,
        method="prediction from stored runs" if told.runs else "control of the same run",
        pairs=0,
        base_value=math.exp(one.middle),
        candidate_value=math.exp(told.candidate.log_value),
        value_unit="ms",
        effect=effect,
        p_value=one.p_value,
        adjusted_p=stepped.adjusted_p,
        threshold=margin,
        established=established,
        in_family=True,
        gated=True,
        outcome=outcome,
        because=_because(one, effect, history, outcome, screening, established=established),
        history=history,
    )


def _metric_name(hypothesis: Hypothesis) -> str:
    return METRIC_NAMES[hypothesis].replace("mean_", "median_")


def _percent(log_ratio: float) -> float:
    return 100 * math.expm1(min(log_ratio, _LARGEST_LOG))


def _outcome(effect: Effect, margin: float, *, established: bool, comparable: bool, rules: Rules) -> Outcome:
    estimate, lower, upper = (value or 0.0 for value in (effect.estimate, effect.lower, effect.upper_pass))
    matters = rules.gate_small_effects or (lower > margin if rules.strict else estimate >= margin)
    if established and matters:
        return Outcome.REGRESSION
    return Outcome.PASS if comparable and upper < margin else Outcome.INCONCLUSIVE


def _because(
    one: _Asked,
    effect: Effect,
    history: StoredHistory,
    outcome: Outcome,
    screening: Screening,
    *,
    established: bool,
) -> tuple[Reason, ...]:
    limit = screening.rules.margins[one.told.hypothesis]
    say = partial(because, change=effect.estimate or 0.0, unit=effect.unit)
    gap = _gap(one.told, outcome)
    if gap:
        return *gap, because(Why.MEASURE_BOTH)
    match outcome:
        case Outcome.REGRESSION if effect.lower is not None and effect.lower > screening.disaster_percent:
            return (say(Why.MEDIAN_BEYOND_ANY_DAY, limit=screening.disaster_percent),)
        case Outcome.REGRESSION:
            return say(Why.MEDIAN_BEYOND_DRIFT), *_basis(history)
        case Outcome.PASS:
            real = (say(Why.REALLY_CHANGED),) if established else ()
            return *real, _worst_case(effect, limit), *_basis(history)
        case _:
            moved = say(Why.MEDIAN_NOT_SURE if established else Why.MEDIAN_WITHIN_DRIFT, limit=limit)
            visible = because(Why.VISIBLE, visible=history.smallest_visible_percent, unit="%")
            return moved, *_basis(history), visible, because(Why.MEASURE_BOTH)


def _gap(told: Foretold, outcome: Outcome) -> tuple[Reason, ...]:
    if told.gap is not None:
        return because(Why.NOT_COMPARABLE), told.gap
    if told.pass_gap is not None and outcome is not Outcome.REGRESSION:
        return because(Why.NOT_COVERED), told.pass_gap
    return ()


def _worst_case(effect: Effect, limit: float) -> Reason:
    bound = effect.upper_pass or 0.0
    return because(Why.BELOW, worst=bound, limit=limit, unit=effect.unit) if bound > 0 else because(Why.NOT_WORSE)


def _basis(history: StoredHistory) -> tuple[Reason, ...]:
    """Say what the expectation rests on, and how much of it is known from this history."""
    spread, usual = history.run_to_run_percent, history.prior_weight
    if history.runs == 0:
        return (because(Why.CONTROL_ALONE, requests=history.control_requests),)
    corrected = (because(Why.CORRECTED, requests=history.control_requests),) if history.control_requests else ()
    if history.runs == 1:
        return because(Why.ONE_STORED_RUN, spread=spread, unit="%"), *corrected
    known = because(Why.STORED_RUNS, runs=history.runs, spread=spread, unit="%", own=1 - usual, usual=usual)
    return known, *corrected


def _silent(series: StoredSeries) -> Finding:
    """Return the finding for a series that has too few successes to be screened, on either side."""
    successes, before = series.candidate.requests.successful, series.base.requests.successful
    return silent_finding(
        series.series,
        metric="median_latency",
        hypothesis=Hypothesis.TOTAL,
        method="none",
        outcome=Outcome.INCONCLUSIVE if successes else Outcome.NOT_MEASURED,
        why=because(
            Why.TOO_FEW_REQUESTS,
            needed=FEWEST_REQUESTS,
            now=successes,
            before=before,
            where="stored run" if series.past else "control",
        ),
    )
