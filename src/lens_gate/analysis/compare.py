"""Several alternatives that were asked side by side: which of them differ, by how much, and in what order they stand.

Each prompt went to all of them in one block of neighbouring slots, in random order. Two alternatives that are alike
could swap their places in every block, so that the tests of the duet hold for each two of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np

from lens_gate.analysis.answers import Answer, ratio_answer, share_answer
from lens_gate.analysis.need import CLOSEST, POWER
from lens_gate.analysis.pairing import PairedSeries, PairedValues, pair_rows, shares_of
from lens_gate.analysis.quantities import measured, with_status
from lens_gate.analysis.questions import measurable
from lens_gate.analysis.rules import METRIC_NAMES, Rules
from lens_gate.analysis.standings import Gap, placed
from lens_gate.artifacts.analysis import (
    Effect,
    Need,
    PairCoverage,
    Pairwise,
    RankedMetric,
    Ranking,
    Standing,
)
from lens_gate.artifacts.metric_values import series_value
from lens_gate.artifacts.reasons import Reason
from lens_gate.artifacts.run import ModelResult
from lens_gate.artifacts.samples import Samples
from lens_gate.stats.multiplicity import Member, holm
from lens_gate.stats.planning import Aim
from lens_gate.stats.proportions import mcnemar
from lens_gate.vocabulary.metric_table import metric
from lens_gate.vocabulary.metrics import Hypothesis, Quantity
from lens_gate.vocabulary.requests import Status

QUESTIONS = (
    Hypothesis.TTFT,
    Hypothesis.PER_TOKEN,
    Hypothesis.TOTAL,
    Hypothesis.COST,
    Hypothesis.OUTPUT_LENGTH,
    Hypothesis.ERRORS,
)
"""What is asked about every two alternatives."""

LATENCIES = (Hypothesis.TTFT, Hypothesis.PER_TOKEN, Hypothesis.TOTAL)
IN_TOKENS = (Hypothesis.PER_TOKEN, Hypothesis.OUTPUT_LENGTH)
OWN_TOKENS = (
    "Each model counts in its own tokens, which cut the same text into more or fewer pieces: time per token and length "
    "of an answer compare unlike units. The whole answer and its cost do not depend on that."
)

_TIMES = {Hypothesis.TTFT: Quantity.TTFT, Hypothesis.TOTAL: Quantity.LATENCY}
_COUNTS = {
    Hypothesis.PER_TOKEN: Quantity.TPOT,
    Hypothesis.COST: Quantity.COST,
    Hypothesis.OUTPUT_LENGTH: Quantity.OUTPUT_TOKENS,
}

Relation = Literal["differs", "alike", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Both:
    """Two alternatives with the blocks that hold both of them."""

    names: tuple[str, str]
    blocks: PairedSeries


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One question about two alternatives with its answer: how much more the second has than the first."""

    names: tuple[str, str]
    hypothesis: Hypothesis
    answer: Answer
    latency_gap: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """An answer with its place in the family: `tail` is the error of each bound, all of which hold at once."""

    asked: _Asked
    effect: Effect
    adjusted_p: float
    relation: Relation
    tail: float
    margin: float


def rank(
    samples: Samples,
    results: Mapping[str, ModelResult],
    rules: Rules,
    *,
    limit_ns: float,
    requests_per_second: float | None,
) -> Ranking | None:
    """Compare all series that share blocks, two by two; None where there are not two of them.

    `results` holds their summaries by series, `limit_ns` is the request timeout at which latencies are cut.
    """
    rows = _alternatives(samples)
    if len(rows) < 2:
        return None
    both = [
        _Both(names=(a, b), blocks=pair_rows(b, rows[a], rows[b], limit_ns=limit_ns, names=(a, b)))
        for a, b in combinations(rows, 2)
    ]
    told = _told([asked for two in both for asked in _ask(two)], rules)
    metrics = (_ranked([t for t in told if t.asked.hypothesis is one], rows, results) for one in QUESTIONS)
    return Ranking(
        alternatives=tuple(rows),
        alpha=rules.alpha,
        metrics=tuple(found for found in metrics if found is not None),
        coverage=tuple(_coverage(two) for two in both),
        need=_need(told, rows, requests_per_second),
        notes=(*_without_success(rows), *_failures(both), *_own_tokens(rows, told)),
    )


def _alternatives(samples: Samples) -> dict[str, Samples]:
    """Return the measured requests that belong to a block, by series in order of name.

    A series that was given up before the measured phase began is there without any.
    """
    in_blocks = samples.where(~np.isnan(samples.numbers["pair"]))
    counted = measured(in_blocks)
    names = sorted({str(name) for name in in_blocks.texts["series"].strings()})
    return {name: counted.where(counted.texts["series"].equals(name)) for name in names}


def _ask(two: _Both) -> list[_Asked]:
    """Return the questions that these two can answer; about an alternative without a success, only that of errors."""
    blocks = two.blocks
    questions = QUESTIONS if measurable(blocks) else (Hypothesis.ERRORS,)
    answers = {question: _answer(blocks, question) for question in questions}
    return [
        _Asked(
            names=two.names,
            hypothesis=question,
            answer=answer,
            latency_gap=blocks.latency_gap if question in LATENCIES else None,
        )
        for question, answer in answers.items()
        if answer is not None
    ]


def _answer(blocks: PairedSeries, question: Hypothesis) -> Answer | None:
    if question is Hypothesis.ERRORS:
        return _errors(blocks)
    return ratio_answer(_values(blocks, question), two_sided=True)


def _values(blocks: PairedSeries, question: Hypothesis) -> PairedValues:
    if question in _TIMES:
        return blocks.times(_TIMES[question])
    return blocks.of_successes(_COUNTS[question])


def _errors(blocks: PairedSeries) -> Answer | None:
    base, candidate = blocks.failed
    if len(base) == 0:
        return None
    shares = shares_of(base, candidate)
    answer = share_answer(shares, method="exact McNemar test")
    return replace(answer, p_value=mcnemar(shares).p_two_sided, floor=min(1.0, 2 * answer.floor))


def _told(asked: Sequence[_Asked], rules: Rules) -> list[_Told]:
    """Judge all answers as one family: differences by Holm, intervals by Bonferroni, so that all of them hold at once.

    An interval that excludes zero belongs to a difference; one of a difference may reach zero, since Holm is sharper.
    Unlike in a gate all questions have one weight: who chooses between models asks for the whole answer as much as for
    the first token.
    """
    family = holm([Member(one.answer.p_value, floor=one.answer.floor) for one in asked], alpha=rules.alpha)
    tail = rules.alpha / (2 * max(len(asked), 1))
    told = []
    for one, stepped in zip(asked, family, strict=True):
        differs = stepped.adjusted_p < rules.alpha
        effect, margin = _effect(one.answer, tail, differs=differs), rules.margins[one.hypothesis]
        relation: Relation = "differs" if differs else _undecided(one, effect, margin)
        told.append(
            _Told(asked=one, effect=effect, adjusted_p=stepped.adjusted_p, relation=relation, tail=tail, margin=margin)
        )
    return told


def _effect(answer: Answer, tail: float, *, differs: bool) -> Effect:
    bounds = answer.bounds(tail)
    lower, upper = bounds.lower, bounds.upper
    if not differs:
        # What the test does not rule out, its interval may not exclude: a score interval is less strict than McNemar.
        lower = None if lower is None else min(lower, 0.0)
        upper = None if upper is None else max(upper, 0.0)
    return Effect(
        unit=answer.unit,
        estimate=answer.estimate,
        lower=lower,
        upper=upper,
        upper_pass=None,
        confidence=1 - 2 * tail,
    )


def _undecided(asked: _Asked, effect: Effect, margin: float) -> Relation:
    """Whether two that were not told apart are known to be alike: failures leave too little to say that of times."""
    if asked.latency_gap is not None or effect.lower is None or effect.upper is None:
        return "open"
    return "alike" if max(-effect.lower, effect.upper) < margin else "open"


def _ranked(
    told: Sequence[_Told], alternatives: Iterable[str], results: Mapping[str, ModelResult]
) -> RankedMetric | None:
    """Put the alternatives in order by one metric; None where no two of them could be compared."""
    if not told:
        return None
    names = sorted({name for one in told for name in one.asked.names})
    places = placed(names, [_gap(one) for one in told])
    order = {place.name: number for number, place in enumerate(places)}
    question = told[0].asked.hypothesis
    shown = metric(METRIC_NAMES[question])
    return RankedMetric(
        metric=shown.name,
        hypothesis=question,
        value_unit=shown.unit.value,
        threshold=told[0].margin,
        standings=tuple(
            Standing(
                series=place.name,
                value=series_value(results[place.name], shown) if place.name in results else None,
                first_place=place.first,
                last_place=place.last,
                groups=place.groups,
            )
            for place in places
        ),
        unranked=tuple(name for name in alternatives if name not in order),
        pairs=tuple(sorted((_pairwise(one, order) for one in told), key=lambda p: (order[p.other], order[p.series]))),
    )


def _gap(told: _Told) -> Gap:
    first, second = told.asked.names
    estimate = told.asked.answer.estimate
    size = math.log1p(estimate / 100) if told.effect.unit == "%" else estimate
    less, more = (first, second) if size >= 0 else (second, first)
    return Gap(less=less, more=more, size=abs(size), certain=told.relation == "differs")


def _pairwise(told: _Told, order: Mapping[str, int]) -> Pairwise:
    """Tell the effect of the one that stands later, relative to the other."""
    first, second = told.asked.names
    turned = order[first] > order[second]
    return Pairwise(
        series=first if turned else second,
        other=second if turned else first,
        blocks=told.asked.answer.pairs,
        effect=_turned(told.effect) if turned else told.effect,
        p_value=told.asked.answer.p_value,
        adjusted_p=told.adjusted_p,
        relation=told.relation,
    )


def _turned(effect: Effect) -> Effect:
    """Return the same effect seen from the other side."""

    def other(value: float | None) -> float | None:
        if value is None:
            return None
        return -100 * value / (100 + value) if effect.unit == "%" else -value

    return effect.model_copy(
        update={"estimate": other(effect.estimate), "lower": other(effect.upper), "upper": other(effect.lower)}
    )


def _coverage(two: _Both) -> PairCoverage:
    first, second = two.names
    return PairCoverage(**two.blocks.coverage.model_dump(exclude={"series"}), series=second, other=first)


def _need(told: Sequence[_Told], rows: Mapping[str, Samples], requests_per_second: float | None) -> Need | None:
    """Return the blocks that would tell the open pairs apart, or show them alike; None where none is open.

    Of what is compared by its ratio: error rates need so many that they would hide the rest.
    """
    blocks = [
        _blocks(one)
        for one in told
        if one.relation == "open" and one.effect.unit == "%" and one.asked.latency_gap is None and one.margin > 0
    ]
    if not blocks:
        return None
    costs = [alternative.numbers["cost_usd"] for alternative in rows.values()]
    priced = all(not np.isnan(cost).all() for cost in costs)
    return Need(
        pairs=max(blocks),
        usd=max(blocks) * sum(float(np.nanmean(cost)) for cost in costs) if priced else None,
        minutes=None if requests_per_second is None else max(blocks) * len(rows) / requests_per_second / 60,
    )


def _blocks(told: _Told) -> int:
    answer, size = told.asked.answer, abs(told.asked.answer.estimate)
    distance = size if size >= told.margin else max(told.margin - size, CLOSEST * told.margin)
    # Bad luck can leave open what so many blocks usually settle; then at least some more are needed.
    return max(answer.pairs_needed(distance, Aim(told.tail, POWER)), answer.pairs + 1)


def _without_success(rows: Mapping[str, Samples]) -> list[str]:
    return [
        f"{name}: no request succeeded, so that only its errors are compared."
        for name, alternative in rows.items()
        if not with_status(alternative, Status.OK).any()
    ]


def _failures(both: Sequence[_Both]) -> list[str]:
    return [
        f"{' and '.join(two.names)}: too many of their requests failed for their times to be called alike."
        for two in both
        if two.blocks.latency_gap is not None
    ]


def _own_tokens(rows: Mapping[str, Samples], told: Sequence[_Told]) -> list[str]:
    """Say that tokens of different models are different units."""
    models = {model for alternative in rows.values() for model in alternative.texts["model"].strings()}
    if len(models) < 2 or not any(one.asked.hypothesis in IN_TOKENS for one in told):
        return []
    return [OWN_TOKENS]
