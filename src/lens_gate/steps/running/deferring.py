"""Whether the answers of a run may wait to be decoded until it has sent everything."""

from __future__ import annotations

from collections.abc import Iterator

from lens_gate.config.model import Config
from lens_gate.errors import ConfigProblem
from lens_gate.load.engine.deferred import LIMIT_BYTES
from lens_gate.steps.running.budgets import budgets_of


def bytes_deferred(config: Config, *, looks: bool, paced: bool) -> int | None:
    """Return how many bytes of answers may wait; None where each answer is decoded as soon as it has ended.

    `looks` and `paced` say that the run is looked at, and that it keeps a rate limit. Raises ConfigProblem where
    something must know meanwhile how answers ended.
    """
    if not config.profiler.defer_decoding:
        return None
    needed = next(_who_must_know(config, looks=looks, paced=paced), None)
    if needed is not None:
        raise ConfigProblem(
            f"answers cannot wait to be decoded: {needed} must know at once how they ended",
            place="profiler.defer_decoding",
            hint=f"Leave deferring out, or {needed}.",
        )
    return LIMIT_BYTES


def _who_must_know(config: Config, *, looks: bool, paced: bool) -> Iterator[str]:
    resilience = config.resilience
    if config.profiler.max_cost_usd is not None:
        yield "the cost cap"
    if budgets_of(config) is not None:
        yield "the budget"
    if looks:
        yield "until-decided"
    if resilience.retries.max_attempts > 1:
        yield "the retries"
    if resilience.circuit_breaker.enabled:
        yield "the circuit breaker"
    if resilience.abort is not None:
        yield "the abort at an error rate"
    if paced:
        yield "the rate limits"
