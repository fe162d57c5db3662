"""What one more run of an unchanged version would show, from the runs before it.

The level of run i (the logarithm of a median) is taken for the sum of three things:

    level_i = plateau_i + day_i + error_i

The error is the sampling error of that run's median, whose variance is known. The day is Student's t with three degrees
of freedom times a scale that this series has for itself: quiet days mostly, a wild one now and then, which pulls
neither the plateau nor the scale after it (Lange, Little and Taylor, "Robust statistical modeling using the t
distribution", JASA 84, 1989). The plateau stays as it is, or jumps for good with a small chance before each run. That
is the multi-process model of Harrison and Stevens ("Bayesian forecasting", JRSS B 38, 1976), filtered as they do: after
each run the possibilities that differ in how that one day went are merged into one by their first two moments.

The scale is unknown. It is summed over a grid, weighted by a half-t prior (Gelman, "Prior distributions for variance
parameters in hierarchical models", Bayesian Analysis 1, 2006), which says what is usual, times how well each scale
foretold the history. So there is no number of runs at which another rule begins: with one run the forecast is that
prior, with many it is the history.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from lens_gate.stats import late
from lens_gate.stats.levels import Level

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What is usual before any history, in units of natural logarithms.

    Days have `day_freedom` degrees of freedom. Their scale is half-t distributed with `scale` and `scale_freedom`: any
    small scale is as likely as another, and one three times as large is no surprise. Before each run the plateau jumps
    with `jump_chance`, to a place around the middle of the history with a standard deviation of `jump_spread`.
    """

    scale: float
    scale_freedom: float
    day_freedom: float
    jump_chance: float
    jump_spread: float

    @property
    def typical(self) -> float:
        """Return within how many scales of the plateau two of three days lie."""
        return float(late.stats.t.ppf(5 / 6, self.day_freedom))

    @property
    def day_kinds(self) -> tuple[Floats, Floats]:
        """Return the variances of the kinds of days, for a scale of 1, and how often each occurs."""
        return _day_kinds(self.day_freedom)


USUAL = Usual(scale=0.035, scale_freedom=4.0, day_freedom=3.0, jump_chance=0.1, jump_spread=0.5)
"""Fitted by `benchmarks/decisions/drift_prior.py` to 13 cloud APIs that were measured on up to 66 days.

Their likelihood is largest at a scale of 0.03; a little more errs on the cautious side.
"""

_SCALES: Floats = np.geomspace(0.003, 1.5, 20)
_NEGLIGIBLE = 1e-8

_NO_WIDTH = 1e-18
"""Added to variances, so that times without any scatter need no case of their own."""


@cache
def _day_kinds(freedom: float) -> tuple[Floats, Floats]:
    """Return Student's t as a mixture of normals: their variances and weights.

    t = z / √(χ²/ν), so that the variance is ν/χ². Each kind is a slice of that with its mean variance, which follows
    from the distribution of χ² with two degrees of freedom less.
    """
    kept = np.array([0.0, 0.5, 0.85, 0.97, 0.995, 0.9995, 1.0])
    edges = late.stats.chi2.isf(kept, freedom)
    weights = np.diff(kept)
    means = freedom / (freedom - 2) * np.diff(late.stats.chi2.sf(edges, freedom - 2)) / weights
    return np.asarray(means, dtype=np.float64), weights


@dataclass(frozen=True, slots=True)
class _Paths:
    """The possible plateaus after some runs, by scale of days (rows) and by how the plateau began (columns).

    `plausible` is the log of prior times likelihood of each scale; the weights of a row sum to 1.
    """

    usual: Usual
    scales: Floats
    plausible: Floats
    weights: Floats
    means: Floats
    variances: Floats

    @classmethod
    def beginning(cls, level: Level, usual: Usual) -> _Paths:
        """Return what one run says: where the plateau is under each kind of day, and nothing about the scale."""
        variances, weights = usual.day_kinds
        places = np.multiply.outer(_SCALES**2, variances) + level.variance
        like = np.ones_like(places)
        return cls(usual, _SCALES, _prior(usual), weights * like, level.log_value * like, places)

    def days(self) -> Floats:
        """Return the variance of each kind of day, to be broadcast over rows, columns and kinds."""
        variances, _ = self.usual.day_kinds
        return np.multiply.outer(self.scales**2, variances)[:, np.newaxis, :]

    def with_jump(self, middle: float) -> _Paths:
        """Add the possibility that the plateau jumps now."""
        chance, fresh = self.usual.jump_chance, np.ones((len(self.scales), 1))
        return replace(
            self,
            weights=np.hstack([(1 - chance) * self.weights, chance * fresh]),
            means=np.hstack([self.means, middle * fresh]),
            variances=np.hstack([self.variances, self.usual.jump_spread**2 * fresh]),
        )

    def after(self, level: Level) -> _Paths:
        """Take in one run: each plateau is corrected under each kind of day, then the kinds are merged again."""
        _, kinds = self.usual.day_kinds
        totals = self.variances[:, :, np.newaxis] + self.days() + level.variance
        misses = level.log_value - self.means
        densities = kinds * np.exp(-(misses[:, :, np.newaxis] ** 2) / (2 * totals)) / np.sqrt(2 * np.pi * totals)
        likelihood = densities.sum(axis=2) + np.finfo(np.float64).tiny
        shares = densities / likelihood[:, :, np.newaxis]
        gains = self.variances[:, :, np.newaxis] / totals
        gain = (shares * gains).sum(axis=2)
        between = (shares * gains**2).sum(axis=2) - gain**2
        weights = self.weights * likelihood
        seen = weights.sum(axis=1, keepdims=True)
        return replace(
            self,
            plausible=self.plausible + np.log(seen[:, 0]),
            weights=weights / seen,
            means=self.means + gain * misses,
            variances=self.variances * (1 - gain) + between * misses**2,
        ).plausible_ones()

    def plausible_ones(self) -> _Paths:
        """Leave out scales that no longer matter."""
        kept = self.plausible > self.plausible.max() + math.log(_NEGLIGIBLE)
        rows = (self.scales, self.plausible, self.weights, self.means, self.variances)
        return _Paths(self.usual, *(row[kept] for row in rows))


def _filtered(history: Sequence[Level], usual: Usual) -> _Paths:
    """Take in the runs of a history, oldest first."""
    if not history:
        msg = "a forecast needs at least one run"
        raise ValueError(msg)
    paths = _Paths.beginning(history[0], usual)
    for level in history[1:]:
        paths = paths.with_jump(_middle(history)).after(level)
    return paths


def _middle(history: Sequence[Level]) -> float:
    """Return around which level the plateau jumps."""
    return float(np.median([level.log_value for level in history]))


def _prior(usual: Usual) -> Floats:
    """Return the log prior of each scale of the grid; even in the logarithm, it weighs a scale by its width as well."""
    squares, freedom = (_SCALES / usual.scale) ** 2, usual.scale_freedom
    density = np.log(_SCALES) - (freedom + 1) / 2 * np.log1p(squares / freedom)
    return np.asarray(density - _log_sum(density), dtype=np.float64)


def _log_sum(logs: Floats) -> float:
    """Return the logarithm of the sum of exponentials."""
    top = float(logs.max())
    return top + math.log(float(np.exp(logs - top).sum()))


def _spread(scales: Floats, weights: Floats) -> tuple[float, float]:
    """Return the mean and the variance of the logarithm of the scale."""
    logs = np.log(scales)
    mean = float(weights @ logs)
    return mean, float(weights @ (logs - mean) ** 2)


def evidence(history: Sequence[Level], usual: Usual) -> float:
    """Return the log likelihood of a history under what is taken for usual."""
    return _log_sum(_filtered(history, usual).plausible)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """Where the level of the unchanged version may lie today, as a mixture of normals.

    `run_to_run` is the distance from the plateau within which two of three runs lie, and `prior_weight` the share of
    that knowledge which is what is usual, rather than this history: how much uncertainty about the scale is left.
    """

    weights: Floats
    means: Floats
    variances: Floats
    run_to_run: float
    prior_weight: float

    def given(self, control: Level) -> Forecast:
        """Return the forecast after the unchanged version was measured today: each possibility by how well it fits."""
        totals = self.variances + control.variance
        misses = control.log_value - self.means
        fits = np.log(self.weights) - misses**2 / (2 * totals) - np.log(totals) / 2
        gains = self.variances / totals
        return replace(
            self,
            weights=np.exp(fits - _log_sum(fits)),
            means=self.means + gains * misses,
            variances=self.variances * (1 - gains),
        )

    def at_least(self, level: Level) -> float:
        """Return how often a run with that sampling error would lie at `level` or above, if nothing had changed."""
        return self.above(level.log_value, level.variance)

    def quantile(self, probability: float, *, variance: float = 0.0) -> float:
        """Return the level that a run whose sampling error has this variance stays below with this probability."""
        if not 0 < probability < 1:
            msg = "a quantile needs a probability between 0 and 1"
            raise ValueError(msg)
        return _quantile(self, probability, variance)

    def above(self, value: float, variance: float) -> float:
        """Return how often a run whose sampling error has this variance lies above a value."""
        distances = (self.means - value) / np.sqrt(self.variances + variance + _NO_WIDTH)
        return float(np.dot(self.weights, late.special.ndtr(distances)))


@lru_cache(maxsize=256)
def _quantile(found: Forecast, probability: float, variance: float) -> float:
    totals = found.variances + variance + _NO_WIDTH
    mean = float(found.weights @ found.means)
    spread = math.sqrt(float(found.weights @ (totals + (found.means - mean) ** 2)))
    # Cantelli's inequality bounds where a quantile can be.
    odds = math.sqrt(probability / (1 - probability))
    low, high = mean - spread / odds - spread, mean + spread * odds + spread
    return float(late.optimize.brentq(lambda x: found.above(x, variance) - (1 - probability), low, high, xtol=1e-7))


def forecast(history: Sequence[Level], usual: Usual = USUAL, *, may_jump: bool = False) -> Forecast:
    """Foretell the level of one more run from those before it, oldest first; at least one.

    With `may_jump` the plateau may jump before that run as before any other: then little can be excluded, but what is
    measured on the day itself (`given`) can say so.
    """
    paths = _filtered(history, usual)
    if may_jump:
        paths = paths.with_jump(_middle(history))
    scales = np.exp(paths.plausible - _log_sum(paths.plausible))
    weights = (scales[:, np.newaxis] * paths.weights)[:, :, np.newaxis] * usual.day_kinds[1]
    kept = weights > _NEGLIGIBLE
    middle, uncertain = _spread(paths.scales, scales)
    _, unknown = _spread(_SCALES, np.exp(_prior(usual)))
    return Forecast(
        weights=weights[kept] / weights[kept].sum(),
        means=np.broadcast_to(paths.means[:, :, np.newaxis], weights.shape)[kept],
        variances=(paths.variances[:, :, np.newaxis] + paths.days())[kept],
        run_to_run=usual.typical * math.exp(middle),
        prior_weight=min(1.0, uncertain / unknown),
    )


def measured_now(control: Level) -> Forecast:
    """Return what a control of today alone says about the unchanged version: nothing but its own sampling error."""
    return Forecast(
        weights=np.ones(1),
        means=np.array([control.log_value]),
        variances=np.array([control.variance]),
        run_to_run=0.0,
        prior_weight=0.0,
    )
