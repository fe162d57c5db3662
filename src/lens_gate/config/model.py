"""The configuration as data: frozen, strict, every section optional; rooms receive the slice that they need."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, SecretStr, model_validator

from lens_gate.config.distributed import Coordinator, Distribution, Worker
from lens_gate.config.guards import CostControls, CostOptimization, Privacy, RateLimits
from lens_gate.config.managers import Secrets
from lens_gate.config.notifications import Notification
from lens_gate.config.observability import OpenTelemetry, Prometheus
from lens_gate.config.output import Logging, Output
from lens_gate.config.publish import Publish
from lens_gate.config.resilience import Resilience
from lens_gate.config.section import Section
from lens_gate.config.stores import Stores
from lens_gate.config.tls import Tls
from lens_gate.config.types import (
    Address,
    Frequency,
    Headers,
    Objectives,
    Percentile,
    Port,
    Seconds,
    UrlPath,
)
from lens_gate.config.validity import ValidityLimits
from lens_gate.config.workload import Workload
from lens_gate.vocabulary.outcomes import Cover, Decision, Severity
from lens_gate.vocabulary.requests import Api
from lens_gate.vocabulary.stored_runs import MOST_RUNS, MUST_MATCH, Aspect, Selection
from lens_gate.vocabulary.transports import KernelStamping, TransportKind


class Profiler(Section):
    """The run: its name, its length, and its caps (both arms count)."""

    name: str = "benchmark"
    mode: Literal["latency", "throughput", "cost", "comprehensive"] = "latency"
    duration: Seconds | None = None
    requests: int | None = Field(default=None, gt=0)
    warmup: Seconds = 0.0
    cooldown: Seconds = 0.0
    seed: int = 0
    max_cost_usd: float | None = Field(default=None, ge=0)
    until_decided: bool = False
    transport: TransportKind = TransportKind.AUTO
    kernel_timestamps: KernelStamping = KernelStamping.AUTO
    defer_decoding: bool = False
    warm_connections: bool = True
    processes: int = Field(default=1, ge=1, le=64)


class Model(Section):
    """One model with its parameters; `params` go to the provider unchecked."""

    id: str
    max_tokens: int | None = Field(default=None, gt=0)
    temperature: float | None = None
    system: str | None = None
    params: dict[str, JsonValue] = Field(default_factory=dict)
    input_usd_per_million: float | None = Field(default=None, ge=0)
    output_usd_per_million: float | None = Field(default=None, ge=0)


class ResponseMapping(Section):
    """JSON paths into each streamed event (or the whole body) of a generic HTTP endpoint."""

    text: str
    reasoning: str | None = None
    input_tokens: str | None = None
    output_tokens: str | None = None
    cached_tokens: str | None = None
    finish_reason: str | None = None
    model: str | None = None
    error: str | None = None
    done: str | None = None


class GenericHttp(Section):
    """How to talk to an endpoint that speaks none of the known APIs.

    `body` is a JSON template: the strings `{{model}}`, `{{prompt}}`, `{{messages}}`, `{{max_tokens}}` and
    `{{temperature}}` are replaced by the request's values. `format` says how the answer is framed; `raw` takes any body
    as one piece. Without a `response` an answer in one of the usual shapes is read, and any other is timed as a whole.
    """

    path: UrlPath = ""
    method: Literal["POST", "GET", "PUT", "PATCH", "DELETE"] = "POST"
    body: JsonValue = None
    format: Literal["sse", "ndjson", "json", "raw"] = "sse"
    response: ResponseMapping | None = None


def _named(value: object) -> object:
    """Read a bare model id as a model without parameters."""
    return {"id": value} if isinstance(value, str) else value


ModelEntry = Annotated[Model, BeforeValidator(_named, json_schema_input_type=str | Model)]


class Provider(Section):
    """One endpoint. `api` defaults by name; `endpoint` to the provider's public address."""

    name: str
    enabled: bool = True
    api: Api | None = None
    api_key: SecretStr | None = None
    endpoint: Address | None = None
    headers: Headers = Field(default_factory=dict)
    tls: Tls | None = None
    http2: bool = False
    models: tuple[ModelEntry, ...] = Field(min_length=1)
    rate_limits: RateLimits | None = None
    generic: GenericHttp | None = None

    @model_validator(mode="after")
    def _generic_goes_with_its_section(self) -> Self:
        if self.api is Api.GENERIC and self.generic is None:
            msg = "`api: generic` needs a `generic` section that says how to read the answer"
            raise ValueError(msg)
        if self.generic is not None and self.api not in {None, Api.GENERIC}:
            msg = "a `generic` section goes with `api: generic` only"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _http2_goes_with_an_encrypted_address(self) -> Self:
        if self.http2 and (self.endpoint or "").lower().startswith("http:"):
            msg = "`http2` goes with an https:// `endpoint` only: the two ends agree on it while they set up TLS"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _tls_goes_with_an_encrypted_address(self) -> Self:
        if self.tls is not None and (self.endpoint or "").lower().startswith("http:"):
            msg = "a `tls` section goes with an https:// `endpoint` only"
            raise ValueError(msg)
        return self


class Aggregation(Section):
    """A window over which figures are aggregated while a run goes on."""

    window: Seconds = 60.0
    method: Literal["sliding", "tumbling", "session"] = "tumbling"


class Metrics(Section):
    """What reports show; every sample is kept whatever is chosen here."""

    collect: tuple[Literal["latency", "throughput", "cost", "errors", "token_usage"], ...] = ()
    aggregation: Aggregation | None = None
    percentiles: tuple[Percentile, ...] = (50, 75, 90, 95, 99, 99.9)
    resolution: Seconds = 1.0
    slo: Objectives | None = None


class ThresholdMethod(Section):
    """The smallest change of a metric that matters, in percent (or in percentage points for an error rate)."""

    type: Literal["threshold"]
    metric: str
    threshold_percent: float | None = Field(default=None, ge=0)
    threshold_points: float | None = Field(default=None, ge=0)


class StatisticalMethod(Section):
    """A classic two-sample test, used under `decision: classic`."""

    type: Literal["statistical"]
    method: Literal["t-test", "mann-whitney", "kolmogorov-smirnov"]
    confidence: float = Field(default=0.95, gt=0, lt=1)
    metric: str = "latency_distribution"


class TrendMethod(Section):
    """A rule on the history of runs."""

    type: Literal["trend"]
    method: Literal["linear_regression"]
    window: int = Field(default=10, gt=2)
    max_slope: float = Field(default=0.05, gt=0)


Method = Annotated[ThresholdMethod | StatisticalMethod | TrendMethod, Field(discriminator="type")]


class BaselineChoice(Section):
    """Which stored run to compare with; what stands below `source` is about stores, and not about plain files."""

    source: str | None = None
    select: Selection = Selection.NAMED
    name: str = Field(default="main", min_length=1)
    branch: str = Field(default="main", min_length=1)
    tag: str | None = None
    window: int = Field(default=MOST_RUNS, gt=0, le=MOST_RUNS)
    anchor: str | None = Field(default=None, min_length=1)
    must_match: tuple[Aspect, ...] = MUST_MATCH
    update_frequency: Frequency | None = None
    min_sample_size: int | None = Field(default=None, gt=0)


class QualityGate(Section):
    """An absolute condition on the metrics of a run, for instance `mean_latency < 5000`."""

    name: str
    condition: str
    severity: Severity = Severity.ERROR


class Regression(Section):
    """How a change is judged; `alpha` is the share of false alarms allowed per gate."""

    decision: Decision = Decision.CALIBRATED
    alpha: float = Field(default=0.01, gt=0, lt=0.5)
    gate_small_effects: bool = False
    strict: bool = False
    cover: tuple[Cover, ...] = ()
    disaster_percent: float = Field(default=100, gt=0)
    min_coverage: float = Field(default=1.0, ge=0, le=1)
    methods: tuple[Method, ...] = ()
    baseline: BaselineChoice | None = None
    quality_gates: tuple[QualityGate, ...] = ()
    notifications: tuple[Notification, ...] = ()


class Budget(Section):
    """An absolute limit for a metric, and the change against a baseline that is allowed beside it (percent)."""

    metric: str
    budget: float | None = None
    baseline: str | None = None
    variance: float | None = Field(default=None, ge=0)
    severity: Severity = Severity.ERROR


class Target(Section):
    """A server to start for each arm from its own checkout.

    `{port}` in `command` and `ready_url` is a free port; requests of this arm go to `endpoint` (default: the origin of
    `ready_url`). The command sees our environment without the variables that this configuration reads, except those
    that `environment` names.
    """

    command: str = Field(min_length=1)
    ready_url: Address
    port: Port | None = None
    ready_timeout: Seconds = 60.0
    endpoint: Address | None = None
    provider: str | None = None
    environment: tuple[str, ...] = ()


def _unquoted_version(value: object) -> object:
    """Read `version: 1.0` without quotes, which YAML takes for a number."""
    return "1.0" if isinstance(value, float) and value == 1.0 else value


class Config(Section):
    """A whole configuration; every section is optional, and what a command needs it asks for."""

    version: Annotated[Literal["1.0"], BeforeValidator(_unquoted_version)] = "1.0"
    profiler: Profiler = Profiler()
    providers: tuple[Provider, ...] = ()
    workload: Workload = Workload()
    metrics: Metrics = Metrics()
    resilience: Resilience = Resilience()
    validity: ValidityLimits = ValidityLimits()
    regression: Regression = Regression()
    budgets: tuple[Budget, ...] = ()
    target: Target | None = None
    output: Output = Output()
    publish: Publish = Publish()
    logging: Logging = Logging()
    coordinator: Coordinator | None = None
    worker: Worker | None = None
    distribution: Distribution | None = None
    cost_optimization: CostOptimization | None = None
    cost_controls: CostControls | None = None
    prometheus: Prometheus | None = None
    opentelemetry: OpenTelemetry | None = None
    secrets: Secrets | None = None
    stores: Stores = Stores()
    privacy: Privacy | None = None
