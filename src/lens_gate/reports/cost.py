"""What runs cost, in words, tables and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from lens_gate.artifacts.cost import CostReport, ModelCost
from lens_gate.reports.escape import csv_text, plain
from lens_gate.reports.numbers import NOTHING, change, count, money, plural
from lens_gate.reports.sheet import Section, Sheet, Table
from lens_gate.reports.words import listed
from lens_gate.vocabulary.requests import Arm

_TOTAL = "all together"


def cost_sheet(report: CostReport) -> Sheet:
    """Return the report as a sheet."""
    both = {row.arm for row in report.models} == set(Arm)
    priced = report.pricing is not None
    head = ("model", "requests", "input", "cached", "output", "paid", *(("by list", "change") if priced else ()))
    rows = [_cells(_named(row, both=both), row, report) for row in report.models]
    whole = (_TOTAL, *_summed(report), *_money_cells(report.paid, report.cost, report))
    return Sheet(
        title=_title(report),
        text=tuple(_facts(report)),
        sections=(Section(title="Models", table=Table(head, (*rows, whole)), points=tuple(_notes(report))),),
    )


def _title(report: CostReport) -> str:
    if report.pricing is None:
        return f"Cost: {_amount(report.paid, report)}"
    if report.cost is None:
        return f"Cost by {plain(report.pricing)}: not known in full"
    moved = change(_change(report.paid, report.cost), "%")
    beside = f", {moved} against what was paid" if moved != NOTHING else ""
    return f"Cost by {plain(report.pricing)}: {_amount(report.cost, report)}{beside}"


def _facts(report: CostReport) -> Iterator[str]:
    yield f"Of {listed([plain(name) for name in report.sources])}."
    yield "All requests that were sent count: warm-up and cool-down, and both versions where two were measured."
    if report.currency != "USD" and report.per_usd is not None:
        yield f"One US dollar is taken for {report.per_usd:g} {report.currency}."


def _named(row: ModelCost, *, both: bool) -> str:
    arm = {Arm.BASE: " (baseline)", Arm.CANDIDATE: " (candidate)"}[row.arm] if both else ""
    return f"{plain(row.provider)}/{plain(row.model)}{arm}"


def _cells(name: str, row: ModelCost, report: CostReport) -> tuple[str, ...]:
    counts = (row.requests, row.input_tokens, row.cached_tokens, row.output_tokens)
    return (name, *map(count, counts), *_money_cells(row.paid, row.cost, report))


def _summed(report: CostReport) -> tuple[str, ...]:
    columns = ("requests", "input_tokens", "cached_tokens", "output_tokens")
    return tuple(count(sum(getattr(row, column) for row in report.models)) for column in columns)


def _money_cells(paid: float | None, cost: float | None, report: CostReport) -> tuple[str, ...]:
    if report.pricing is None:
        return (_amount(paid, report),)
    return _amount(paid, report), _amount(cost, report), change(_change(paid, cost), "%")


def _amount(value: float | None, report: CostReport) -> str:
    return NOTHING if value is None else money(value, report.currency)


def _change(paid: float | None, cost: float | None) -> float | None:
    return 100 * (cost / paid - 1) if paid and cost is not None else None


def _notes(report: CostReport) -> Iterator[str]:
    priced, unknown = report.pricing is not None, sum(row.unknown for row in report.models)
    if priced and (missing := [_named(row, both=False) for row in report.models if row.cost is None]):
        yield f"The price list has no price for {listed(list(dict.fromkeys(missing)))}."
    if report.per_usd is None:
        yield f"What was paid is known in US dollars, and nobody said how much {report.currency} one is."
    elif unpaid := [_named(row, both=False) for row in report.models if row.paid is None]:
        yield f"What was paid is not known for {listed(list(dict.fromkeys(unpaid)))}."
    if unknown:
        yield (
            f"Of {plural(unknown, 'request')} nobody told the bill: they broke off, or came without token counts, and "
            "are left out."
        )


def cost_table(report: CostReport) -> str:
    """Return one line for each model and arm, unrounded; a price that is not known is an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = tuple(ModelCost.model_fields)
    writer.writerow((*names, "currency"))
    for row in report.models:
        values = (getattr(row, name) for name in names)
        writer.writerow((*(csv_text(value) if isinstance(value, str) else value for value in values), report.currency))
    return text.getvalue()
