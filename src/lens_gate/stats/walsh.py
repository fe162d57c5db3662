"""The pairwise means of a sample, by rank, without ever holding all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SMALL = 180
"""Up to so many values all their sums (about 16,000) are sorted once; that is faster than searching for a few."""

_ROUGH = 64

_BITS = 60
"""Values become whole numbers of so many bits, finer than floats, whose sums and differences are exact."""

_HALVINGS = 16


@dataclass(frozen=True, slots=True)
class _Span:
    """The sums above `low` and up to `high`, with how many sums lie up to each of the two."""

    low: int
    high: int
    below: int
    up_to: int

    @property
    def count(self) -> int:
        return self.up_to - self.below

    def parted(self, middle: int, counted: int, rank: int) -> _Span:
        """Return the part that holds the sum of this rank; `counted` sums lie up to the middle."""
        if counted < rank:
            return _Span(middle, self.high, counted, self.up_to)
        return _Span(self.low, middle, self.below, counted)


class WalshAverages:
    """The means (x_i + x_j) / 2, i ≤ j, of n finite values: n (n + 1) / 2 of them, found by rank in O(n log n)."""

    def __init__(self, values: Floats) -> None:
        _, exponent = math.frexp(float(np.abs(values).max()))
        self._shift = _BITS - exponent
        self._ordered = np.sort(np.rint(np.ldexp(values, self._shift)).astype(np.int64))
        self._positions = np.arange(len(values))
        self._sorted = np.sort(_sums(self._ordered)) if len(values) <= SMALL else None
        # A coarse picture of the sums tells where to look first.
        rough = self._ordered[np.linspace(0, len(values) - 1, _ROUGH).astype(np.intp)]
        self._rough = np.sort(_sums(rough)) if self._sorted is None else rough

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
        found = self._searched(rank) if self._sorted is None else int(self._sorted[rank - 1])
        return math.ldexp(found, -self._shift - 1)

    def _searched(self, rank: int) -> int:
        """Narrow a range of sums that holds the one of this rank until it holds few, and take it from those.

        Cheap guesses come first. Where they do not end it, because many sums are equal, sums that occur are guessed, as
        Johnson and Mizoguchi do (SIAM J. Comput. 7, 1978): each leaves out a quarter of what is left at least.
        """
        span = _Span(2 * int(self._ordered[0]) - 1, 2 * int(self._ordered[-1]), 0, len(self))
        few = 8 * len(self._ordered)
        for guess in (*self._first_guesses(rank), *[None] * _HALVINGS):
            middle = (span.low + span.high) // 2 if guess is None else guess
            if span.count > few and span.low < middle < span.high:
                span = span.parted(middle, self._count(middle), rank)
        while span.count > few:
            middle = self._middle_of(span)
            smaller = self._count(middle - 1)
            span = span.parted(middle - 1, smaller, rank)
            if smaller < rank:
                span = span.parted(middle, self._count(middle), rank)
            if span.low == span.high - 1:
                return span.high
        inside = self._between(span)
        return int(np.partition(inside, rank - span.below - 1)[rank - span.below - 1])

    def _first_guesses(self, rank: int) -> list[int]:
        """Return where to look first: around the place in the coarse picture."""
        place, reach = len(self._rough) * rank / len(self), len(self._rough) // 100
        around = (min(max(int(place + shift), 0), len(self._rough) - 1) for shift in (0, reach, -reach))
        return [int(self._rough[index]) for index in around]

    def _middle_of(self, span: _Span) -> int:
        """Return a sum in the middle of those of a span: the median of the rows' middles."""
        starts, ends = self._ends(span.low), self._ends(span.high)
        rows = np.flatnonzero(ends > starts)
        middles = self._ordered[rows] + self._ordered[(starts[rows] + ends[rows]) // 2]
        order = np.argsort(middles)
        reached = np.cumsum((ends - starts)[rows][order])
        return int(middles[order][np.searchsorted(reached, reached[-1] / 2)])

    def _ends(self, limit: int) -> NDArray[np.intp]:
        """Return, for each i, the first j ≥ i whose sum with x_i is above the limit."""
        ends = np.searchsorted(self._ordered, limit - self._ordered, side="right")
        return np.maximum(ends, self._positions)

    def _count(self, limit: int) -> int:
        return int((self._ends(limit) - self._positions).sum())

    def _between(self, span: _Span) -> Integers:
        """Return all sums of a span."""
        starts, ends = self._ends(span.low), self._ends(span.high)
        counts = ends - starts
        rows = np.repeat(self._positions, counts)
        offsets = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        inside: Integers = self._ordered[rows] + self._ordered[np.repeat(starts, counts) + offsets]
        return inside


def _sums(ordered: Integers) -> Integers:
    rows, columns = np.triu_indices(len(ordered))
    return ordered[rows] + ordered[columns]
