"""What one of several processes sends of a schedule that all of them walk through. Pure.

Groups that belong together (a pair, a block of alternatives, the turns of a conversation) stay in one process: they are
dealt out by their number, so that the shares are disjoint, their union is the whole, and every instant is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Share:
    """The share of process `number`, counted from 0, of so many."""

    number: int
    of: int

    def has(self, group: int) -> bool:
        """Say whether a group of requests, counted from 0, is of this share."""
        return group % self.of == self.number

    def openings_s(self, slots: int, over_s: float) -> Sequence[float]:
        """Return when the slots of a closed loop open that are of this share, where all open evenly over `over_s`."""
        return [slot * over_s / slots for slot in range(self.number, slots, self.of)]

    def usd(self, cap_usd: float | None) -> Fraction | None:
        """Return the part of a cost cap, exactly: all parts together are no more than the cap."""
        return None if cap_usd is None else Fraction(cap_usd) / self.of


WHOLE = Share(0, 1)
