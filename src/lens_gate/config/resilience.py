"""What is done about failures: limits of time, other tries, the breaker, and giving up."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lens_gate.config.section import Section
from lens_gate.config.types import Seconds


class Retries(Section):
    """How failed requests are tried again; off while measuring unless `max_attempts` is set."""

    max_attempts: int = Field(default=1, ge=1)
    backoff: Literal["fixed", "exponential", "fibonacci"] = "exponential"
    initial_delay: Seconds = 1.0
    max_delay: Seconds = 30.0


class TimeoutLimits(Section):
    """Limits of one attempt, and of the whole `run`."""

    connect: Seconds = 10.0
    request: Seconds = 120.0
    idle: Seconds = 30.0
    run: Annotated[Seconds, Field(gt=0)] | None = None


class CircuitBreaker(Section):
    """When to stop sending to a failing endpoint."""

    enabled: bool = False
    failure_threshold: int = Field(default=5, gt=0)
    success_threshold: int = Field(default=2, gt=0)
    timeout: Seconds = 60.0


class Abort(Section):
    """When a model is given up: `error_rate` percent of its last `window` requests failed or were throttled."""

    error_rate: float = Field(gt=0, le=100)
    min_requests: int = Field(default=20, gt=0)
    window: int = Field(default=100, gt=0)

    @model_validator(mode="after")
    def _window_holds_the_fewest(self) -> Self:
        if self.window < self.min_requests:
            msg = "`window` must hold at least `min_requests` requests"
            raise ValueError(msg)
        return self


class Resilience(Section):
    """Timeouts, retries, the breaker, and when to give up."""

    retries: Retries = Retries()
    timeouts: TimeoutLimits = TimeoutLimits()
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    abort: Abort | None = None
