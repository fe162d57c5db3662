"""`run.json`: what was asked, what was measured, what it cost, and whether the measurement can be trusted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from lens_gate.artifacts.envelope import Column, Envelope, Frozen, Kind
from lens_gate.artifacts.instrument import Instrument, Stamps
from lens_gate.artifacts.limits import BreakerChange, Paced
from lens_gate.artifacts.load import Goodput, PlannedStage
from lens_gate.artifacts.segment import Segment
from lens_gate.vocabulary.outcomes import Cover, Ending
from lens_gate.vocabulary.requests import Arm

Count = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
"""A number that is required: NaN would be written as null, and such a file could not be read back."""


class Benchmark(Frozen):
    """Name, wall-clock bounds (RFC 3339, UTC) and the configuration, without secrets."""

    id: str
    name: str
    start_time: str
    end_time: str
    duration_seconds: Finite
    config: JsonValue


class LatencySummary(Frozen):
    """Milliseconds over the successful measured requests; None where the sample is too small for that percentile.

    `percentiles` holds those that the configuration asks for, by name (`"99.9"`). `median_inflation` is the variance of
    the median over that of a median of as many independent values: load comes in waves.
    """

    count: Count
    min_ms: float | None = None
    max_ms: float | None = None
    mean_ms: float | None = None
    median_ms: float | None = None
    p75_ms: float | None = None
    p90_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    p99_9_ms: float | None = None
    stddev_ms: float | None = None
    median_inflation: float | None = Field(default=None, ge=1)
    percentiles: dict[str, float | None] = Field(default_factory=dict)


class Latency(Frozen):
    """Times of one model: `total` and `ttft` from the intended send (response), `service` from the actual one.

    `tpot` is (last − first) / (n − 1) per request; `inter_token` are the gaps between chunks.
    """

    ttft: LatencySummary
    total: LatencySummary
    inter_token: LatencySummary
    ttft_visible: LatencySummary
    tpot: LatencySummary
    service: LatencySummary


class Requests(Frozen):
    """How the measured requests ended."""

    total: Count
    successful: Count
    failed: Count
    retried: Count
    throttled: Count
    shed: Count


class Throughput(Frozen):
    """Rates over the measured window, per second."""

    requests_per_second: float | None
    tokens_per_second: float | None
    input_tokens_per_second: float | None
    output_tokens_per_second: float | None


class Tokens(Frozen):
    """Token sums as billed; `source` is the least trustworthy source among the requests."""

    total: Count
    input: Count
    output: Count
    cached: Count
    reasoning: Count
    average_per_request: float | None
    source: str


class Cost(Frozen):
    """US dollars; None where no price is known."""

    total_usd: float | None
    input_usd: float | None
    output_usd: float | None
    average_per_request_usd: float | None
    per_1k_tokens_usd: float | None


class ErrorCount(Frozen):
    """How often one error class occurred; `percentage` is of the measured requests, `example` a redacted message."""

    type: str
    count: Count
    percentage: Finite
    example: str | None = None


class TimePoint(Frozen):
    """One interval of the time series; `timestamp` is its start (RFC 3339, UTC)."""

    timestamp: str
    rps: Finite
    tokens_per_second: Finite
    mean_latency_ms: float | None
    p95_latency_ms: float | None
    error_rate: float | None


class ModelResult(Frozen):
    """The summary of one model; `finish_reasons` counts why answers ended; no `goodput` without objectives."""

    id: str
    returned: tuple[str, ...] = ()
    requests: Requests
    latency: Latency
    throughput: Throughput
    tokens: Tokens
    cost: Cost
    errors: tuple[ErrorCount, ...]
    finish_reasons: dict[str, Count] = Field(default_factory=dict)
    time_series: tuple[TimePoint, ...]
    goodput: Goodput | None = None


class ProviderResult(Frozen):
    """The models of one provider."""

    name: str
    models: tuple[ModelResult, ...]


class Summary(Frozen):
    """The run in a line; None where nothing was measured, or for the goodput where no objectives were set."""

    total_requests: Count
    successful_requests: Count
    total_tokens: Count
    total_cost_usd: float | None
    average_latency_ms: float | None
    p95_latency_ms: float | None
    error_rate: float | None
    fastest_model: str | None
    most_cost_effective: str | None
    goodput_percent: float | None = None
    goodput_per_second: float | None = None


class ArmIdentity(Frozen):
    """What one arm was: its label for people, and what distinguishes its requests and its target.

    `requests_hash` is over everything that is sent (endpoint, model, parameters, messages); `target` names a started
    process by commit and command. Two arms with both equal have nothing to compare. `http2` holds the series that were
    asked by HTTP/2; the others were by HTTP/1.1.
    """

    arm: Arm
    label: str
    commit: str | None = None
    config_hash: str
    requests_hash: str
    target: str | None = None
    endpoints: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    http2: tuple[str, ...] = ()


class Comparison(Frozen):
    """How the other arm was named; `equal` means that nothing was sent, because both arms are the same.

    `import` names the files of pairs that another tool measured. `self` is the same configuration once more, sent on
    purpose to measure the noise: never `equal`. With a `control_share` the two arms are no pairs: that share of the
    requests went to the base, as a control of what stored runs lead to expect.
    """

    kind: Literal["ref", "config", "model", "endpoint", "import", "self"]
    value: str
    equal: bool
    shared_machine: bool = False
    control_share: float | None = Field(default=None, gt=0, le=0.5)


Effect = Literal["warn", "drop", "invalid"]
"""What it does to cross a limit: it is said, the metric is left out, or the run is invalid."""


class ValidityCheck(Frozen):
    """One question about the instrument: its value, the limit that applied, and what crossing that does.

    `limits` holds the limit of each effect as configured.
    """

    name: str
    value: float | None
    limit: float | None
    unit: str
    ok: bool
    effect: Effect
    message: str
    limits: dict[Effect, float] = Field(default_factory=dict)


class Validity(Frozen):
    """Whether this run may carry a verdict about the endpoint."""

    valid: bool
    checks: tuple[ValidityCheck, ...]


class Price(Frozen):
    """The price that one model was billed at, in US dollars per million tokens, and its source and date."""

    provider: str
    model: str
    input_usd_per_million: float | None
    output_usd_per_million: float | None
    source: str
    date: str | None


class Spend(Frozen):
    """The money of the run, warm-up and both arms included.

    `reserved_usd` is the largest sum that was ever held back for requests in flight on top of `spent_usd`: the peak of
    the whole run, also in one that has ended. Of `lost_requests`, which a kill took, nobody knows the cost, and
    `spent_usd` lacks it.
    """

    spent_usd: Finite
    reserved_usd: Finite
    cap_usd: float | None
    unpriced_models: tuple[str, ...]
    prices: tuple[Price, ...]
    lost_requests: Count = 0


class Plan(Frozen):
    """What was asked of the run: rates and counts hold for both arms together.

    `request_timeout_s` is the limit that latencies were cut at; None in runs that do not say. `looks` are the pairs of
    each series after which a run that ends when it is decided was to be looked at; empty for any other run.
    `burstiness` is the shape of gamma gaps, `burst` how many requests came at once; with `stages` the rate changed over
    time, and `requests_per_second` is its mean. `slo` are the objectives that goodput was counted by.
    `cover` are the rare events that a pass of this run must cover, for whoever judges it without saying otherwise.
    `processes` is how many sent it, each its share of one schedule.
    `nonce` is where each request had a string of its own, behind a prefix of so many characters that all of them had.
    """

    arrival: str
    requests_per_second: float | None
    concurrency: int | None
    requests: int | None
    duration_s: float | None
    warmup_s: Finite
    cooldown_s: Finite
    seed: int | None
    request_timeout_s: float | None = None
    looks: tuple[Count, ...] = ()
    burstiness: float | None = Field(default=None, gt=0)
    burst: int | None = Field(default=None, gt=0)
    stages: tuple[PlannedStage, ...] = ()
    slo: str | None = None
    cover: tuple[Cover, ...] = ()
    nonce: Literal["none", "start", "end"] = "none"
    prefix_characters: Count = 0
    processes: Annotated[int, Field(ge=1)] = 1


class Uncovered(Frozen):
    """A prompt, or a series (with the prompt id `*`), that only one arm has, so that it could not be compared.

    Where several models are compared: a prompt of `series` that not all of them have.
    """

    prompt_id: str
    arm: Arm
    series: str | None = None


class Sidecar(Frozen):
    """Samples that are too many to lie inline: a file beside the artifact, by bare name, content and size."""

    file: Annotated[str, Field(pattern=r"^[^/\\\x00]+$")]
    sha256: str
    bytes: Count
    requests: Count


class InlineSamples(Frozen):
    """Samples as columns, named as the fields of Sample.

    A text column is `{"values": [...], "codes": [...]}` with -1 for a missing value; the others are plain lists with
    null for a missing value.
    """

    requests: Count
    columns: dict[str, Column]


class Look(Frozen):
    """A look at a run that ends when it is decided, at the pairs with a number below `through_pair`.

    That many `pairs` of each series that was still open; `share` is the part of alpha, and of the error of a pass, that
    this look may spend.
    """

    pairs: Count
    through_pair: Count
    share: float = Field(gt=0, le=1)


class TokensAsked(Frozen):
    """Lengths of synthesized prompts, or of their answers, over the requests whose tokens the server counted.

    `asked` and `counted` are sums; `equal` is how many requests have exactly the length that was asked for.
    """

    requests: Count
    asked: Count
    counted: Count
    equal: Count


class Replayed(Frozen):
    """The log that a run played again, and what of it: `requests` were played, `prompts` of them with their own text.

    `unanswered` are requests without a prompt and without the length of an answer, which is how traces record a
    failure; `unrouted` went to models that were not measured. `digest` is equal where the same would be sent.
    """

    source: str
    format: str
    digest: str
    time_scale: Finite
    requests: Count
    prompts: Count
    unanswered: Count
    unrouted: Count
    input_tokens: TokensAsked | None = None
    output_tokens: TokensAsked | None = None


Beside = Literal["chunks", "bodies"]
"""What a run may keep in a file of its own: `NAME.chunks.jsonl.gz` and `NAME.bodies.jsonl.gz`."""


class Run(Envelope):
    """The artifact of `lens-gate run`; `segments` is empty for a run that was measured in one go.

    `anchor_ns` is the anchor of all times on the monotonic clock of the machine that measured; None where that is not
    known, or a run went on later. `kept` names what lies in files beside it, from all its stretches.
    """

    kind: Literal[Kind.RUN]
    benchmark: Benchmark
    providers: tuple[ProviderResult, ...]
    base_providers: tuple[ProviderResult, ...] = ()
    summary: Summary
    plan: Plan
    arms: tuple[ArmIdentity, ...]
    comparison: Comparison | None = None
    uncovered: tuple[Uncovered, ...] = ()
    looks: tuple[Look, ...] = ()
    segments: tuple[Segment, ...] = ()
    anchor_ns: int | None = None
    ending: Ending
    ending_message: str | None = None
    validity: Validity
    instrument: Instrument | None = None
    spend: Spend
    transport: str
    stamps: Stamps | None = None
    samples: InlineSamples | Sidecar
    attempts: tuple[dict[str, JsonValue], ...] = ()
    breaker: tuple[BreakerChange, ...] = ()
    paced: tuple[Paced, ...] = ()
    replayed: Replayed | None = None
    kept: tuple[Beside, ...] = ()
