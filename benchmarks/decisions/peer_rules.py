"""The rules by which other tools raise an alarm, written from their documentation; none of their code runs here.

Each tool is asked about four quantities of each model (first token, time per token, whole answer, cost), and about
errors where it has a rule for them. Tools that keep samples get the times of the successful requests; tools that keep
one number per run get the mean over them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from benchmarks.decisions import rowwise
from benchmarks.decisions.rowwise import Flags, Floats, Pooled, Test
from scipy import stats

from lens_gate.vocabulary.metrics import Quantity

QUANTITIES = (Quantity.TTFT, Quantity.TPOT, Quantity.LATENCY, Quantity.COST)
TIMES = slice(0, 3)
"""The quantities that a slower version makes worse; the cost of an answer stays what it was."""


def slowed(values: Floats, percent: float, *, axis: int) -> Floats:
    """Make the three times among the quantities on this axis so much longer, as `Change.slower` does."""
    factors = np.ones(len(QUANTITIES))
    factors[TIMES] = 1 + percent / 100
    shape = [1] * values.ndim
    shape[axis] = len(factors)
    return values * factors.reshape(shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSides:
    """The samples of many gates: gate, model, quantity, request; NaN where the request failed."""

    base: Floats
    candidate: Floats

    def slower(self, percent: float) -> Self:
        """Return the same gates with a candidate that is so much slower in every time."""
        return replace(self, candidate=slowed(self.candidate, percent, axis=2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What the rules look at. Ratios are candidate / base; arrays are gate, model, quantity (`errors`: gate, model)."""

    mean: Floats
    median: Floats
    p95: Floats
    fastest: Floats
    errors: Floats
    welch: Test
    ranks: Test
    gap: Floats
    gap_is_significant: Flags
    bootstrapped: Floats
    beyond_tolerance: Flags

    @classmethod
    def of(cls, sides: TwoSides, rng: np.random.Generator) -> Self:
        """Compute everything once, for all rules."""
        candidate, base = sides.candidate, sides.base
        low, middle, high = rowwise.quantiles(candidate, (0, 0.5, 0.95)) / rowwise.quantiles(base, (0, 0.5, 0.95))
        pooled = Pooled.of(candidate, base)
        ranks = pooled.mann_whitney()
        gap_is_significant, gap = pooled.kolmogorov_smirnov(level=0.05)
        failed, failed_before = (np.isnan(one[:, :, 0]).mean(axis=-1) for one in (candidate, base))
        with np.errstate(divide="ignore", invalid="ignore"):
            errors = np.where(failed == failed_before, 1.0, failed / failed_before)
        return cls(
            mean=np.nanmean(candidate, axis=-1) / np.nanmean(base, axis=-1),
            median=middle,
            p95=high,
            fastest=low,
            errors=errors,
            welch=rowwise.welch(candidate, base),
            ranks=ranks,
            gap=gap,
            gap_is_significant=gap_is_significant,
            bootstrapped=rowwise.bootstrapped_change(candidate, base, rng, tail=0.025),
            beyond_tolerance=rowwise.exceeds_part_of_its_shift(candidate, base, ranks, part=0.25, tail=0.01),
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule by its tool and parameters; `alarms` returns gate, model, and what was asked."""

    name: str
    alarms: Callable[[Compared], Flags]


def _asked(*flags: Flags) -> Flags:
    """Put answers side by side; those about a whole model become one more question."""
    return np.concatenate([one if one.ndim == 3 else one[..., None] for one in flags], axis=-1)


RULES = (
    Rule("github-action-benchmark, alert-threshold 200 % (its default)", lambda c: c.mean > 2.0),
    Rule("github-action-benchmark, alert-threshold 110 %; pytest-benchmark, mean:10%", lambda c: c.mean > 1.1),
    Rule("pytest-benchmark, min:5%", lambda c: c.fastest > 1.05),
    Rule("k6, threshold p(95) at 115 % of the stored one", lambda c: c.p95 > 1.15),
    Rule("benchstat, alpha 0.05", lambda c: (c.ranks.p_value < 0.05) & (c.median > 1)),
    Rule("asv, factor 1.1 and p < 0.002", lambda c: (c.ranks.p_value < 0.002) & (c.median > 1.1)),
    Rule("criterion, 95 % interval above the noise threshold of 1 %", lambda c: c.bootstrapped > 0.01),
    Rule("Kayenta, 98 % interval above a tolerance of 25 %", lambda c: c.beyond_tolerance),
    Rule(
        "spec, mean +10 %, p95 +15 %, errors +50 %",
        lambda c: _asked(c.mean > 1.1, c.p95[..., TIMES] > 1.15, c.errors > 1.5),
    ),
    Rule("spec, the same without errors", lambda c: _asked(c.mean > 1.1, c.p95[..., TIMES] > 1.15)),
    Rule("spec, t-test at 0.05", lambda c: (c.welch.p_value < 0.05) & (c.welch.direction > 0)),
    Rule("spec, mann-whitney at 0.05", lambda c: (c.ranks.p_value < 0.05) & (c.ranks.direction > 0)),
    Rule("spec, kolmogorov-smirnov at 0.05", lambda c: c.gap_is_significant & (c.gap > 0)),
)

HISTORY = 20
"""Runs that a rule on history looks back on."""

TREND_WINDOW = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Histories:
    """One number per run: `before` is gate, run, model, measure (the quantities, then the share of errors)."""

    before: Floats
    candidate: Floats

    def slower(self, percent: float) -> Self:
        """Return the same gates with a candidate that is so much slower in every time."""
        times, errors = self.candidate[..., :-1], self.candidate[..., -1:]
        return replace(self, candidate=np.concatenate([slowed(times, percent, axis=2), errors], axis=-1))


@dataclass(frozen=True, slots=True)
class HistoryRule:
    """A rule on the runs before; `alarms` returns gate, model, measure."""

    name: str
    alarms: Callable[[Histories], Flags]


def percentage(limit: float) -> Callable[[Histories], Flags]:
    """Alarm above the mean of the history by this share."""
    return lambda h: h.candidate > (1 + limit) * h.before.mean(axis=1)


def z_score(boundary: float) -> Callable[[Histories], Flags]:
    """Alarm above a quantile of the normal distribution with the history's mean and (population's) deviation."""
    return lambda h: h.candidate > h.before.mean(axis=1) + stats.norm.ppf(boundary) * h.before.std(axis=1)


def t_test(boundary: float) -> Callable[[Histories], Flags]:
    """Alarm above a quantile of Student's t with the history's mean and (population's) deviation."""
    return lambda h: h.candidate > h.before.mean(axis=1) + stats.t.ppf(boundary, HISTORY - 1) * h.before.std(axis=1)


def log_normal(boundary: float) -> Callable[[Histories], Flags]:
    """Do as `z_score` on logarithms; not of errors, which may be 0."""

    def alarms(h: Histories) -> Flags:
        before, candidate = np.log(h.before[..., :-1]), np.log(h.candidate[..., :-1])
        found: Flags = candidate > before.mean(axis=1) + stats.norm.ppf(boundary) * before.std(axis=1)
        return found

    return alarms


def interquartile(boundary: float) -> Callable[[Histories], Flags]:
    """Alarm above the median of the history by so many interquartile ranges."""

    def alarms(h: Histories) -> Flags:
        low, middle, high = np.quantile(h.before, (0.25, 0.5, 0.75), axis=1)
        found: Flags = h.candidate > middle + boundary * (high - low)
        return found

    return alarms


def slope(limit: float, *, runs: int) -> Callable[[Histories], Flags]:
    """Alarm on a straight line through the last runs that rises by this share of their mean in so many runs."""

    def alarms(h: Histories) -> Flags:
        window = np.concatenate([h.before[:, 1 - TREND_WINDOW :], h.candidate[:, None]], axis=1)[..., :-1]
        moment = np.arange(TREND_WINDOW) - (TREND_WINDOW - 1) / 2
        rise = np.tensordot(moment / (moment**2).sum(), window, axes=(0, 1))
        found: Flags = runs * rise > limit * window.mean(axis=1)
        return found

    return alarms


HISTORY_RULES = (
    HistoryRule("Bencher, percentage 0.1", percentage(0.1)),
    HistoryRule("Bencher, z_score 0.95", z_score(0.95)),
    HistoryRule("Bencher, z_score 0.99", z_score(0.99)),
    HistoryRule("Bencher, t_test 0.95", t_test(0.95)),
    HistoryRule("Bencher, t_test 0.99", t_test(0.99)),
    HistoryRule("Bencher, log_normal 0.95", log_normal(0.95)),
    HistoryRule("Bencher, log_normal 0.99", log_normal(0.99)),
    HistoryRule("Bencher, iqr 1.5", interquartile(1.5)),
    HistoryRule("Bencher, iqr 3", interquartile(3.0)),
    HistoryRule("spec, linear_regression, max_slope 5 % per run, window 10", slope(0.05, runs=1)),
    HistoryRule("spec, linear_regression, read as 5 % per window of 10", slope(0.05, runs=TREND_WINDOW)),
)
