"""A diagnosis in words and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lens_gate.artifacts.doctor import (
    Advice,
    BlockRule,
    DoctorReport,
    MetricNoise,
    RuleAlarms,
    SeriesDiagnosis,
    SlotEffect,
    Stability,
    VisibleAt,
)
from lens_gate.artifacts.planning import NoiseSource
from lens_gate.reports.advice import advice_words
from lens_gate.reports.escape import plain
from lens_gate.reports.facts import spent, valid
from lens_gate.reports.numbers import (
    NBSP,
    NOTHING,
    change,
    count,
    decimal,
    duration,
    interval,
    limit,
    percent,
    plural,
    quantity,
)
from lens_gate.reports.rows import worse
from lens_gate.reports.sheet import Section, Sheet, Table
from lens_gate.reports.words import label, listed, sentence

RULES: Mapping[BlockRule, str] = {
    BlockRule.MEAN: "mean more than 10 % up",
    BlockRule.P95: "p95 more than 15 % up",
    BlockRule.WELCH: "Welch's t at 0.05",
    BlockRule.MANN_WHITNEY: "Mann–Whitney at 0.05",
    BlockRule.KOLMOGOROV_SMIRNOV: "Kolm.–Smirnov at 0.05",
}


def doctor_sheet(report: DoctorReport) -> Sheet:
    """Return the diagnosis as a sheet; of an invalid run only that it is none."""
    if not any(one.successful for one in report.series):
        return Sheet(title="No diagnosis: the endpoint was not measured", text=tuple(_unmeasured(report)), sections=())
    sections = [section for one in report.series for section in _series(one, report)]
    return Sheet(
        title="Diagnosis: how noisy the endpoint is, and what a gate can see of it",
        text=tuple(_opening(report)),
        sections=(_advised(report), *sections, _reading(report)),
    )


def _unmeasured(report: DoctorReport) -> Iterator[str]:
    yield valid(report.validity, measured=False)
    if report.ending_message:
        yield sentence(report.ending_message)
    yield "Nothing is said about the endpoint."


def _opening(report: DoctorReport) -> Iterator[str]:
    requests = sum(one.requests for one in report.series)
    rate = "" if report.requests_per_second is None else f" at {report.requests_per_second:g} a second"
    yield f"{plain(report.source)}: {plural(requests, 'request')} in {duration(report.duration_seconds)}{rate}."
    yield spent(report.spend)
    if report.unchanged:
        yield "Both versions were the same, on purpose: whatever differs between them is noise."
    elif any(one.source is NoiseSource.PAIRS for one in report.series):
        yield "The two versions of this run may differ, so only the candidate's requests are looked at one by one."
    else:
        yield "One version was measured, without pairs: their noise is at most √2 times that of single requests."
    yield valid(report.validity)
    if report.ending_message:
        yield sentence(report.ending_message)


def _advised(report: DoctorReport) -> Section:
    several = len(report.series) > 1
    points = tuple(_subject(one, several=several) + advice_words(one) for one in report.advice)
    return Section(title="What to know, and to do", points=points or ("Nothing stands out.",))


def _subject(one: Advice, *, several: bool) -> str:
    return f"{plain(one.series)}. " if several and one.series else ""


def _series(one: SeriesDiagnosis, report: DoctorReport) -> Iterator[Section]:
    several = f"{plain(one.series)}: " if len(report.series) > 1 else ""
    yield Section(title=f"{several}Noise", text=(_ended(one),), table=_noise(one), points=tuple(_slot(one.slot)))
    if one.stability:
        yield Section(title=f"{several}How steady it was", table=_stability(one))
    if one.visible:
        yield Section(title=f"{several}The smallest change that a gate sees, by pairs", table=_visible(one))
    if one.alarms:
        yield Section(
            title=f"{several}False alarms of other rules, between blocks of this run",
            text=(_blocks(one, report),),
            table=_alarms(one.alarms),
        )


def _ended(one: SeriesDiagnosis) -> str:
    parts = [f"{percent(100 * one.successful / one.requests)} of {plural(one.requests, 'request')} succeeded"]
    parts += [f"{count(error.count)} ended in {plain(error.type)}" for error in one.errors]
    return f"{listed(parts)}."


def _noise(one: SeriesDiagnosis) -> Table | None:
    if not one.noise:
        return None
    head = ("", "median", "p95/p50", "p99/p50", "single", "pair", "correlated")
    return Table(head, tuple(_noise_row(row) for row in one.noise))


def _noise_row(row: MetricNoise) -> tuple[str, ...]:
    return (
        label(row.metric, row.hypothesis),
        quantity(row.median, row.value_unit),
        NOTHING if row.p95 is None else decimal(row.p95 / row.median, 2),
        NOTHING if row.p99 is None else decimal(row.p99 / row.median, 2),
        _whole(row.spread),
        _whole(row.pair_spread),
        NOTHING if row.correlation is None else decimal(row.correlation, 2),
    )


def _whole(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2g}{NBSP}%"


def _slot(slot: SlotEffect | None) -> Iterator[str]:
    if slot is None:
        return
    yield (
        f"The first token of the second request of a pair against that of the first: {change(slot.percent, '%')} "
        f"(95{NBSP}%: {interval(slot.lower, slot.upper)}, {plural(slot.pairs, 'pair')})."
    )
    if slot.cached_first is not None and slot.cached_second is not None:
        yield (
            f"Input from the cache: {percent(slot.cached_first)} of the first, {percent(slot.cached_second)} of the "
            "second request of a pair."
        )


def _stability(one: SeriesDiagnosis) -> Table:
    head = ("", "2nd half", "blocks", "neighbours", "waves (95 %)")
    return Table(head, tuple(_stability_row(row) for row in one.stability))


def _stability_row(row: Stability) -> tuple[str, ...]:
    return (
        label(row.metric, row.hypothesis),
        change(row.halves_percent, "%"),
        _between(quantity(min(row.medians), "ms"), quantity(max(row.medians), "ms")),
        f"{decimal(row.autocorrelation, 2)} ± {decimal(row.autocorrelation_error, 2)}",
        _waves(row),
    )


def _between(low: str, high: str) -> str:
    """Return a range, its unit once where both ends have the same."""
    number, _, unit = low.partition(NBSP)
    return f"{number} to {high}" if unit == high.partition(NBSP)[2] else f"{low} to {high}"


def _waves(row: Stability) -> str:
    if row.inflation is None or row.inflation_lower is None or row.inflation_upper is None:
        return NOTHING
    return f"{decimal(row.inflation, 1)} ({decimal(row.inflation_lower, 1)} to {decimal(row.inflation_upper, 1)})"


def _visible(one: SeriesDiagnosis) -> Table:
    numbers = [pairs for pairs, _ in one.visible[0].effects]
    head = ("", *(count(pairs) for pairs in numbers), "what matters")
    return Table(head, tuple(_visible_row(row) for row in one.visible))


def _visible_row(row: VisibleAt) -> tuple[str, ...]:
    direction = worse(row.metric)
    effects = (NOTHING if seen is None else limit(float(f"{seen:.2g}"), row.unit, direction) for _, seen in row.effects)
    return (label(row.metric, row.hypothesis), *effects, limit(row.margin, row.unit, direction))


def _blocks(one: SeriesDiagnosis, report: DoctorReport) -> str:
    whose = "" if report.unchanged else "All requests are of one version. "
    comparisons = count(one.alarms[0].comparisons)
    return (
        f"{plural(one.blocks, 'block')} of {plural(one.block_requests, 'request')}, each compared with each other one "
        f"in both orders: {comparisons} comparisons. {whose}Nothing was changed between them, so every alarm is a "
        "false one. A stored baseline does worse: the drift from day to day is not in one run."
    )


def _alarms(alarms: tuple[RuleAlarms, ...]) -> Table:
    metrics = tuple(dict.fromkeys(one.metric for one in alarms))
    found = {(one.rule, one.metric): one for one in alarms}
    head = ("rule", *("any" if name is None else _short(name) for name in metrics))
    rows = [(RULES[rule], *(_rate(found[rule, name]) for name in metrics)) for rule in BlockRule]
    return Table(head, tuple(rows))


def _short(metric: str) -> str:
    names = {"mean_ttft": "first token", "mean_tpot": "per token", "mean_latency": "whole answer"}
    return names.get(metric, label(metric, None))


def _rate(one: RuleAlarms) -> str:
    return f"{count(one.alarms)} ({round(100 * one.alarms / one.comparisons)}{NBSP}%)"


def _reading(report: DoctorReport) -> Section:
    return Section(
        title="How to read this",
        points=(
            _DESIGN.format(alpha=f"{100 * report.alpha:.3g}{NBSP}%"),
            _NOISE,
            _STEADY,
            _SEEN.format(
                questions=plural(report.hypotheses, "question"),
                power=f"{100 * report.power:.3g}{NBSP}%",
            ),
        ),
    )


_DESIGN = (
    "The duet, lens-gate's own rule, is built to alarm in at most {alpha} of unchanged gates, whatever the drift. That "
    "is its design and not measured here: one run is one gate."
)
_NOISE = (
    "Noise: standard deviation of the logarithm, of single requests and of the two requests of a pair (as the test of "
    "pairs sees it: a few outliers do not count for much)."
)
_STEADY = (
    "Steadiness: the median of the second half against the first, the lowest and highest median of a block, the "
    "correlation of neighbours, and how many times as much the means of blocks vary as those of unrelated requests."
)
_SEEN = (
    "A change is seen when it is established in {power} of runs, at the level of a gate with {questions} in the worst "
    "case. lens-gate plan says what other changes take."
)
