"""The CSV of the spec: one line per measured request, in the order in which they were due; and that of comparisons.

After the columns of the spec stand those from which `lens-gate import` makes the same findings again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from math import isnan

from lens_gate.artifacts.analysis import Pairwise, RankedMetric, Ranking
from lens_gate.artifacts.csv_columns import (
    COUNT_COLUMNS,
    FURTHER_COLUMNS,
    INSTANT_COLUMNS,
    PAIR_COLUMNS,
    SPEC_COLUMNS,
    WORD_COLUMNS,
)
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Samples, TextColumn
from lens_gate.reports.escape import csv_text
from lens_gate.vocabulary.requests import Arm, ErrorClass, Phase, Status

_NS_PER_MS = 10**6


def csv_rows(samples: Samples, run: Run, *, delimiter: str = ",") -> str:
    """Return the measured requests as CSV; times count from the intended send, as everywhere in the artifacts.

    Warm-up and cool-down are left out. A request that failed has no times and cost nothing; one that a provider
    throttled, or that was never sent, is `failed` too, and `error_type` says so.
    """
    measured = samples.where(samples.texts["phase"].equals(Phase.MEASURE))
    duet = bool(measured.texts["arm"].equals(Arm.BASE).any()) or not all(map(isnan, measured.numbers["pair"].tolist()))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow((*SPEC_COLUMNS, *(PAIR_COLUMNS if duet else ()), *FURTHER_COLUMNS))
    writer.writerows(_rows(measured, datetime.fromisoformat(run.benchmark.start_time), duet=duet))
    return text.getvalue()


COMPARISON_HEADER = (
    "metric",
    "series",
    "other",
    "relation",
    "effect",
    "effect_unit",
    "lower",
    "upper",
    "confidence",
    "p_value",
    "adjusted_p",
    "blocks",
    "series_value",
    "other_value",
    "value_unit",
)


def comparison_rows(ranking: Ranking | None) -> str:
    """Return one line per metric and two models; the head alone where nothing could be compared.

    `effect` is how much more `series` has than `other`; numbers are unrounded.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COMPARISON_HEADER)
    for metric in ranking.metrics if ranking else ():
        values = {standing.series: standing.value for standing in metric.standings}
        writer.writerows(_pair_cells(pair, metric, values) for pair in metric.pairs)
    return text.getvalue()


def _pair_cells(pair: Pairwise, metric: RankedMetric, values: Mapping[str, float | None]) -> tuple[str, ...]:
    effect = pair.effect
    return (
        metric.metric,
        csv_text(pair.series),
        csv_text(pair.other),
        pair.relation,
        _known(effect.estimate),
        effect.unit,
        _known(effect.lower),
        _known(effect.upper),
        _known(effect.confidence),
        _known(pair.p_value),
        _known(pair.adjusted_p),
        str(pair.blocks),
        _known(values[pair.series]),
        _known(values[pair.other]),
        metric.value_unit,
    )


def _known(value: float | None) -> str:
    return "" if value is None else _number(float(value))


def _rows(samples: Samples, anchor: datetime, *, duet: bool) -> Iterator[tuple[str, ...]]:
    numbers = {name: column.tolist() for name, column in samples.numbers.items()}
    texts = {name: _safe(column).strings() for name, column in samples.texts.items()}
    for row in range(len(samples)):
        number = {name: column[row] for name, column in numbers.items()}
        text = {name: column[row] or "" for name, column in texts.items()}
        pairing = (text["arm"], _number(number["pair"]), _number(number["slot"])) if duet else ()
        yield (*_of_the_spec(number, text, anchor), *pairing, *_further(number, text))


def _of_the_spec(number: Mapping[str, float], text: Mapping[str, str], anchor: datetime) -> tuple[str, ...]:
    good = text["status"] == Status.OK
    intended, error = number["intended_ns"], text["error_class"]
    return (
        _timestamp(anchor, intended),
        text["provider"],
        text["model"],
        f"req_{int(number['index']):06d}",
        _milliseconds(number["first_token_ns"] - intended) if good else "",
        _milliseconds(number["end_ns"] - intended) if good else "",
        _number(number["input_tokens"]),
        _number(number["output_tokens"]) or ("" if good else "0"),
        _number(number["cost_usd"]) or ("" if good else "0"),
        "success" if good else "failed",
        "" if error == ErrorClass.NONE else error,
    )


def _further(number: Mapping[str, float], text: Mapping[str, str]) -> Iterator[str]:
    yield from (_exact_milliseconds(number[name.removesuffix("_ms") + "_ns"]) for name in INSTANT_COLUMNS)
    yield from (_number(number[name]) for name in COUNT_COLUMNS)
    yield from (text[name] for name in WORD_COLUMNS)


def _safe(column: TextColumn) -> TextColumn:
    return TextColumn(tuple(map(csv_text, column.values)), column.codes)


def _timestamp(anchor: datetime, after_ns: float) -> str:
    moment = anchor + timedelta(microseconds=after_ns / 1000)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _milliseconds(nanoseconds: float) -> str:
    """Return milliseconds to the microsecond, without trailing zeros; nothing for a time that is missing."""
    return _number(round(nanoseconds / _NS_PER_MS, 3))


def _exact_milliseconds(nanoseconds: float) -> str:
    """Return milliseconds to the nanosecond, without trailing zeros; nothing for a time that is missing."""
    if isnan(nanoseconds):
        return ""
    whole, rest = divmod(int(nanoseconds), _NS_PER_MS)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")


def _number(value: float) -> str:
    """Return the shortest decimal of a number, nothing for a missing one."""
    if isnan(value):
        return ""
    if value.is_integer():
        return str(int(value))
    text = repr(value)
    return text if "e" not in text else f"{value:.15f}".rstrip("0")
