"""The metrics: one table that code, configuration, documentation and reports share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a metric is counted in."""

    MILLISECONDS = "ms"
    PERCENT = "%"
    USD = "USD"
    TOKENS = "tokens"
    REQUESTS = "requests"
    PER_SECOND = "1/s"


class Scope(StrEnum):
    """Whether a metric is one number per series (provider and model) or one per run."""

    SERIES = "series"
    RUN = "run"


class Direction(StrEnum):
    """Which way is worse."""

    LOWER_IS_BETTER = "lower"
    HIGHER_IS_BETTER = "higher"
    TWO_SIDED = "two-sided"


class Quantity(StrEnum):
    """What is timed or counted on one request."""

    TTFT = "ttft"
    TTFT_VISIBLE = "ttft_visible"
    TPOT = "tpot"
    LATENCY = "latency"
    SERVICE_LATENCY = "service_latency"
    INTER_CHUNK = "inter_chunk"
    COST = "cost"
    OUTPUT_TOKENS = "output_tokens"
    CACHED_SHARE = "cached_share"


class Hypothesis(StrEnum):
    """The ten questions that a calibrated gate asks of each model."""

    TTFT = "ttft"
    PER_TOKEN = "per_token"
    TOTAL = "total"
    TOTAL_EQUAL_LENGTH = "total_equal_length"
    TTFT_TAIL_EXCESS = "ttft_tail_excess"
    TTFT_TAIL_EXCEEDANCE = "ttft_tail_exceedance"
    ERRORS = "errors"
    COST = "cost"
    OUTPUT_LENGTH = "output_length"
    CACHED_SHARE = "cached_share"

    @property
    def two_sided(self) -> bool:
        """Whether a change in either direction counts."""
        return self in (Hypothesis.OUTPUT_LENGTH, Hypothesis.CACHED_SHARE)

    @property
    def in_points(self) -> bool:
        """Whether the effect is a difference in percentage points and not a percentage."""
        return self in (Hypothesis.ERRORS, Hypothesis.CACHED_SHARE, Hypothesis.TTFT_TAIL_EXCEEDANCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One row of docs/metrics.md.

    `hypothesis` is the calibrated test that a threshold on this metric maps to, or None where the metric is only shown
    or checked against an absolute limit; `interval` says how its displayed interval is made; `peers` holds what other
    tools call the same thing.
    """

    name: str
    unit: Unit
    scope: Scope
    direction: Direction
    definition: str
    hypothesis: Hypothesis | None = None
    interval: str = "none"
    peers: tuple[str, ...] = ()
