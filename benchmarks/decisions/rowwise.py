"""Statistics of many pairs of samples at once: the last axis holds the requests, NaN stands for a failed one.

The tests are those of `lens_gate.stats.two_sample`, and a test holds them to it; here a whole table's worth of samples
is ranked in one go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

RESAMPLES = 1000
SHIFT_QUANTILES = 64


def quantiles(values: Floats, probabilities: Sequence[float]) -> Floats:
    """Interpolate between the order statistics of what is no NaN, as numpy does; the probabilities come first."""
    ordered = np.sort(values, axis=-1)
    place = np.multiply.outer(probabilities, _count(values) - 1)
    below, above = np.floor(place).astype(np.intp), np.ceil(place).astype(np.intp)
    low, high = (np.take_along_axis(ordered[None], at[..., None], axis=-1)[..., 0] for at in (below, above))
    found: Floats = low + (place - below) * (high - low)
    return found


@dataclass(frozen=True, slots=True)
class Test:
    """Two-sided p values, and in which direction: positive where the candidate is the larger one."""

    p_value: Floats
    direction: Floats

    @property
    def p_greater(self) -> Floats:
        """Half of the p value on the side to which the sample leans, as good as 1 on the other."""
        return np.where(self.direction > 0, self.p_value / 2, 1.0)


def welch(candidate: Floats, base: Floats) -> Test:
    """Compare means by Welch's t test."""
    sides = (candidate, base)
    means = [np.nanmean(side, axis=-1) for side in sides]
    squares = [np.nanvar(side, axis=-1, ddof=1) / _count(side) for side in sides]
    error = squares[0] + squares[1]
    freedom = error**2 / sum(square**2 / (_count(side) - 1) for square, side in zip(squares, sides, strict=True))
    statistic = (means[0] - means[1]) / np.sqrt(error)
    return Test(2 * np.asarray(stats.t.sf(np.abs(statistic), freedom)), statistic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """Both samples in one order: the values, which of them are the candidate's, and how many each side has."""

    ordered: Floats
    is_candidate: Flags
    candidates: Floats
    bases: Floats

    @classmethod
    def of(cls, candidate: Floats, base: Floats) -> Self:
        """Sort; failed requests come last."""
        pooled = np.concatenate([candidate, base], axis=-1)
        order = np.argsort(pooled, axis=-1)
        return cls(
            ordered=np.take_along_axis(pooled, order, axis=-1),
            is_candidate=order < candidate.shape[-1],
            candidates=_count(candidate),
            bases=_count(base),
        )

    def mann_whitney(self) -> Test:
        """Compare ranks, normal with the correction for ties and for continuity."""
        ranks = np.where(np.isnan(self.ordered), 0.0, self._ranks())
        total, product = self.candidates + self.bases, self.candidates * self.bases
        away = (ranks * self.is_candidate).sum(axis=-1) - self.candidates * (self.candidates + 1) / 2 - product / 2
        # Shared mean ranks lose squares: that is the correction for ties.
        lost = total * (total + 1) * (2 * total + 1) / 6 - (ranks**2).sum(axis=-1)
        spread = np.sqrt(product / 12 * (total + 1 - 12 * lost / (total * (total - 1))))
        tail = np.asarray(stats.norm.sf((np.abs(away) - 0.5) / spread))
        return Test(np.minimum(1.0, 2 * tail), away)

    def _ranks(self) -> Floats:
        """Return mean ranks, from where each group of equal values begins and ends."""
        place = np.arange(self.ordered.shape[-1])
        steps = self.ordered[..., 1:] != self.ordered[..., :-1]
        edge = np.ones((*steps.shape[:-1], 1), dtype=np.bool_)
        begins, ends = np.concatenate([edge, steps], axis=-1), np.concatenate([steps, edge], axis=-1)
        first = np.maximum.accumulate(np.where(begins, place, 0), axis=-1)
        last = np.minimum.accumulate(np.where(ends, place, len(place))[..., ::-1], axis=-1)[..., ::-1]
        ranks: Floats = (first + last) / 2 + 1
        return ranks

    def kolmogorov_smirnov(self, *, level: float) -> tuple[Flags, Floats]:
        """Whether the largest gap between the CDFs is significant, and that gap: positive where the base is ahead."""
        step = np.where(self.is_candidate, -1 / self.candidates[..., None], 1 / self.bases[..., None])
        gap = np.cumsum(np.where(np.isnan(self.ordered), 0.0, step), axis=-1)
        # Before the end of a group of equal values, not all CDFs have taken their step.
        gap[..., :-1][self.ordered[..., 1:] == self.ordered[..., :-1]] = 0.0
        above, below = gap.max(axis=-1), -gap.min(axis=-1)
        sizes = np.rint(self.candidates * self.bases / (self.candidates + self.bases))
        critical = np.vectorize(_critical_gap, otypes=[np.float64])(sizes, level)
        return np.maximum(above, below) > critical, np.where(above >= below, above, -below)


@cache
def _critical_gap(size: float, level: float) -> float:
    """Return the gap whose asymptotic p value is the level."""
    return float(stats.kstwo.isf(level, size))


def bootstrapped_change(candidate: Floats, base: Floats, rng: np.random.Generator, *, tail: float) -> Floats:
    """Return the lower bound of the relative change of means, by resampling each side (percentile bootstrap).

    The samples are gate, model, quantity, request; all rows share which of their requests are drawn.
    """
    change = _resampled_means(candidate, rng) / _resampled_means(base, rng)
    at = math.floor(tail * RESAMPLES)
    return np.partition(change, at, axis=-1)[..., at].astype(np.float64) - 1


def _resampled_means(values: Floats, rng: np.random.Generator) -> NDArray[np.float32]:
    size = values.shape[-1]
    drawn = rng.integers(size, size=(RESAMPLES, size)) + size * np.arange(RESAMPLES)[:, None]
    times = np.bincount(drawn.ravel(), minlength=RESAMPLES * size).reshape(RESAMPLES, size).astype(np.float32).T
    # Single precision: seven digits are plenty for an interval that is held against 1 %.
    sums = np.nan_to_num(values).astype(np.float32) @ times
    counts = np.isfinite(values[:, :, :1]).astype(np.float32) @ times
    return np.asarray(sums / counts, dtype=np.float32)


def exceeds_part_of_its_shift(candidate: Floats, base: Floats, test: Test, *, part: float, tail: float) -> Flags:
    """Whether the lower bound of the shift between two samples lies above this part of its estimate.

    The bound inverts the Mann–Whitney test, so the candidate is tested with that part taken off. Whoever does not
    exceed the base as it is cannot exceed more, which spares most of the work.
    """
    found = test.p_greater < tail
    ours, theirs = candidate[found], base[found]
    taken_off = part * np.abs(shift(ours, theirs))
    found[found] = Pooled.of(ours - taken_off[:, None], theirs).mann_whitney().p_greater < tail
    return found


def shift(candidate: Floats, base: Floats) -> Floats:
    """Estimate the shift of each row as Hodges and Lehmann do, from the quantiles of each sample."""
    marks = (np.arange(SHIFT_QUANTILES) + 0.5) / SHIFT_QUANTILES
    ours, theirs = (quantiles(one, marks.tolist()) for one in (candidate, base))
    differences = (ours[:, None] - theirs[None]).reshape(SHIFT_QUANTILES**2, len(candidate))
    return np.asarray(np.median(differences, axis=0), dtype=np.float64)


def _count(values: Floats) -> Floats:
    return np.asarray(np.isfinite(values).sum(axis=-1), dtype=np.float64)
