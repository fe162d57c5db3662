"""The CSV of the spec: one line per measured request, in the order in which they were due; and that of comparisons."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from math import isnan

from lens_gate.artifacts.analysis import Pairwise, RankedMetric, Ranking
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Samples, TextColumn
from lens_gate.reports.escape import csv_text
from lens_gate.vocabulary.requests import Arm, ErrorClass, Phase, Status

HEADER = (
    "timestamp",
    "provider",
    "model",
    "request_id",
    "ttft_ms",
    "total_latency_ms",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "status",
    "error_type",
)
DUET_HEADER = ("arm", "pair", "slot")
"""Further columns of a run in which requests were compared: in pairs, or in blocks of several models."""

_NS_PER_MS = 1e6


def csv_rows(samples: Samples, run: Run, *, delimiter: str = ",") -> str:
    """Return the measured requests as CSV; times count from the intended send, as everywhere in the artifacts.

    Warm-up and cool-down are left out. A request that failed has no times and cost nothing; one that a provider
    throttled, or that was never sent, is `failed` too, and `error_type` says so.
    """
    measured = samples.where(samples.texts["phase"].equals(Phase.MEASURE))
    duet = bool(measured.texts["arm"].equals(Arm.BASE).any()) or not all(map(isnan, measured.numbers["pair"].tolist()))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow((*HEADER, *DUET_HEADER) if duet else HEADER)
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
        good = texts["status"][row] == Status.OK
        intended = numbers["intended_ns"][row]
        error = texts["error_class"][row] or ErrorClass.NONE
        cells = (
            _timestamp(anchor, intended),
            texts["provider"][row] or "",
            texts["model"][row] or "",
            f"req_{int(numbers['index'][row]):06d}",
            _milliseconds(numbers["first_token_ns"][row] - intended) if good else "",
            _milliseconds(numbers["end_ns"][row] - intended) if good else "",
            _number(numbers["input_tokens"][row]),
            _number(numbers["output_tokens"][row]) or ("" if good else "0"),
            _number(numbers["cost_usd"][row]) or ("" if good else "0"),
            "success" if good else "failed",
            "" if error == ErrorClass.NONE else error,
        )
        pairing = (texts["arm"][row] or "", _number(numbers["pair"][row]), _number(numbers["slot"][row]))
        yield (*cells, *pairing) if duet else cells


def _safe(column: TextColumn) -> TextColumn:
    return TextColumn(tuple(map(csv_text, column.values)), column.codes)


def _timestamp(anchor: datetime, after_ns: float) -> str:
    moment = anchor + timedelta(microseconds=after_ns / 1000)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _milliseconds(nanoseconds: float) -> str:
    """Return milliseconds to the microsecond, without trailing zeros; nothing for a time that is missing."""
    return _number(round(nanoseconds / _NS_PER_MS, 3))


def _number(value: float) -> str:
    """Return the shortest decimal of a number, nothing for a missing one."""
    if isnan(value):
        return ""
    if value.is_integer():
        return str(int(value))
    text = repr(value)
    return text if "e" not in text else f"{value:.15f}".rstrip("0")
