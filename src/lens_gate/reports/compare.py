"""A comparison of several models in words and rounded numbers: the one view that all renderers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import assert_never

from lens_gate.artifacts.analysis import Analysis, Need, PairCoverage, Pairwise, RankedMetric, Ranking, Standing
from lens_gate.artifacts.run import Uncovered
from lens_gate.reports.escape import plain, shortened
from lens_gate.reports.facts import prices, spent, valid, validity_lines
from lens_gate.reports.numbers import (
    NBSP,
    NOTHING,
    EffectUnit,
    change,
    count,
    interval,
    minutes,
    percent,
    plural,
    quantity,
    usd,
)
from lens_gate.reports.rows import LONGEST_NAME, LONGEST_TEXT, subjects
from lens_gate.reports.words import PHRASES, listed, sentence, told
from lens_gate.vocabulary.metrics import Hypothesis

_LEADERS: Mapping[Hypothesis, str] = {
    Hypothesis.TTFT: "Earliest first token",
    Hypothesis.PER_TOKEN: "Least time per token",
    Hypothesis.TOTAL: "Fastest whole answer",
    Hypothesis.COST: "Cheapest answer",
    Hypothesis.OUTPUT_LENGTH: "Shortest answers",
    Hypothesis.ERRORS: "Fewest errors",
}
_THAN: Mapping[Hypothesis, str] = {
    Hypothesis.TTFT: " than {other}'s",
    Hypothesis.PER_TOKEN: " than {other}",
    Hypothesis.TOTAL: " than {other}'s",
    Hypothesis.COST: " than one of {other}",
    Hypothesis.OUTPUT_LENGTH: " than {other}'s",
    Hypothesis.ERRORS: " than of {other}'s",
}
_FIGURES: Mapping[Hypothesis, str] = {Hypothesis.ERRORS: "share"}

PLACES = "Place: where a model can stand given the differences found. Models of one group were not told apart."


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRow:
    """One model in one metric: its own figure, the change against the one that stands first, and where it stands.

    `groups` are letters: models that share one were not told apart.
    """

    subject: str
    value: str
    change: str
    interval: str
    place: str
    groups: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRow:
    """Two models in one metric; `story` says as a sentence what was found, `finding` in a word."""

    metric: str
    story: str
    finding: str
    adjusted_p: str
    blocks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTable:
    """All models in one metric, the least first; `unranked` says who has no value of it."""

    label: str
    figure: str
    rows: tuple[StandingRow, ...]
    pairs: tuple[PairRow, ...]
    unranked: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonView:
    """A comparison of several models: `leaders` answer first who is best, one sentence for each metric."""

    name: str
    headline: str
    leaders: tuple[str, ...]
    compared: str
    validity: str
    spend: str
    tables: tuple[MetricTable, ...]
    need: str | None
    notes: tuple[str, ...]
    coverage: tuple[str, ...]
    validity_checks: tuple[str, ...]
    prices: tuple[str, ...]
    reading: tuple[str, ...]
    tool: str


def comparison_view(analysis: Analysis) -> ComparisonView:
    """Return the comparison that an analysis holds; ValueError for one without."""
    ranking = analysis.ranking
    if ranking is None:
        msg = "this analysis holds no comparison of several models"
        raise ValueError(msg)
    names = subjects(ranking.alternatives)
    return ComparisonView(
        name=shortened(plain(analysis.benchmark.name), LONGEST_NAME),
        headline=_headline(ranking),
        leaders=tuple(_leader(one, names) for one in ranking.metrics),
        compared=_compared(ranking, names),
        validity=valid(analysis.validity),
        spend=spent(analysis.spend),
        tables=tuple(_table(one, names) for one in ranking.metrics),
        need=None if ranking.need is None else _need(ranking.need, len(ranking.alternatives)),
        notes=(*_said(ranking.notes), *_said([analysis.ending_message or ""]), *_left_out(analysis.uncovered, names)),
        coverage=tuple(_covered(row, names) for row in ranking.coverage),
        validity_checks=validity_lines(analysis.validity),
        prices=prices(analysis.spend),
        reading=_reading(ranking),
        tool=f"lens-gate {plain(analysis.provenance.tool_version)}",
    )


def letters(groups: Sequence[int]) -> str:
    """Return the letters of groups that are numbered from 1; from the 27th on with its round, as in `a2`."""
    return " ".join(
        ascii_lowercase[(number - 1) % 26] + (str(1 + (number - 1) // 26) if number > 26 else "") for number in groups
    )


def _headline(ranking: Ranking) -> str:
    relations = [pair.relation for one in ranking.metrics for pair in one.pairs]
    apart, alike = relations.count("differs"), relations.count("alike")
    return (
        f"Told apart in {count(apart)} of {plural(len(relations), 'comparison')}, alike in {count(alike)}, "
        f"open in {count(len(relations) - apart - alike)}"
    )


def _leader(ranked: RankedMetric, names: Mapping[str, str]) -> str:
    """Say who comes first by one metric; those who cannot be told apart from the first share that place."""
    label = _LEADERS.get(ranked.hypothesis, PHRASES[ranked.hypothesis].label)
    first = [names[one.series] for one in ranked.standings if one.first_place == 1]
    if len(first) == 1:
        return f"{label}: {first[0]}."
    if len(first) < len(ranked.standings):
        return f"{label}: {' or '.join(first)} (not told apart)."
    return f"{label}: {'all alike' if all(p.relation == 'alike' for p in ranked.pairs) else 'none told apart'}."


def _compared(ranking: Ranking, names: Mapping[str, str]) -> str:
    planned = [row.pairs_planned for row in ranking.coverage]
    blocks = plural(max(planned, default=0), "block")
    return f"Compared {listed([names[name] for name in ranking.alternatives])} at the same time, in {blocks}."


def _table(ranked: RankedMetric, names: Mapping[str, str]) -> MetricTable:
    first = ranked.standings[0].series
    against = {pair.series: pair for pair in ranked.pairs if pair.other == first}
    label = PHRASES[ranked.hypothesis].label
    unranked = listed([names[name] for name in ranked.unranked])
    return MetricTable(
        label=label,
        figure=_FIGURES.get(ranked.hypothesis, "mean"),
        rows=tuple(_row(one, against.get(one.series), ranked.value_unit, names) for one in ranked.standings),
        pairs=tuple(_pair_row(pair, ranked, label, names) for pair in ranked.pairs),
        unranked=f"Without a value: {unranked}." if unranked else None,
    )


def _row(standing: Standing, pair: Pairwise | None, unit: str, names: Mapping[str, str]) -> StandingRow:
    return StandingRow(
        subject=names[standing.series],
        value=quantity(standing.value, unit),
        change="" if pair is None else change(pair.effect.estimate, pair.effect.unit),
        interval="" if pair is None else interval(*_bounds(pair)),
        place=_place(standing),
        groups=letters(standing.groups),
    )


def _place(standing: Standing) -> str:
    first, last = standing.first_place, standing.last_place
    return f"{first}" if first == last else f"{first}–{last}"


def _pair_row(pair: Pairwise, ranked: RankedMetric, label: str, names: Mapping[str, str]) -> PairRow:
    return PairRow(
        metric=label,
        story=_story(pair, ranked, names),
        finding=pair.relation,
        adjusted_p=_p_value(pair.adjusted_p),
        blocks=count(pair.blocks),
    )


def _story(pair: Pairwise, ranked: RankedMetric, names: Mapping[str, str]) -> str:
    """Tell two models in a sentence: by how much they differ, within what they are alike, or what is still possible."""
    series, other, effect = names[pair.series], names[pair.other], pair.effect
    label, estimate = PHRASES[ranked.hypothesis].label, effect.estimate or 0.0
    match pair.relation:
        case "differs":
            size = f"{_size(abs(estimate), effect.unit)}{_range(pair)}"
            said = told(series, ranked.metric, ranked.hypothesis, size=size, more=estimate >= 0)
            # A name keeps its small letter, an article does not.
            said = _capital(said) if ranked.hypothesis is Hypothesis.COST else said
            return f"{said}{_THAN.get(ranked.hypothesis, ' than {other}').format(other=other)}."
        case "alike":
            most = max(-(effect.lower or 0.0), effect.upper or 0.0)
            return f"{_capital(label)}: {series} and {other} are alike within ±{_size(most, effect.unit)}."
        case "open":
            bounds = interval(effect.lower, effect.upper)
            possible = "" if bounds == NOTHING else f" ({bounds}{NBSP}{effect.unit} is possible)"
            return f"{_capital(label)}: {series} and {other} are not told apart{possible}."
        case _ as never:
            assert_never(never)


def _bounds(pair: Pairwise) -> tuple[float | None, float | None]:
    """Return the interval; of a difference that is certain though its interval reaches zero, only the far end."""
    lower, upper = pair.effect.lower, pair.effect.upper
    if pair.relation != "differs" or lower is None or upper is None or lower * upper > 0:
        return lower, upper
    return (None, upper) if (pair.effect.estimate or 0.0) >= 0 else (lower, None)


def _range(pair: Pairwise) -> str:
    """Return the interval of a size, which has no sign of its own."""
    sizes = sorted(abs(bound) for bound in _bounds(pair) if bound is not None)
    match sizes:
        case [near, far]:
            return f" ({_plain(near)} to {_plain(far)})"
        case [far]:
            return f" (up to {_plain(far)})"
        case _:
            return ""


def _size(value: float, unit: EffectUnit) -> str:
    return percent(value) if unit == "%" else f"{_plain(value)}{NBSP}{unit}"


def _plain(value: float) -> str:
    return percent(value).removesuffix(f"{NBSP}%")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _p_value(value: float) -> str:
    return "under 0.0001" if value < 0.0001 else f"{value:.4f}"


def _need(need: Need, models: int) -> str:
    known = [
        *([usd(need.usd)] if need.usd is not None else []),
        *([minutes(need.minutes)] if need.minutes is not None else []),
    ]
    price = f", {' and '.join(known)}" if known else ""
    blocks = f"{plural(need.pairs, 'block')} in all (--requests {models * need.pairs})"
    return f"To settle what is open, errors aside: about {blocks}{price}."


def _said(notes: Sequence[str]) -> list[str]:
    return [shortened(sentence(note), LONGEST_TEXT) for note in notes if note]


def _left_out(uncovered: Sequence[Uncovered], names: Mapping[str, str]) -> list[str]:
    return [
        f"Not asked, because not all have it: prompt {shortened(plain(row.prompt_id), LONGEST_NAME)} of "
        f"{names.get(row.series or '', plain(row.series or ''))}."
        for row in uncovered
    ]


def _covered(row: PairCoverage, names: Mapping[str, str]) -> str:
    reasons = (
        (row.excluded_throttled, "left out because a provider throttled"),
        (row.excluded_failed, "left out because a request failed"),
        (row.censored, "counted at their time limit"),
    )
    others = "".join(f", {count(number)} {why}" for number, why in reasons if number)
    both = f"{names[row.other]} and {names[row.series]}"
    return f"{both}: {count(row.pairs_used)} of {plural(row.pairs_planned, 'block')} used{others}."


def _reading(ranking: Ranking) -> tuple[str, ...]:
    alpha = f"{100 * ranking.alpha:.4g}{NBSP}%"
    return (
        PLACES,
        "“Against first” is how much more a model takes in a typical block than the one that stands first.",
        "Two models are alike where they were not told apart and differ by less than what matters, whatever is true.",
        f"Where nothing differs, at most {alpha} of comparisons like this one claim any difference.",
        f"All intervals together miss a true difference with a chance of at most {alpha}.",
        "A difference that is certain although its interval just reaches zero is shown with its far end only.",
    )
