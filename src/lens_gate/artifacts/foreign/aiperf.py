"""NVIDIA's aiperf: `profile_export.jsonl`, one line a request, and beside it `profile_export_aiperf.json`.

Stamps are nanoseconds since the epoch, measured times carry their unit. A request is due when its credit was issued,
and its latency ends at the last chunk with tokens. The lines name no model: that is in the summary, of which the rest
is percentiles. Of a failed request aiperf keeps neither tokens nor a true end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from pydantic import AliasPath, Field

from lens_gate.artifacts.foreign.failures import class_of
from lens_gate.artifacts.foreign.reading import (
    Count,
    EpochNanoseconds,
    Lenient,
    Milliseconds,
    only_model,
    validated,
    validated_lines,
)
from lens_gate.artifacts.foreign.recording import Names, Recording, Source, a_plan, blank, recorded
from lens_gate.artifacts.run import Plan
from lens_gate.artifacts.samples import Sample
from lens_gate.errors import ArtifactProblem
from lens_gate.vocabulary.requests import ErrorClass, Phase, TokenSource, status_of

TOOL = "aiperf"
MARKS = (b'"request_start_ns"', b'"request_end_ns"')
SUMMARY_MARKS = (b'"aiperf_version"',)
"""What the beginnings of the two files hold."""

_BOTH = "Give profile_export.jsonl, and profile_export_aiperf.json of the same run for the name of the model."
_REMARKS = ("aiperf keeps no true end of a failed request",)
_NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "sec": 1e9}


class _Time(Lenient):
    value: Milliseconds
    unit: Literal["ns", "us", "ms", "sec"]

    @property
    def ns(self) -> int:
        return round(self.value * _NS[self.unit])


class _Times(Lenient):
    value: list[Milliseconds]
    unit: Literal["ns", "us", "ms", "sec"]

    @property
    def ns(self) -> tuple[int, ...]:
        return tuple(round(value * _NS[self.unit]) for value in self.value)


class _Number(Lenient):
    value: Count


class _Metrics(Lenient):
    time_to_first_token: _Time | None = None
    time_to_first_output_token: _Time | None = None
    request_latency: _Time | None = None
    inter_chunk_latency: _Times | None = None
    input_sequence_length: _Number | None = None
    output_sequence_length: _Number | None = None
    usage_prompt_tokens: _Number | None = None
    usage_completion_tokens: _Number | None = None
    usage_reasoning_tokens: _Number | None = None
    usage_prompt_cache_read_tokens: _Number | None = None
    http_req_connection_reused: _Number | None = None


class _Metadata(Lenient):
    credit_issued_ns: EpochNanoseconds | None = None
    request_start_ns: EpochNanoseconds
    request_ack_ns: EpochNanoseconds | None = None
    request_end_ns: EpochNanoseconds
    benchmark_phase: str = "profiling"
    was_cancelled: bool = False

    @property
    def due_ns(self) -> int:
        return self.request_start_ns if self.credit_issued_ns is None else self.credit_issued_ns


class _Error(Lenient):
    code: int | None = None
    type: str | None = None
    message: str | None = None


class _Line(Lenient):
    metadata: _Metadata
    metrics: _Metrics = _Metrics()
    error: _Error | None = None


class _Model(Lenient):
    name: str


class _Endpoint(Lenient):
    urls: list[str] = Field(default_factory=list)
    model_names: list[str] = Field(default_factory=list)
    timeout: float | None = None


class _Phase(Lenient):
    kind: str = "profiling"
    type: str | None = None
    rate: float | None = None
    concurrency: Count | None = None


class _Summary(Lenient):
    aiperf_version: str = ""
    models: list[_Model] = Field(default_factory=list, validation_alias=AliasPath("input_config", "models", "items"))
    endpoint: _Endpoint = Field(default=_Endpoint(), validation_alias=AliasPath("input_config", "endpoint"))
    phases: list[_Phase] = Field(default_factory=list, validation_alias=AliasPath("input_config", "phases"))


def read(sources: Sequence[Source], names: Names) -> Recording:
    """Translate the lines of one run, with its summary where that is given. Raises ArtifactCorrupt, ArtifactProblem."""
    records, summaries = ([one for one in sources if _is_summary(one) is wanted] for wanted in (False, True))
    if len(records) != 1 or len(summaries) > 1:
        raise ArtifactProblem(
            f"these are {len(records)} files of requests and {len(summaries)} summaries, and a run is one of each",
            place=", ".join(one.name for one in sources),
            hint=_BOTH,
        )
    summary = validated(_Summary, summaries[0]) if summaries else _Summary()
    models = {*(one.name for one in summary.models), *summary.endpoint.model_names}
    known = blank(names, provider=TOOL, model=only_model(models, names, records[0]))
    return _recording(records[0], known, summary)


def _is_summary(source: Source) -> bool:
    return all(mark in source.data for mark in SUMMARY_MARKS)


def _recording(source: Source, known: Sample, summary: _Summary) -> Recording:
    lines = validated_lines(_Line, source, lacking=_BOTH)
    begun = min((line.metadata.due_ns for _, line in lines), default=0)
    return Recording(
        source=source.name,
        tool=f"{TOOL} {summary.aiperf_version}".strip(),
        requests=tuple(
            recorded(_sample(line, known, begun), place=place, gaps_ns=_gaps(line)) for place, line in lines
        ),
        plan=_plan(summary, len(lines)),
        started=datetime.fromtimestamp(begun / 1e9, UTC),
        endpoints=tuple(summary.endpoint.urls),
        remarks=_REMARKS,
    )


def _gaps(line: _Line) -> tuple[int, ...]:
    gaps = line.metrics.inter_chunk_latency
    return gaps.ns if gaps else ()


def _sample(line: _Line, known: Sample, begun: int) -> Sample:
    stamps, metrics = line.metadata, line.metrics
    error, sent = _error(line), stamps.request_start_ns - begun

    def after(time: _Time | None) -> int | None:
        return sent + time.ns if time else None

    first, last = after(metrics.time_to_first_token), after(metrics.request_latency)
    good = error is ErrorClass.NONE
    return replace(
        _counted(known, metrics),
        phase=Phase.WARMUP if stamps.benchmark_phase == "warmup" else Phase.MEASURE,
        intended_ns=stamps.due_ns - begun,
        sent_ns=sent,
        headers_ns=None if stamps.request_ack_ns is None else stamps.request_ack_ns - begun,
        first_token_ns=first,
        first_visible_ns=after(metrics.time_to_first_output_token),
        last_token_ns=last if first is not None else None,
        end_ns=max(stamps.request_end_ns - begun, last or 0) if good else None,
        reused=bool(metrics.http_req_connection_reused.value) if metrics.http_req_connection_reused else None,
        chunk_count=len(_gaps(line)) + 1 if first is not None else 0,
        status=status_of(error, _http_status(line)),
        error_class=error,
        http_status=_http_status(line),
    )


def _counted(known: Sample, metrics: _Metrics) -> Sample:
    """Add the token counts: the server's where it told them, else those of aiperf's tokenizer."""

    def count(number: _Number | None) -> int | None:
        return number.value if number else None

    told, counted = count(metrics.usage_completion_tokens), count(metrics.output_sequence_length)
    source = TokenSource.SERVER if told is not None else TokenSource.ESTIMATE
    return replace(
        known,
        input_tokens=count(metrics.usage_prompt_tokens or metrics.input_sequence_length),
        output_tokens=counted if told is None else told,
        reasoning_tokens=count(metrics.usage_reasoning_tokens),
        cached_tokens=count(metrics.usage_prompt_cache_read_tokens),
        token_source=TokenSource.NONE if told is counted is None else source,
    )


def _error(line: _Line) -> ErrorClass:
    if line.metadata.was_cancelled:
        return ErrorClass.INTERRUPTED
    if line.error is None:
        return ErrorClass.NONE
    return class_of(line.error.code, f"{line.error.type} {line.error.message}")


def _http_status(line: _Line) -> int | None:
    code = line.error.code if line.error else None
    return code if code is not None and 100 <= code < 600 else None


def _plan(summary: _Summary, requests: int) -> Plan:
    asked = next((phase for phase in summary.phases if phase.kind == "profiling"), _Phase())
    return a_plan(
        requests=requests,
        arrival=asked.type,
        requests_per_second=asked.rate,
        concurrency=asked.concurrency,
        request_timeout_s=summary.endpoint.timeout,
    )
