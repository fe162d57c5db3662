"""The distributed mode: a coordinator, its workers, and where they stand."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from lens_gate.config.output import PrometheusEndpoint
from lens_gate.config.section import Section
from lens_gate.config.types import Address, Bytes, Port, Seconds, Share


class Splitting(Section):
    """How a benchmark is cut into pieces; `chunk_size` in requests."""

    method: Literal["time_based", "request_count", "adaptive"] = "time_based"
    chunk_size: int = Field(default=1000, gt=0)


class WorkerPool(Section):
    """How many workers, and when one counts as lost."""

    min_workers: int = Field(default=1, ge=0)
    max_workers: int = Field(default=100, gt=0)
    health_check_interval: Seconds = 10.0
    heartbeat_timeout: Seconds = 30.0


class WorkDistribution(Section):
    """Which worker gets which piece."""

    strategy: Literal["round_robin", "least_loaded", "geographic", "custom"] = "round_robin"
    splitting: Splitting | None = None
    workers: WorkerPool | None = None


class Backend(Section):
    """The broker between coordinator and workers."""

    type: Literal["redis", "nats", "etcd"]
    url: str
    pool_size: int = Field(default=10, gt=0)


class ResultAggregation(Section):
    """How results of workers are put together; `buffer_size` in requests."""

    method: Literal["streaming", "batch"] = "streaming"
    buffer_size: int = Field(default=10_000, gt=0)
    flush_interval: Seconds = 10.0


class WeightedProvider(Section):
    """A provider with its share of the load."""

    name: str
    models: tuple[str, ...] = Field(min_length=1)
    weight: float = Field(default=1.0, gt=0)


class SpreadWorkload(Section):
    """How requests spread over workers."""

    type: Literal["uniform", "weighted", "geographic"] = "uniform"


class DistributedBenchmark(Section):
    """The benchmark that all workers run together; `rps` is the sum over them."""

    name: str
    duration: Seconds | None = None
    rps: float | None = Field(default=None, gt=0)
    workload: SpreadWorkload | None = None
    providers: tuple[WeightedProvider, ...] = ()


class ObjectStorage(Section):
    """A bucket for results."""

    type: Literal["s3", "gcs"]
    bucket: str
    prefix: str = ""


class MonitoringLogs(Section):
    """The log of a coordinator or worker."""

    level: Literal["trace", "debug", "info", "warn", "error"] = "info"
    format: Literal["json", "pretty", "compact"] = "json"


class Monitoring(Section):
    """How a coordinator or worker is watched."""

    prometheus: PrometheusEndpoint | None = None
    logging: MonitoringLogs | None = None


class Coordinator(Section):
    """The coordinator of the distributed mode."""

    mode: Literal["coordinator"] = "coordinator"
    bind_address: str
    distribution: WorkDistribution | None = None
    backend: Backend | None = None
    aggregation: ResultAggregation | None = None
    benchmark: DistributedBenchmark | None = None
    storage: ObjectStorage | None = None
    monitoring: Monitoring | None = None


class Capacity(Section):
    """What one worker can bear."""

    max_concurrent_requests: int | None = Field(default=None, gt=0)
    max_rps: float | None = Field(default=None, gt=0)
    memory_limit: Bytes | None = None


class Polling(Section):
    """How a worker asks for work."""

    interval: Seconds = 1.0
    batch_size: int = Field(default=10, gt=0)
    timeout: Seconds = 5.0


class WorkerProvider(Section):
    """A provider's endpoint as a worker reaches it."""

    api_key: SecretStr | None = None
    endpoint: Address | None = None
    timeout: Seconds | None = None


class WorkerMetrics(Section):
    """A worker's own metrics."""

    enabled: bool = False
    export_interval: Seconds = 10.0


class Reporting(Section):
    """How a worker hands results back."""

    method: Literal["streaming", "batch"] = "streaming"
    batch_size: int = Field(default=100, gt=0)
    flush_interval: Seconds = 5.0


class Health(Section):
    """A worker's health check."""

    port: Port
    endpoint: str = "/health"


class Worker(Section):
    """A worker of the distributed mode."""

    mode: Literal["worker"] = "worker"
    coordinator_url: Address
    id: str | None = None
    region: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    capacity: Capacity | None = None
    polling: Polling | None = None
    providers: dict[str, WorkerProvider] = Field(default_factory=dict)
    metrics: WorkerMetrics | None = None
    reporting: Reporting | None = None
    health: Health | None = None
    monitoring: Monitoring | None = None


class Region(Section):
    """A region's share of the load, and the latency in milliseconds that is asked of it."""

    name: str
    weight: Share
    providers: tuple[str, ...] = ()
    latency_target_ms: float | None = Field(default=None, gt=0)


class Distribution(Section):
    """How load spreads over regions."""

    strategy: Literal["round_robin", "least_loaded", "geographic", "custom"] = "round_robin"
    regions: tuple[Region, ...] = ()
