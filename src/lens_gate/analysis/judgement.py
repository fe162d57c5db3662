"""From an answer and its rules to an outcome: the three verdicts of design section "Deciding"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from lens_gate.analysis.answers import Answer
from lens_gate.analysis.rules import ERRORS_FOR_A_PERCENTAGE, METRIC_NAMES, PASS_CONFIDENCE, Rules
from lens_gate.artifacts.analysis import Effect, Finding, InnerInterval
from lens_gate.artifacts.reasons import Reason, because
from lens_gate.stats.multiplicity import Stepped
from lens_gate.stats.pairs import Interval
from lens_gate.stats.planning import Aim, pairs_for_shares
from lens_gate.vocabulary.metric_table import metric as metric_of
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.reasons import Why

USUAL_DISCORDANCE = 0.02
"""Share of pairs in which one member fails when each arm fails in 1 %: what a plan for error rates assumes."""

PLANNED_PASSES = 0.99
"""How often an unchanged version should pass such a plan."""

TAIL_DISCORDANCE = 0.10
"""Share of pairs with one member above the pooled p95, when the two are independent: 2 × 5 %."""


TYPICAL_SHARE = 0.8
"""Where the means are tested as well, the typical pair may spend this share of the level, and the means the rest."""

INNER_TAIL = 0.1
"""The error on each side of the inner interval, which is only looked at."""

NO_EFFECT = Effect(unit="%", estimate=None, lower=None, upper=None, upper_pass=None, confidence=PASS_CONFIDENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One hypothesis about one series with its answer; `base_errors` counts the failures of the base."""

    series: str
    hypothesis: Hypothesis
    answer: Answer
    base_value: float | None
    candidate_value: float | None
    value_unit: str
    base_errors: int = 0
    latency_gap: Reason | None = None

    @property
    def readings(self) -> tuple[tuple[Answer, float], ...]:
        """The ways in which the question is answered, each with its share of the level, the typical pair first."""
        if self.answer.of_means is None:
            return ((self.answer, 1.0),)
        return ((self.answer, TYPICAL_SHARE), (self.answer.of_means, 1 - TYPICAL_SHARE))

    @property
    def p_value(self) -> float:
        """The smallest p value of all readings, each divided by its share."""
        return min(1.0, *(one.p_value / share for one, share in self.readings))

    @property
    def floor(self) -> float:
        """The smallest p value that so many pairs allow."""
        return min(1.0, *(one.floor / share for one, share in self.readings))

    def pairs_needed(self, distance: float, aim: Aim) -> int:
        """Return how many pairs tell the effect from a limit, however it is read (see `Answer`)."""
        return max(one.pairs_needed(distance, aim) for one, _ in self.readings)

    @property
    def both_directions(self) -> bool:
        """Whether more and less are both a change for the worse: shorter answers may be cut or lazy ones."""
        return self.hypothesis is Hypothesis.OUTPUT_LENGTH

    @property
    def less_is_worse(self) -> bool:
        """Whether only a fall is a change for the worse."""
        return self.hypothesis is Hypothesis.CACHED_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A finding, with what a plan for more pairs needs; `harm` is the effect with the bad direction positive."""

    finding: Finding
    question: Question
    harm: float
    level: float


def judge(question: Question, stepped: Stepped, rules: Rules) -> Judged:
    """Return the finding on one question; `stepped` is its place in the family of the gate."""
    margin, of_margin = _margin(question, rules)
    established = stepped.adjusted_p < rules.alpha
    told = _told(_read(question, stepped, rules), margin, rules)
    outcome = _outcome(question, told.harm, margin, established=established, rules=rules)
    gated = outcome is not Outcome.INCONCLUSIVE or not _may_stay_open(question, told.harm, margin, rules)
    finding = Finding(
        series=question.series,
        metric=METRIC_NAMES[question.hypothesis],
        hypothesis=question.hypothesis,
        method=told.answer.method,
        pairs=told.answer.pairs,
        base_value=question.base_value,
        candidate_value=question.candidate_value,
        value_unit=question.value_unit,
        effect=_effect(question, told),
        p_value=question.p_value,
        adjusted_p=stepped.adjusted_p,
        threshold=margin,
        established=established,
        in_family=True,
        gated=gated,
        outcome=outcome,
        because=(*_because(question, told, margin, outcome=outcome, gated=gated), *of_margin),
        views=question.answer.views(),
    )
    return Judged(finding=finding, question=question, harm=told.harm.estimate, level=told.tail)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One way to answer a question: `tail` is its level on each side; it stands where its own test finds a change."""

    answer: Answer
    tail: float
    interval: Interval
    harm: _Harm
    stands: bool


def _read(question: Question, stepped: Stepped, rules: Rules) -> tuple[_Reading, ...]:
    """Read a question in all its ways; a pass is held to the widest bound of all of them."""
    established, for_pass = stepped.adjusted_p < rules.alpha, _for_pass(question, rules.pass_tail)
    readings = []
    for answer, share in question.readings:
        level = share * stepped.level
        # A two-sided test spends its level on both sides, a one-sided one on the side of the alarm.
        tail = level / 2 if question.hypothesis.two_sided else level
        interval = answer.bounds(tail)
        # What made the question stand stands itself, though the division may be off by a hair.
        stands = established and (answer.p_value < level or answer.p_value / share <= question.p_value)
        harm = _Harm.of(question, answer.estimate, interval, for_pass)
        readings.append(_Reading(answer=answer, tail=tail, interval=interval, harm=harm, stands=stands))
    return tuple(readings)


def _for_pass(question: Question, tail: float) -> Interval:
    found = [answer.bounds(tail) for answer, _ in question.readings]
    lowers, uppers = ([one.lower for one in found], [one.upper for one in found])
    return Interval(
        None if None in lowers else min(bound for bound in lowers if bound is not None),
        None if None in uppers else max(bound for bound in uppers if bound is not None),
    )


def _told(readings: Sequence[_Reading], margin: float, rules: Rules) -> _Reading:
    """Return the reading by which the effect is told: the first one that shows a change, or one that matters."""
    standing = [one for one in readings if one.stands]
    mattering = (one for one in standing if one.harm.estimate > 0 and _matters(one.harm, margin, rules))
    return next(mattering, (standing or readings)[0])


def _effect(question: Question, told: _Reading) -> Effect:
    """Return the effect as it is written, with an interval that excludes zero just where the test found a change."""
    lower, upper = told.interval.lower, told.interval.upper
    rose = told.answer.estimate > 0
    # Interval and test may differ by a hair; the test decides. One that asks for more says nothing of less.
    if lower is not None and (rose or not told.stands):
        lower = max(lower, 0.0) if told.stands else min(lower, 0.0)
    if upper is not None and question.hypothesis.two_sided and not (rose and told.stands):
        upper = min(upper, 0.0) if told.stands else max(upper, 0.0)
    return Effect(
        unit=told.answer.unit,
        estimate=told.answer.estimate,
        lower=lower,
        upper=upper,
        upper_pass=told.harm.upper_pass,
        confidence=1 - 2 * told.tail,
        of_means=told.answer is not question.answer,
        inner=_inner(told, lower, upper),
    )


def _inner(told: _Reading, lower: float | None, upper: float | None) -> InnerInterval | None:
    """Return where the effect most likely lies, within the ends that are written; None where few pairs bound nothing.

    Where the gate's own level is lower than this one there is nothing to lie within.
    """
    if told.tail >= INNER_TAIL:
        return None
    found = told.answer.bounds(INNER_TAIL)
    if found.lower is None and found.upper is None:
        return None
    return InnerInterval(
        lower=found.lower if found.lower is None or lower is None else max(found.lower, lower),
        upper=found.upper if found.upper is None or upper is None else min(found.upper, upper),
        confidence=1 - 2 * INNER_TAIL,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Harm:
    """An effect with the bad direction positive: estimate, lower bound of the family's level, bound of a pass."""

    estimate: float
    lower: float | None
    upper_pass: float | None

    @classmethod
    def of(cls, question: Question, estimate: float, interval: Interval, for_pass: Interval) -> _Harm:
        falls, for_pass_falls = _mirrored(interval), _mirrored(for_pass)
        if question.both_directions:
            lower = interval.lower if estimate >= 0 else falls.lower
            widest = None
            if for_pass.upper is not None and for_pass_falls.upper is not None:
                widest = max(for_pass.upper, for_pass_falls.upper)
            return cls(estimate=abs(estimate), lower=lower, upper_pass=widest)
        if question.less_is_worse:
            return cls(estimate=-estimate, lower=falls.lower, upper_pass=for_pass_falls.upper)
        return cls(estimate=estimate, lower=interval.lower, upper_pass=for_pass.upper)


def _mirrored(interval: Interval) -> Interval:
    lower, upper = interval.lower, interval.upper
    return Interval(None if upper is None else -upper, None if lower is None else -lower)


def _margin(question: Question, rules: Rules) -> tuple[float, tuple[Reason, ...]]:
    """Return the smallest change that matters, and why where it is not the one that was configured."""
    margin = rules.margins[question.hypothesis]
    if question.hypothesis is not Hypothesis.ERRORS or rules.error_percent is None:
        return margin, ()
    if question.base_errors >= ERRORS_FOR_A_PERCENTAGE and question.base_value is not None:
        return rules.error_percent * question.base_value / 100, ()
    numbers = {"needed": ERRORS_FOR_A_PERCENTAGE, "errors": question.base_errors, "limit": margin}
    return margin, (because(Why.POINTS_APPLY, **numbers, unit="points"),)


def _outcome(question: Question, harm: _Harm, margin: float, *, established: bool, rules: Rules) -> Outcome:
    if established and harm.estimate > 0 and _matters(harm, margin, rules):
        return Outcome.REGRESSION
    bounded = harm.upper_pass is not None and harm.upper_pass < margin
    if bounded and question.latency_gap is None and not _too_few_to_cover(question, rules):
        return Outcome.PASS
    return Outcome.INCONCLUSIVE


def _matters(harm: _Harm, margin: float, rules: Rules) -> bool:
    if rules.gate_small_effects:
        return True
    if rules.strict:
        return harm.lower is not None and harm.lower > margin
    return harm.estimate >= margin


def _may_stay_open(question: Question, harm: _Harm, margin: float, rules: Rules) -> bool:
    """Whether a question about rare events may stay open beside a pass: nobody asked for it, and nothing is suspicious.

    Suspicious is what would have been an alarm if it had been the only question.
    """
    suspicious = question.p_value < rules.suspicion and harm.estimate >= margin
    return question.hypothesis not in rules.cover and _too_few_to_cover(question, rules) and not suspicious


def _too_few_to_cover(question: Question, rules: Rules) -> bool:
    """Whether a pass with so few pairs would say more about rare events than it can know."""
    needed = pairs_to_cover(question.hypothesis, rules)
    return needed is not None and question.answer.pairs < needed


def pairs_to_cover(hypothesis: Hypothesis, rules: Rules) -> int | None:
    """Return the pairs from which on a pass covers a question about rare events; None where any number may do.

    How far late first tokens exceed takes as many pairs as how many they are.
    """
    discordance = {
        Hypothesis.ERRORS: (USUAL_DISCORDANCE, Hypothesis.ERRORS),
        Hypothesis.TTFT_TAIL_EXCEEDANCE: (TAIL_DISCORDANCE, Hypothesis.TTFT_TAIL_EXCEEDANCE),
        Hypothesis.TTFT_TAIL_EXCESS: (TAIL_DISCORDANCE, Hypothesis.TTFT_TAIL_EXCEEDANCE),
    }
    if hypothesis not in discordance:
        return None
    usual, counted = discordance[hypothesis]
    margin = rules.margins[counted]
    if margin == 0:
        return None
    return pairs_for_shares(discordant=usual, distance=margin / 100, aim=Aim(1 - PASS_CONFIDENCE, PLANNED_PASSES))


def _because(question: Question, told: _Reading, margin: float, *, outcome: Outcome, gated: bool) -> tuple[Reason, ...]:
    """Say why the outcome follows, in reasons that carry their numbers."""
    say = partial(because, unit=told.answer.unit)
    estimate, pairs = told.answer.estimate, told.answer.pairs
    if outcome is Outcome.REGRESSION:
        return _changed(question, told), say(_beyond(told.harm, margin), limit=margin)
    if outcome is Outcome.PASS:
        real = (say(Why.REALLY_CHANGED, change=estimate),) if told.stands else ()
        return *real, _worst_case(told, margin, Why.BELOW)
    if question.latency_gap is not None or not gated:
        few = say(Why.TOO_FEW_FOR_RARE, change=estimate, pairs=pairs, limit=margin)
        return because(Why.NOT_COVERED), question.latency_gap or few
    seen = say(Why.REALLY_CHANGED if told.stands else Why.UNCLEAR, change=estimate)
    worst = told.harm.upper_pass
    if told.interval.lower is None and told.interval.upper is None and worst is not None:
        return seen, say(Why.NO_INTERVAL, pairs=pairs, worst=worst)
    return seen, _worst_case(told, margin, Why.AT_MOST), say(Why.UNSETTLED, pairs=pairs, limit=margin)


def _changed(question: Question, told: _Reading) -> Reason:
    """Say what changed: only some answers, where it is the means that show it and not the typical pair."""
    numbers = {"change": told.answer.estimate}
    if told.answer is question.answer:
        return because(Why.CHANGED, **numbers, unit=told.answer.unit)
    return because(Why.MEAN_CHANGED, **numbers, typical=question.answer.estimate, unit=told.answer.unit)


def _beyond(harm: _Harm, margin: float) -> Why:
    """Say whether a regression is beyond what matters for sure, or only as far as can be told."""
    return Why.SURELY_BEYOND if harm.lower is not None and harm.lower > margin else Why.LIKELY_BEYOND


def _worst_case(told: _Reading, margin: float, bounded: Why) -> Reason:
    worst = told.harm.upper_pass
    if worst is None:
        return because(Why.WITHOUT_BOUND)
    return because(bounded, worst=worst, limit=margin, unit=told.answer.unit) if worst > 0 else because(Why.NOT_WORSE)


ORDER = (
    Outcome.REGRESSION,
    Outcome.NOT_MEASURED,
    Outcome.NO_BASELINE,
    Outcome.INCONCLUSIVE,
    Outcome.PASS,
)
"""Which outcome of several findings is the verdict, most important first."""


def overall(findings: Iterable[Finding]) -> Outcome:
    """Return the verdict that the gated findings mean; without any, nothing was measured."""
    return min((f.outcome for f in findings if f.gated), key=ORDER.index, default=Outcome.NOT_MEASURED)


def silent_finding(
    series: str, *, metric: str, method: str, outcome: Outcome, why: Reason, hypothesis: Hypothesis | None = None
) -> Finding:
    """Return a finding without figures, which is never a pass."""
    return Finding(
        series=series,
        metric=metric,
        hypothesis=hypothesis,
        method=method,
        pairs=0,
        base_value=None,
        candidate_value=None,
        value_unit=metric_of(metric).unit.value,
        effect=NO_EFFECT,
        p_value=None,
        adjusted_p=None,
        threshold=None,
        established=False,
        in_family=False,
        gated=True,
        outcome=outcome,
        because=(why,),
    )
