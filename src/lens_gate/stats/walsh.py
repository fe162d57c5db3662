"""The pairwise means of a sample, by rank, without ever holding all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SMALL = 180
"""Up to so many values all their sums (about 16,000) are sorted once; that is faster than searching for a few."""

_ROUGH = 64
_MOST_STEPS = 200


class WalshAverages:
    """The means (x_i + x_j) / 2, i ≤ j, of n finite values: n (n + 1) / 2 of them, found by rank in O(n log n)."""

    def __init__(self, values: Floats) -> None:
        self._ordered = np.sort(values)
        self._positions = np.arange(len(values))
        self._sorted = np.sort(_sums(self._ordered)) if len(values) <= SMALL else None
        # A coarse picture of the sums tells where to look first.
        rough = self._ordered[np.linspace(0, len(values) - 1, _ROUGH).astype(np.intp)]
        self._rough = None if self._sorted is not None else np.sort(_sums(rough))

    def __len__(self) -> int:
        """Return how many means there are."""
        count = len(self._ordered)
        return count * (count + 1) // 2

    def median(self) -> float:
        """Return the median of the means: the Hodges–Lehmann estimate."""
        total = len(self)
        low = self.ranked((total + 1) // 2)
        return low if total % 2 else (low + self.ranked(total // 2 + 1)) / 2

    def ranked(self, rank: int) -> float:
        """Return the rank-th smallest mean, counted from 1."""
        if self._sorted is not None:
            return float(self._sorted[rank - 1]) / 2
        return self._searched(rank) / 2

    def _searched(self, rank: int) -> float:
        """Narrow a range of sums that holds the one of this rank until it holds few, and take it from those."""
        low, high = 2 * float(self._ordered[0]) - 1.0, 2 * float(self._ordered[-1])
        below, up_to = 0, len(self)
        few = 8 * len(self._ordered)
        for guess in self._guesses(rank):
            middle = guess if guess is not None and low < guess < high else (low + high) / 2
            if up_to - below <= few or not low < middle < high:
                break
            counted = self._count(middle)
            if counted >= rank:
                high, up_to = middle, counted
            else:
                low, below = middle, counted
        if up_to - below > few:
            # So many equal sums, that nothing lies between the two ends any more.
            return high
        inside = self._between(low, high)
        return float(np.partition(inside, rank - below - 1)[rank - below - 1])

    def _guesses(self, rank: int) -> list[float | None]:
        """Return where to look: around the place in the coarse picture, then half-way."""
        rough = self._rough if self._rough is not None else np.empty(0)
        place, reach = len(rough) * rank / len(self), len(rough) // 100
        around = [min(max(int(place + shift), 0), len(rough) - 1) for shift in (0, reach, -reach)]
        return [float(rough[index]) for index in around] + [None] * _MOST_STEPS

    def _ends(self, limit: float) -> NDArray[np.intp]:
        """Return, for each i, the first j > i whose sum with x_i is above the limit (i itself where none is not)."""
        ends = np.searchsorted(self._ordered, limit - self._ordered, side="right")
        return np.maximum(ends, self._positions)

    def _count(self, limit: float) -> int:
        return int((self._ends(limit) - self._positions).sum())

    def _between(self, low: float, high: float) -> Floats:
        """Return all sums above `low` and up to `high`."""
        starts, ends = self._ends(low), self._ends(high)
        counts = ends - starts
        rows = np.repeat(self._positions, counts)
        offsets = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        inside: Floats = self._ordered[rows] + self._ordered[np.repeat(starts, counts) + offsets]
        return inside


def _sums(ordered: Floats) -> Floats:
    rows, columns = np.triu_indices(len(ordered))
    return ordered[rows] + ordered[columns]
