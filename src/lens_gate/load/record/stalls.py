"""When our own process did not get to run, as far as a timer tells. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Final

LEAST_NS: Final = 1_000_000
"""A timer that is later than this was held up; less is the grain of timers."""

SAME_TURN_NS: Final = 5_000_000
"""A loop that runs again takes up what waited one after the other: the timer may come so long before a socket."""


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
        return self.held_up(due_ns, now_ns)

    def held_up(self, began_ns: int, ended_ns: int) -> int:
        """Take note of a stretch in which nothing else ran, and return its length, in nanoseconds."""
        late_ns = max(0, ended_ns - began_ns)
        if late_ns > LEAST_NS:
            self._begun.append(began_ns)
            self._ended.append(ended_ns)
        return late_ns

    def before(self, read_ns: int) -> int:
        """Return for how long the loop had not run, as far as is known, when it read something; in nanoseconds."""
        overdue_ns = 0 if self._due_ns is None else max(0, read_ns - self._due_ns)
        place = bisect_left(self._ended, read_ns - SAME_TURN_NS)
        if place == len(self._ended):
            return overdue_ns
        return max(overdue_ns, min(read_ns, self._ended[place]) - self._begun[place])
