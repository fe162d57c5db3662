"""A plan in words and tables: how many pairs, requests, dollars and minutes an answer would take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import assert_never

from lens_gate.artifacts.planning import Bill, NoiseSource, PlanReport, PlanRow, PriceSource, Reach, Visible
from lens_gate.reports.escape import plain
from lens_gate.reports.numbers import NBSP, NOTHING, cents_up, count, limit, plural, usd, usd_as_set
from lens_gate.reports.rows import worse
from lens_gate.reports.sheet import Section, Sheet, Table
from lens_gate.reports.words import label, listed
from lens_gate.vocabulary.metric_table import metric


def plan_sheet(report: PlanReport) -> Sheet:
    """Return the plan as a sheet."""
    names = tuple(dict.fromkeys(row.series for row in report.rows))
    sections = [_series(name, report) for name in names]
    return Sheet(
        title="Plan: what an answer would take",
        text=(*_level(report), _power(report), *_prices(report), *_unplanned(report)),
        sections=(*sections, *_whole(report), _reading(report)),
    )


def _level(report: PlanReport) -> Iterator[str]:
    levels = sorted(row.level for row in report.rows)
    if not levels:
        return
    models = plural(len({row.series for row in report.rows}), "model")
    yield (
        f"A gate of {models} asks {plural(report.hypotheses, 'question')} and may raise a false alarm in "
        f"{_percent(report.alpha)} of unchanged gates. Each question is planned for at its share of that, the worst "
        f"case: {_percent(levels[0])} to {_percent(levels[-1])}."
    )


def _power(report: PlanReport) -> str:
    return f"Each number of pairs is enough in {_percent(report.power)} of runs."


def _prices(report: PlanReport) -> Iterator[str]:
    match report.price_source:
        case PriceSource.MEASURED:
            yield f"Dollars are what a request cost on average in {plain(report.source or '')}."
        case PriceSource.LISTED:
            yield "Dollars are from the price list, at most: as if every answer were as long as it may be."
        case PriceSource.UNKNOWN:
            yield "No price is known of some model, so no dollars are told."
        case _ as never:
            assert_never(never)


def _unplanned(report: PlanReport) -> Iterator[str]:
    if report.unplanned:
        names = [label(name, metric(name).hypothesis) for name in report.unplanned]
        yield f"Not planned, because there is nothing to tell the noise from: {listed(names)}."


def _series(name: str, report: PlanReport) -> Section:
    rows = [row for row in report.rows if row.series == name]
    alarms = any(row.regression for row in report.rows)
    head = ("question", "noise", "change", "see", *(("fail",) if alarms else ()), "pass", *_COSTS)
    return Section(
        title=plain(name),
        text=(_known_from(rows[0], report),),
        table=Table(head, tuple(_cells(row, alarms=alarms) for row in rows)),
    )


_COSTS = ("requests", "dollars", "min")


def _known_from(row: PlanRow, report: PlanReport) -> str:
    source = plain(report.source or "")
    match row.source:
        case NoiseSource.PAIRS:
            return f"Noise: from {plural(row.seen, 'pair')} of {source}."
        case NoiseSource.ONE_ARM:
            return (
                f"Noise: an upper bound, √2 times the spread of {plural(row.seen, 'single request')} of {source}. "
                "Pairs share moment and prompt, and scatter less."
            )
        case NoiseSource.ASSUMED:
            return (
                "Noise: assumed, what is typical of one model behind a public endpoint; one in four is twice as noisy. "
                "lens-gate doctor measures yours, and --from takes its run."
            )
        case _ as never:
            assert_never(never)


def _cells(row: PlanRow, *, alarms: bool) -> tuple[str, ...]:
    goals = (row.establish, *((row.regression,) if alarms else ()), row.passing)
    dearest = max((bill for bill in goals if bill is not None), key=lambda bill: bill.pairs, default=None)
    return (
        label(row.metric, row.hypothesis),
        _noise(row),
        limit(row.effect, row.unit, worse(row.metric)),
        *(NOTHING if bill is None else count(bill.pairs) for bill in goals),
        *_costs(dearest),
    )


def _noise(row: PlanRow) -> str:
    return f"{row.noise:.2g}{NBSP}{'%' if row.unit == '%' or row.rare else 'points'}"


def _costs(bill: Bill | None) -> tuple[str, str, str]:
    if bill is None:
        return NOTHING, NOTHING, NOTHING
    return (
        count(bill.requests),
        NOTHING if bill.usd is None else usd(bill.usd),
        NOTHING if bill.minutes is None else count(ceil(bill.minutes)),
    )


def _whole(report: PlanReport) -> Iterator[Section]:
    bills = (
        ("all but rare events", report.frequent if report.frequent != report.everything else None),
        ("everything above", report.everything),
        *((name, one.bill) for name, one in _reaches(report)),
    )
    rows = tuple((name, count(bill.pairs), *_costs(bill)) for name, bill in bills if bill is not None)
    if rows:
        yield Section(title="The whole run", table=Table(("", "pairs", *_COSTS), rows), points=tuple(_next(report)))
    if _reaches(report):
        yield _visible(_reaches(report))


def _reaches(report: PlanReport) -> list[tuple[str, Reach]]:
    """Return the runs whose size is given beforehand."""
    reaches = (("as configured", report.configured), (_bought(report), report.affordable))
    return [(name, one) for name, one in reaches if one is not None]


def _bought(report: PlanReport) -> str:
    return f"for {usd_as_set(report.max_cost_usd or 0.0)}"


def _next(report: PlanReport) -> Iterator[str]:
    bill = report.frequent or report.everything
    if bill is not None:
        cap = "" if bill.usd is None else f" --max-cost {cents_up(bill.usd)}"
        yield f"Next, with your other options: lens-gate ci --requests {bill.requests}{cap}"


def _visible(reaches: Sequence[tuple[str, Reach]]) -> Section:
    """Say what each of these runs can see; all of them have the same questions."""
    several = len({one.series for one in reaches[0][1].visible}) > 1
    columns = [reach.visible for _, reach in reaches]
    return Section(
        title="The smallest change that such a run can see",
        table=Table(
            ("question", *(f"{name} ({count(one.bill.pairs)})" for name, one in reaches)),
            tuple((_asked(row[0], several=several), *map(_seen, row)) for row in zip(*columns, strict=True)),
        ),
    )


def _asked(one: Visible, *, several: bool) -> str:
    name = label(one.metric, one.hypothesis)
    return f"{plain(one.series)}, {name}" if several else name


def _seen(one: Visible) -> str:
    return "none" if one.effect is None else limit(float(f"{one.effect:.2g}"), one.unit, worse(one.metric))


_SEE = "See: the pairs of each model that establish such a change, so that chance is ruled out."
_FAIL = "Fail: the pairs that make the gate call it a regression."
_TOSS = (
    "A change of just the size that matters is called a regression half of the time, with any number of pairs: its "
    "estimate lies above the limit as often as below. Ask for a larger --effect to see how many pairs make it fail."
)
_NOISE = (
    "Noise: how much a pair differs when nothing has changed (standard deviation); of rare events, in how many pairs "
    "only one of the two has it."
)
_COST = (
    "Requests, dollars and minutes are those of the whole run with the largest of these numbers of pairs: all models, "
    "both versions, warm-up and cool-down."
)


def _reading(report: PlanReport) -> Section:
    passing = (
        f"Pass: the pairs that show, to {_percent(report.pass_confidence)}, that an unchanged version is not worse by "
        f"what matters: {_margins(report)}."
    )
    fail = (_FAIL,) if any(row.regression for row in report.rows) else ()
    toss = (_TOSS,) if any(row.regression is None and row.effect <= row.margin for row in report.rows) else ()
    return Section(title="How to read this", points=(_SEE, *fail, passing, *toss, _NOISE, _COST))


def _margins(report: PlanReport) -> str:
    found = dict.fromkeys(
        f"{label(row.metric, row.hypothesis)} {limit(row.margin, row.unit, worse(row.metric))}" for row in report.rows
    )
    return listed(list(found))


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g}{NBSP}%"
