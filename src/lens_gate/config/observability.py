"""The observability mode: Prometheus metrics and OpenTelemetry traces."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from lens_gate.config.output import PrometheusEndpoint
from lens_gate.config.section import Section
from lens_gate.config.types import Share


class ExportedMetric(Section):
    """One exported metric; `buckets` are upper bounds in the metric's unit."""

    name: str
    type: Literal["histogram", "counter", "gauge", "summary"]
    help: str = ""
    buckets: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()


class Prometheus(PrometheusEndpoint):
    """An exporter with its metrics."""

    metrics: tuple[ExportedMetric, ...] = ()


class Exporter(Section):
    """Where spans go."""

    endpoint: str
    protocol: Literal["grpc", "http/protobuf"] = "grpc"


class Sampling(Section):
    """Which traces are kept."""

    type: Literal["always_on", "always_off", "probabilistic", "parent_based"] = "always_on"
    rate: Share = 1.0


class Span(Section):
    """One kind of span with its attributes."""

    name: str
    kind: Literal["internal", "client", "server", "producer", "consumer"] = "internal"
    attributes: tuple[str, ...] = ()


class OpenTelemetry(Section):
    """Traces of a benchmark."""

    enabled: bool = False
    exporter: Exporter | None = None
    sampling: Sampling | None = None
    resource: dict[str, JsonValue] = Field(default_factory=dict)
    spans: tuple[Span, ...] = ()
