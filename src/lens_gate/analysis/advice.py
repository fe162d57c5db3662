"""From a diagnosis to advice: what stands in the way of a verdict on this endpoint, and what would help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lens_gate.analysis.noise import Noise, SeriesNoise, smallest_effect
from lens_gate.analysis.pairing import MOST_FAILURES
from lens_gate.analysis.planning import RARE, Gate
from lens_gate.artifacts.doctor import Advice, AdviceKind, SeriesDiagnosis, SlotEffect, Stability
from lens_gate.vocabulary.metrics import Hypothesis

MOST_THROTTLED = 0.01
MOST_DRIFT_PERCENT = 10.0
NOTABLE_INFLATION = 1.5
NOTABLE_P = 0.01
NOTABLE_CACHE_POINTS = 5.0
LONG_TAIL = 3.0
HELPFUL_CORRELATION = 0.2
NEARLY = 1.05
"""So many times the pairs there are: a plan is no sharper than that."""


def advise(series: Sequence[SeriesDiagnosis], gate: Gate, configured_pairs: int | None) -> tuple[Advice, ...]:
    """Return what to know and to do, what spoils a measurement first.

    `configured_pairs` of each model is what a gate would have; without it nothing is said of what that would see.
    """
    known = [
        advice
        for one in series
        for advice in (
            *_trouble(one),
            *_wandering(one),
            *_slots(one.series, one.slot),
            *_tails(one),
            *_pairs_help(one),
        )
    ]
    sight = [advice for one in gate.series for advice in _sight(one, gate, configured_pairs)]
    return tuple(sorted([*known, *sight, *_until_decided(sight)], key=lambda one: _ORDER.index(one.kind)))


_ORDER = tuple(AdviceKind)


def _trouble(one: SeriesDiagnosis) -> Iterator[Advice]:
    asked = one.successful + one.failed
    if asked and one.failed > MOST_FAILURES * asked:
        yield _said(AdviceKind.ERRORS, one.series, value=100 * one.failed / asked, limit=100 * MOST_FAILURES)
    if one.throttled > MOST_THROTTLED * one.requests:
        yield _said(AdviceKind.THROTTLED, one.series, value=100 * one.throttled / one.requests)


def _wandering(one: SeriesDiagnosis) -> Iterator[Advice]:
    drifts = [row for row in one.stability if abs(row.halves_percent) > MOST_DRIFT_PERCENT]
    if drifts:
        worst = max(drifts, key=lambda row: abs(row.halves_percent))
        kind = AdviceKind.SLOWED_DOWN if worst.halves_percent > 0 else AdviceKind.DRIFT
        yield _said(kind, one.series, worst.hypothesis, value=worst.halves_percent)
    waves = [row for row in one.stability if (row.inflation_lower or 0.0) > NOTABLE_INFLATION]
    if waves:
        worst = max(waves, key=_inflation)
        yield _said(AdviceKind.LOAD, one.series, worst.hypothesis, value=worst.inflation)


def _inflation(row: Stability) -> float:
    return row.inflation or 0.0


def _slots(series: str, slot: SlotEffect | None) -> Iterator[Advice]:
    if slot is None:
        return
    if slot.cached_first is not None and slot.cached_second is not None:
        gained = slot.cached_second - slot.cached_first
        if abs(gained) > NOTABLE_CACHE_POINTS:
            yield _said(AdviceKind.CACHE, series, Hypothesis.CACHED_SHARE, value=gained)
    if slot.p_value < NOTABLE_P:
        yield _said(AdviceKind.SECOND_SLOT, series, Hypothesis.TTFT, value=slot.percent)


def _tails(one: SeriesDiagnosis) -> Iterator[Advice]:
    for row in one.noise:
        if row.hypothesis is Hypothesis.TTFT and row.p99 is not None and row.p99 > LONG_TAIL * row.median:
            yield _said(AdviceKind.TAIL, one.series, row.hypothesis, value=row.p99 / row.median)


def _pairs_help(one: SeriesDiagnosis) -> Iterator[Advice]:
    known = [(row.correlation, row.hypothesis) for row in one.noise if row.correlation is not None]
    best, hypothesis = max(known, default=(0.0, None))
    if best > HELPFUL_CORRELATION:
        yield _said(AdviceKind.PAIRS_HELP, one.series, hypothesis, value=100 * best)


def _sight(one: SeriesNoise, gate: Gate, pairs: int | None) -> Iterator[Advice]:
    """Say which questions would not see what matters with so many pairs, and what that would take."""
    if pairs is None or not one.questions:
        return
    found = [_blind(one.series, hypothesis, noise, gate, pairs) for hypothesis, noise in one.questions.items()]
    blind = [advice for advice in found if advice is not None]
    yield from blind
    if all(advice.kind is AdviceKind.RARE for advice in blind):
        yield _said(AdviceKind.SIGHTED, one.series, pairs=pairs)


def _until_decided(sight: Sequence[Advice]) -> Iterator[Advice]:
    """Advise a run that ends itself, where it is known how long one would be otherwise."""
    needed = [advice.pairs for advice in sight if advice.kind is AdviceKind.BLIND and advice.pairs is not None]
    if sight:
        yield Advice(kind=AdviceKind.UNTIL_DECIDED, pairs=max(needed, default=None))


def _blind(series: str, hypothesis: Hypothesis, noise: Noise, gate: Gate, pairs: int) -> Advice | None:
    margin, aim = gate.rules.margins[hypothesis], gate.aim(hypothesis)
    needed = noise.to_establish(margin, aim) if margin > 0 else None
    if needed is None or needed <= NEARLY * pairs:
        return None
    kind = AdviceKind.RARE if hypothesis in RARE else AdviceKind.BLIND
    seen = smallest_effect(noise, pairs, aim)
    return _said(kind, series, hypothesis, value=seen, limit=margin, pairs=needed)


def _said(
    kind: AdviceKind,
    series: str,
    hypothesis: Hypothesis | None = None,
    *,
    value: float | None = None,
    limit: float | None = None,
    pairs: int | None = None,
) -> Advice:
    return Advice(kind=kind, series=series, hypothesis=hypothesis, value=value, limit=limit, pairs=pairs)
