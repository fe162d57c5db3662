"""What a run does about failures: from the configuration to what the runner is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from lens_gate.config.resilience import Resilience
from lens_gate.load.limits.breaker import BreakerRules
from lens_gate.load.limits.error_rate import AbortRule
from lens_gate.load.limits.retry import RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRules:
    """Retries, breaker (None: no breaker) and abort (None: go on whatever fails); `luck` draws from [0, 1)."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    breaker: BreakerRules | None = None
    abort: AbortRule | None = None
    luck: Callable[[], float] = field(default_factory=lambda: Random(0).random)

    @property
    def need_answers(self) -> bool:
        """Whether each answer must be decoded as soon as it has ended, because what is sent next depends on it."""
        return self.retry.max_attempts > 1 or self.breaker is not None or self.abort is not None


def failure_rules(config: Resilience, *, seed: int) -> FailureRules:
    """Read `resilience`; `seed` fixes the jitter of waits."""
    retries, breaker, abort = config.retries, config.circuit_breaker, config.abort
    return FailureRules(
        retry=RetryPolicy(
            max_attempts=retries.max_attempts,
            backoff=retries.backoff,
            initial_delay_s=retries.initial_delay,
            max_delay_s=retries.max_delay,
        ),
        breaker=BreakerRules(
            failure_threshold=breaker.failure_threshold,
            success_threshold=breaker.success_threshold,
            open_ns=round(breaker.timeout * 1e9),
        )
        if breaker.enabled
        else None,
        abort=None
        if abort is None
        else AbortRule(percent=abort.error_rate, min_requests=abort.min_requests, window=abort.window),
        luck=Random(seed).random,
    )
