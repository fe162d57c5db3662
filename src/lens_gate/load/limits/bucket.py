"""A token bucket that says when, instead of whether: the generic cell rate algorithm (ITU-T I.371). Pure.

A limit per minute refills the bucket evenly, and it holds what a second brings, at least one unit. So over any minute
no more than the limit and a second's share of it is let through, and never much at once. What is larger than the bucket
waits until it is full, and leaves it in debt.
"""

from __future__ import annotations

from typing import Final

_MINUTE_NS: Final = 60_000_000_000
_SECOND_NS: Final = 1_000_000_000


class Bucket:
    """One resource of one provider; without a limit, configured or learned, everything passes at once.

    Times are nanoseconds of any steady clock. Whoever books first goes first.
    """

    def __init__(self, per_minute: float | None) -> None:
        self._configured_ns = 0.0 if per_minute is None else _MINUTE_NS / per_minute
        self._learned_ns = 0.0
        self._full_ns = 0
        """When the bucket will be full, if nothing more is taken."""

    def when(self, amount: float, now_ns: int) -> int:
        """Return the earliest instant, from now on, at which `amount` may be taken."""
        if self._unit_ns == 0:
            return now_ns
        return max(now_ns, round(self._full_ns - self._spare_ns(amount)))

    def book(self, amount: float, at_ns: int) -> None:
        """Take `amount` at an instant that `when` returned, or a later one."""
        self._full_ns = max(self._full_ns, at_ns) + round(amount * self._unit_ns)

    def give_back(self, amount: float) -> None:
        """Return what was booked and not used (a negative amount: used beyond it)."""
        self._full_ns -= round(amount * self._unit_ns)

    def learn(self, *, remaining: float, needed: float, refill_ns: float, now_ns: int) -> None:
        """Believe a provider that says that only `remaining` units are left and each further one takes `refill_ns`.

        It is believed while less is left than is `needed` next; when it has enough again, the configured limit alone
        holds.
        """
        scarce = remaining < needed
        self._learned_ns = refill_ns if scarce else 0.0
        if scarce:
            there_ns = now_ns + (needed - remaining) * self._unit_ns
            self._full_ns = max(self._full_ns, round(there_ns + self._spare_ns(needed)))

    def begin_anew(self, at_ns: int, amount: float) -> None:
        """Forget what was booked: from an instant on there is exactly `amount`, and before it nothing."""
        self._full_ns = at_ns + round(self._spare_ns(amount))

    def _spare_ns(self, amount: float) -> float:
        """How much longer it takes to fill the bucket than to have `amount` in it."""
        return self._depth_ns - min(amount * self._unit_ns, self._depth_ns)

    @property
    def _unit_ns(self) -> float:
        """How long one unit takes to refill; 0 without a limit."""
        return max(self._configured_ns, self._learned_ns)

    @property
    def _depth_ns(self) -> float:
        """How long an empty bucket takes to fill up."""
        return max(self._unit_ns, _SECOND_NS)
