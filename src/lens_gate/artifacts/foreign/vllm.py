"""`vllm bench serve --save-result --save-detailed`: one JSON object whose lists hold one entry per request.

Times are seconds. `start_times` are read from a monotonic clock, so that they only say how far apart requests were;
`ttfts` and `latencies` count from the send, and a latency ends at the last chunk with tokens. Several runs may stand in
one file, one a line (`--append-result`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pydantic import Field

from lens_gate.artifacts.foreign.failures import class_of, http_status_in
from lens_gate.artifacts.foreign.reading import Count, Lenient, Seconds, chosen, documents, ns, same_length, validated
from lens_gate.artifacts.foreign.recording import Names, Recording, Source, a_plan, blank, recorded
from lens_gate.artifacts.run import Plan
from lens_gate.artifacts.samples import Sample
from lens_gate.vocabulary.requests import ErrorClass, TokenSource, status_of

TOOL = "vllm"
MARKS = (b'"model_id"', b'"tokenizer_id"')
"""What the beginning of such a file holds."""

_DETAILED = "Measure with `vllm bench serve --save-result --save-detailed`: without details there are no requests."
_LOCAL = "their date names no time zone and was read as UTC"
_NO_STARTS = "they do not say when a request was sent, so there are no rates and no time series"


class _Result(Lenient):
    model_id: str
    date: str | None = None
    duration: Seconds = 0.0
    request_rate: float | str | None = None
    max_concurrency: Count | None = None
    input_lens: list[Count]
    output_lens: list[Count]
    ttfts: list[Seconds]
    itls: list[list[Seconds]]
    errors: list[str]
    latencies: list[Seconds] = Field(default_factory=list)
    start_times: list[Seconds] = Field(default_factory=list)
    queue_times: list[Seconds] = Field(default_factory=list)


class _Row(NamedTuple):
    input_tokens: int
    output_tokens: int
    ttft: float
    gaps: list[float]
    error: str
    latency: float
    start: float
    queued: float


def read(source: Source, names: Names, part: int | None) -> Recording:
    """Translate one file. Raises ArtifactCorrupt, and ArtifactProblem for a part that is not there."""
    result = validated(_Result, chosen(documents(source), part, source), lacking=_DETAILED)
    known = blank(names, provider=TOOL, model=result.model_id)
    rows = list(_rows(result, source))
    begun = min((row.start - row.queued for row in rows), default=0.0)
    timed, started = bool(result.start_times), _started(result)
    return Recording(
        source=source.name,
        tool=TOOL,
        requests=tuple(
            recorded(
                _sample(row, known, begun, timed=timed),
                place=f"{source.name}, request {number}",
                gaps_ns=tuple(map(ns, row.gaps)),
            )
            for number, row in enumerate(rows)
        ),
        plan=_plan(result),
        started=started,
        timed=timed,
        remarks=(*((_LOCAL,) if started else ()), *(() if timed else (_NO_STARTS,))),
    )


def _rows(result: _Result, source: Source) -> Iterator[_Row]:
    """Turn the lists into rows; those that older versions lack are filled with zeros."""
    zeros = [0.0] * len(result.ttfts)
    columns: dict[str, list[Any]] = {}
    for name in ("input_lens", "output_lens", "ttfts", "itls", "errors"):
        columns[name] = getattr(result, name)
    for name in ("latencies", "start_times", "queue_times"):
        columns[name] = getattr(result, name) or zeros
    same_length({name: len(values) for name, values in columns.items()}, source)
    return (_Row(*values) for values in zip(*columns.values(), strict=True))


def _sample(row: _Row, known: Sample, begun: float, *, timed: bool) -> Sample:
    """Count the times of a request from its send; a request that failed has no end, which the file does not hold."""
    error, http_status = _failure(row)
    sent = ns(row.start - begun)
    first = sent + ns(row.ttft) if row.ttft else None
    last = None if first is None else first + sum(map(ns, row.gaps))
    end = max(sent + ns(row.latency), last or 0)
    good = error is ErrorClass.NONE
    return replace(
        known,
        intended_ns=ns(row.start - row.queued - begun),
        sent_ns=sent if timed else None,
        first_token_ns=first,
        last_token_ns=last,
        end_ns=end if good else None,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens if good else None,
        token_source=TokenSource.ESTIMATE if good else TokenSource.NONE,
        chunk_count=len(row.gaps) + 1 if row.ttft else 0,
        status=status_of(error, http_status),
        error_class=error,
        http_status=http_status,
    )


def _failure(row: _Row) -> tuple[ErrorClass, int | None]:
    """Return how a request failed; a traceback says so in its last line, and no token at all is a failure too."""
    if not row.error.strip():
        return (ErrorClass.NONE if row.ttft or row.output_tokens else ErrorClass.UNKNOWN), None
    words = row.error.strip().splitlines()[-1]
    http_status = http_status_in(words)
    return class_of(http_status, words), http_status


def _plan(result: _Result) -> Plan:
    rate = result.request_rate if isinstance(result.request_rate, float) else None
    return a_plan(
        requests=len(result.ttfts),
        arrival="gamma" if rate else None,
        requests_per_second=rate,
        concurrency=result.max_concurrency,
    )


def _started(result: _Result) -> datetime | None:
    """Return when the first request was due: the date is that of the end."""
    try:
        ended = datetime.strptime(result.date or "", "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return ended - timedelta(seconds=result.duration)
