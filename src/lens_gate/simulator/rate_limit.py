"""A leaky bucket over all requests to models: the generic cell rate algorithm (ITU-T I.371)."""

from __future__ import annotations

from lens_gate.simulator.dialogue import Allowance

_UNLIMITED_PER_MINUTE = 10_000


class RateLimit:
    """Admits `rate_rps` requests per second on average, and at most a second's worth (at least one) at once."""

    def __init__(self, rate_rps: float | None) -> None:
        self._rate_rps = rate_rps
        self._arrival_s = float("-inf")

    def take(self, now_s: float) -> Allowance:
        """Ask for one request at this moment of any steady clock."""
        if self._rate_rps is None:
            return Allowance(
                admitted=True, limit=_UNLIMITED_PER_MINUTE, remaining=_UNLIMITED_PER_MINUTE - 1, reset_s=0.006
            )
        cost_s = 1 / self._rate_rps
        burst_s = max(1.0, cost_s)
        wait_s = max(self._arrival_s, now_s) + cost_s - now_s - burst_s
        # A nanosecond of tolerance: sums of binary fractions of a second are not exact.
        admitted = wait_s <= 1e-9
        if admitted:
            self._arrival_s = max(self._arrival_s, now_s) + cost_s
        backlog_s = max(0.0, self._arrival_s - now_s)
        return Allowance(
            admitted=admitted,
            limit=max(1, round(self._rate_rps * 60)),
            remaining=max(0, int((burst_s - backlog_s) / cost_s + 1e-9)),
            reset_s=backlog_s,
            retry_after_s=max(0.0, wait_s),
        )
