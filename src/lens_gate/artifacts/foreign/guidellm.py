"""guidellm's `benchmarks.json` (from 0.4 on): benchmarks, each with its requests by how they ended.

All times are seconds since the epoch, read from the wall clock. In the strategies that follow a schedule,
`targeted_start` is when a request was due; in the others it is due when it is sent. Prompts are in `request_args`, and
only their hash is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import orjson
from pydantic import AliasChoices, Field, JsonValue

from lens_gate.artifacts.foreign.failures import class_of, http_status_in
from lens_gate.artifacts.foreign.reading import Count, EpochSeconds, Lenient, chosen, ns, only_model, validated
from lens_gate.artifacts.foreign.recording import Names, Recording, Source, a_plan, blank, recorded
from lens_gate.artifacts.run import Plan
from lens_gate.artifacts.samples import Sample
from lens_gate.vocabulary.requests import ErrorClass, Phase, TokenSource, status_of

TOOL = "guidellm"
MARKS = (b'"guidellm_version"',)
"""What the beginning of such a file holds."""

_SCHEDULED = frozenset({"constant", "poisson", "trace", "async_constant", "async_poisson"})
_LACKING = "This reads what guidellm 0.4 and later write with `--output kind=json`; `guidellm export` may convert it."
_HASH_CHARACTERS = 16
_REMARKS = ("guidellm stamps with the wall clock, which may be set while it measures",)


class _Metadata(Lenient):
    guidellm_version: str
    platform: str = "unknown"
    python_version: str = "unknown"


class _Timings(Lenient):
    targeted_start: EpochSeconds | None = None
    request_start: EpochSeconds | None = None
    resolve_start: EpochSeconds | None = None
    first_token: EpochSeconds | None = Field(
        default=None, validation_alias=AliasChoices("first_token_iteration", "first_iteration")
    )
    first_output_token_iteration: EpochSeconds | None = None
    last_token: EpochSeconds | None = Field(
        default=None, validation_alias=AliasChoices("last_token_iteration", "last_iteration")
    )
    chunks: Count = Field(default=0, validation_alias=AliasChoices("token_iterations", "iterations"))
    request_end: EpochSeconds | None = None
    resolve_end: EpochSeconds | None = None


class _Info(Lenient):
    timings: _Timings
    error: str | None = None


class _Usage(Lenient):
    total_tokens: Count | None = None
    cached_tokens: Count | None = None
    text_characters: Count | None = None


class _Request(Lenient):
    info: _Info
    request_args: str | None = None
    input_metrics: _Usage = _Usage()
    output_metrics: _Usage = _Usage()


class _Requests(Lenient):
    successful: list[_Request]
    errored: list[_Request] = Field(default_factory=list)
    incomplete: list[_Request] = Field(default_factory=list)


class _Strategy(Lenient):
    type_: str = "unknown"
    rate: float | None = None
    streams: Count | None = None
    random_seed: int | None = None


class _Backend(Lenient):
    model: str | None = None
    target: str | None = None
    timeout: float | None = None


class _Config(Lenient):
    strategy: _Strategy = _Strategy()
    backend: _Backend = _Backend()


class _Window(Lenient):
    measure_start_time: EpochSeconds = 0.0
    measure_end_time: EpochSeconds = 1e10


class _Benchmark(Lenient):
    config: _Config = _Config()
    scheduler_metrics: _Window = _Window()
    requests: _Requests


class _Report(Lenient):
    metadata: _Metadata
    benchmarks: list[_Benchmark]


class _Told(NamedTuple):
    """A request that was started, when it was due, and how it ended."""

    request: _Request
    due: float
    error: ErrorClass
    http_status: int | None


def read(source: Source, names: Names, part: int | None) -> Recording:
    """Translate one benchmark of a file. Raises ArtifactCorrupt, and ArtifactProblem for a part that is not there."""
    report = validated(_Report, source, lacking=_LACKING)
    benchmark = chosen(report.benchmarks, part, source)
    told = list(_started(benchmark))
    begun = min((one.due for one in told), default=0.0)
    model = only_model(_models(benchmark, told), names, source)
    known = blank(names, provider=TOOL, model=model)
    return Recording(
        source=source.name,
        tool=f"{TOOL} {report.metadata.guidellm_version}",
        requests=tuple(
            recorded(_sample(one, known, begun, benchmark), place=f"{source.name}, request {number}")
            for number, one in enumerate(told)
        ),
        plan=_plan(benchmark, len(told)),
        started=datetime.fromtimestamp(begun, UTC),
        endpoints=(benchmark.config.backend.target,) if benchmark.config.backend.target else (),
        platform=report.metadata.platform,
        python=report.metadata.python_version,
        remarks=_REMARKS,
    )


def _started(benchmark: _Benchmark) -> Iterator[_Told]:
    """Yield the requests; those that were still queued when the benchmark ended were never sent, and are left out."""
    scheduled = benchmark.config.strategy.type_ in _SCHEDULED
    requests = benchmark.requests
    for request, ended_well in (
        *((one, True) for one in requests.successful),
        *((one, False) for one in (*requests.errored, *requests.incomplete)),
    ):
        times = request.info.timings
        sent = times.request_start or times.resolve_start
        if sent is not None:
            due = times.targeted_start if scheduled and times.targeted_start is not None else sent
            yield _Told(request, due, *((ErrorClass.NONE, None) if ended_well else _failure(request.info.error)))


def _failure(words: str | None) -> tuple[ErrorClass, int | None]:
    """Return how a request failed; one without an error was cut off when the benchmark ended."""
    if words is None:
        return ErrorClass.INTERRUPTED, None
    http_status = http_status_in(words)
    return class_of(http_status, words), http_status


def _sample(one: _Told, known: Sample, begun: float, benchmark: _Benchmark) -> Sample:
    times, usage = one.request.info.timings, one.request.output_metrics

    def after(instant: float | None) -> int | None:
        return None if instant is None else ns(instant - begun)

    tokens, source = (usage.total_tokens, TokenSource.SERVER) if usage.total_tokens else (None, TokenSource.NONE)
    if tokens is None and times.chunks:
        tokens, source = times.chunks, TokenSource.CHUNKS
    return replace(
        _with_prompt(known, one.request),
        phase=_phase(one.request, benchmark.scheduler_metrics),
        intended_ns=ns(one.due - begun),
        sent_ns=after(times.request_start or times.resolve_start),
        first_token_ns=after(times.first_token),
        first_visible_ns=after(times.first_output_token_iteration),
        last_token_ns=after(times.last_token),
        end_ns=after(times.request_end or times.resolve_end),
        input_tokens=one.request.input_metrics.total_tokens,
        cached_tokens=one.request.input_metrics.cached_tokens,
        output_tokens=tokens,
        token_source=source,
        chunk_count=times.chunks,
        status=status_of(one.error, one.http_status),
        error_class=one.error,
        http_status=one.http_status,
    )


def _phase(request: _Request, window: _Window) -> Phase:
    """Tell warm-up and cool-down by the window that guidellm measured in."""
    sent = request.info.timings.request_start or 0.0
    if sent < window.measure_start_time:
        return Phase.WARMUP
    return Phase.COOLDOWN if sent > window.measure_end_time else Phase.MEASURE


def _with_prompt(known: Sample, request: _Request) -> Sample:
    """Add the hash of what was sent, model and limits left out: two versions of those had the same prompt."""
    body = _body(request)
    prompt = next((body[key] for key in ("messages", "prompt", "input") if key in body), None)
    if prompt is None:
        return known
    digest = hashlib.sha256(repr(prompt).encode(errors="backslashreplace")).hexdigest()[:_HASH_CHARACTERS]
    return replace(
        known, prompt_id=digest, prompt_hash=digest, prompt_characters=request.input_metrics.text_characters or 0
    )


def _body(request: _Request) -> dict[str, JsonValue]:
    """Return what was posted; nothing where the file does not hold it."""
    try:
        arguments = orjson.loads(request.request_args or "")
    except orjson.JSONDecodeError:
        return {}
    body = arguments.get("body") if isinstance(arguments, dict) else None
    return body if isinstance(body, dict) else {}


def _models(benchmark: _Benchmark, told: Sequence[_Told]) -> set[str]:
    """Return the models that the requests name, else the one that the backend was set to."""
    asked = {model for one in told if isinstance(model := _body(one.request).get("model"), str)}
    return asked or {name for name in (benchmark.config.backend.model,) if name}


def _plan(benchmark: _Benchmark, requests: int) -> Plan:
    strategy = benchmark.config.strategy
    return a_plan(
        requests=requests,
        arrival=strategy.type_,
        requests_per_second=strategy.rate,
        concurrency=strategy.streams,
        seed=strategy.random_seed,
        request_timeout_s=benchmark.config.backend.timeout,
    )
