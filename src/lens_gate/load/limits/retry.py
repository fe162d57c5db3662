"""Which failed attempts are made again, and after what wait: a decision apart from the sending. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, assert_never

from lens_gate.artifacts.samples import Sample
from lens_gate.vocabulary.requests import ErrorClass

Backoff = Literal["fixed", "exponential", "fibonacci"]

_NEVER_ARRIVED: Final = frozenset({ErrorClass.CONNECT, ErrorClass.CONNECT_TIMEOUT, ErrorClass.RESET})
_SENT_AWAY: Final = frozenset({ErrorClass.RATE_LIMIT, ErrorClass.OVERLOADED})
_FIRST_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a request is tried (the first time included), and how long each further try waits."""

    max_attempts: int = 1
    backoff: Backoff = "exponential"
    initial_delay_s: float = 1.0
    max_delay_s: float = 30.0

    def wait_s(self, sample: Sample, *, attempt: int, told_s: float | None, luck: float) -> float | None:
        """Return how long to wait after attempt number `attempt` (from 1) ended as `sample`; None for no other try.

        `told_s` is the wait that the server asked for; where it is longer than `max_delay_s`, asking again within our
        own limit would be asking too early, so the request is left as it is. `luck` is a draw from [0, 1).
        """
        if attempt >= self.max_attempts or not worth_another_try(sample):
            return None
        if told_s is not None and told_s > self.max_delay_s:
            return None
        return max(told_s or 0.0, self.delay_s(attempt, luck))

    def delay_s(self, attempt: int, luck: float) -> float:
        """Return the back-off after attempt number `attempt`.

        `fixed` waits the same each time, `fibonacci` 1, 1, 2, 3, 5 … times the first delay. `exponential` doubles the
        limit each time and draws evenly from below it ("full jitter"; Brooker, Exponential Backoff and Jitter, 2015),
        so that requests that failed together do not come back together. None is longer than `max_delay_s`.
        """
        limit_s = min(self._factor(attempt) * self.initial_delay_s, self.max_delay_s)
        return luck * limit_s if self.backoff == "exponential" else limit_s

    def _factor(self, attempt: int) -> float:
        match self.backoff:
            case "fixed":
                return 1.0
            case "exponential":
                # Beyond 2^62 any delay is over any limit, and a float would overflow at 2^1024.
                return 2.0 ** min(attempt - 1, 62)
            case "fibonacci":
                return _fibonacci(attempt)
            case _ as never:
                assert_never(never)


def worth_another_try(sample: Sample) -> bool:
    """Say whether the same request may fare better: the provider was busy or broken, or was never reached.

    An answer of which anything was seen is a result, however it ended; so is a timeout, which says how slow the
    endpoint is, and any other status between 400 and 499, which another try would meet again.
    """
    if sample.first_token_ns is not None or sample.chunk_count:
        return False
    server_error = (sample.http_status or 0) >= _FIRST_SERVER_ERROR and sample.error_class is ErrorClass.API_ERROR
    return server_error or sample.error_class in _NEVER_ARRIVED | _SENT_AWAY


def _fibonacci(number: int) -> float:
    before, value = 0.0, 1.0
    for _ in range(min(number - 1, 90)):
        before, value = value, before + value
    return value
