"""What may have been sent, written down before it is: what a kill leaves open is then never sent or charged twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from lens_gate.load.arms.plan import PlannedRequest

MOST_AT_ONCE: Final = 256
LASTS_NS: Final = 250_000_000
"""A promise is to last about so long: that many requests may be unknown after a kill, though they were never sent."""


class Promises:
    """Passes a schedule on, and promises the requests to come by their index, more at once the faster they are taken.

    A line for every request would be the exact way, and cost a fast run too much; a line a second would be too few for
    it, and too many for a slow one. `write` says whether the promise could be written; else nothing more is passed on.
    An `early` promise is made when half of the one before is used up: it has a way to go until it is written.
    Nothing is promised from the index `end` on: what no schedule holds cannot have been sent.
    """

    def __init__(
        self, write: Callable[[int], bool], now_ns: Callable[[], int], *, early: bool = False, end: int | None = None
    ) -> None:
        self._write = write
        self._early = early
        self._end = end
        self._now_ns = now_ns
        self._through = 0
        self._at_once = 1
        self._promised_ns = now_ns()

    def following(self, planned: Iterator[PlannedRequest]) -> Iterator[PlannedRequest]:
        """Pass the requests on, each of them once it was promised."""
        for request in planned:
            left_over = self._at_once // 2 if self._early else 0
            if request.index >= self._through - left_over and not self._promise(request.index + left_over):
                return
            yield request

    def _promise(self, index: int) -> bool:
        now_ns = self._now_ns()
        soon = now_ns - self._promised_ns < LASTS_NS
        self._at_once = min(MOST_AT_ONCE, 2 * self._at_once) if soon else max(1, self._at_once // 2)
        self._promised_ns, self._through = now_ns, index + self._at_once
        return self._write(self._through if self._end is None else min(self._through, self._end))
