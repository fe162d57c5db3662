"""When our own process did not get to run, as far as a timer tells. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import Final

LEAST_NS: Final = 1_000_000
"""A timer that is later than this was held up; less is the grain of timers."""


class Stalls:
    """The stretches in which an event loop was late: all that arrives in one of them is read in one piece after it."""

    def __init__(self) -> None:
        self._begun: array[int] = array("q")
        self._ended: array[int] = array("q")
        self._due_ns: int | None = None

    def expect(self, due_ns: int) -> None:
        """Take note of when the timer is to run next."""
        self._due_ns = due_ns

    def ran(self, now_ns: int) -> int:
        """Take note that it ran, and return how late it was, in nanoseconds."""
        due_ns = now_ns if self._due_ns is None else self._due_ns
        self._due_ns = None
        late_ns = max(0, now_ns - due_ns)
        if late_ns > LEAST_NS:
            self._begun.append(due_ns)
            self._ended.append(now_ns)
        return late_ns

    def within(self, begin_ns: int, end_ns: int) -> int:
        """Return how long the loop was late between two instants at which it ran, in nanoseconds."""
        total = 0 if self._due_ns is None else max(0, end_ns - max(begin_ns, self._due_ns))
        for place in range(bisect_right(self._ended, begin_ns), len(self._ended)):
            if self._begun[place] >= end_ns:
                break
            total += min(end_ns, self._ended[place]) - max(begin_ns, self._begun[place])
        return total
