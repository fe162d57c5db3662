"""Shares: of one sample, and of two paired ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lens_gate.stats import late
from lens_gate.stats.pairs import Interval


@dataclass(frozen=True, slots=True)
class PairedShares:
    """Pairs by what happened in them: in both members, in one only, or (the rest of `pairs`) in neither."""

    pairs: int
    only_base: int
    only_candidate: int

    def __post_init__(self) -> None:
        if min(self.only_base, self.only_candidate) < 0 or self.only_base + self.only_candidate > self.pairs:
            msg = "the discordant pairs must be counts that fit into the pairs"
            raise ValueError(msg)
        if self.pairs < 1:
            msg = "shares need at least one pair"
            raise ValueError(msg)

    @property
    def difference(self) -> float:
        """The candidate's share minus the base's, as a fraction."""
        return (self.only_candidate - self.only_base) / self.pairs


@dataclass(frozen=True, slots=True)
class McNemar:
    """The exact test on discordant pairs; `p_greater` small means that it happens more often to the candidate."""

    p_greater: float
    p_less: float

    @property
    def p_two_sided(self) -> float:
        """Twice the smaller tail, at most 1."""
        return min(1.0, 2 * min(self.p_greater, self.p_less))


def mcnemar(shares: PairedShares) -> McNemar:
    """Test whether the discordant pairs lean to one side: binomial with one half (McNemar, Psychometrika 12, 1947)."""
    discordant = shares.only_base + shares.only_candidate
    return McNemar(
        p_greater=float(late.special.bdtr(shares.only_base, discordant, 0.5)),
        p_less=float(late.special.bdtr(shares.only_candidate, discordant, 0.5)),
    )


def difference_bounds(shares: PairedShares, *, tail: float) -> Interval:
    """Bound the difference of paired shares (fractions), each side with an error of about `tail`.

    Tango's score interval ("Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Stat. Med. 17, 1998), which keeps a width when no pair is discordant.
    """
    reach = -float(late.special.ndtri(tail))
    swapped = PairedShares(shares.pairs, shares.only_candidate, shares.only_base)
    return Interval(-_upper(swapped, reach), _upper(shares, reach))


def _upper(shares: PairedShares, reach: float) -> float:
    def excess(delta: float) -> float:
        return _score(shares, delta) + reach

    if shares.difference >= 1:
        return 1.0
    # The score falls from 0 at the estimate to −√n·… at 1, where no pair could be other than the candidate's.
    return float(late.optimize.brentq(excess, shares.difference, 1.0 - 1e-12)) if excess(1.0 - 1e-12) < 0 else 1.0


def _score(shares: PairedShares, delta: float) -> float:
    """Return Tango's score statistic for the hypothesis that the difference is `delta`."""
    count, more, fewer = shares.pairs, shares.only_candidate, shares.only_base
    quadratic = 2 * count
    linear = -more - fewer + (2 * count - more + fewer) * delta
    constant = -fewer * delta * (1 - delta)
    nuisance = (math.sqrt(max(0.0, linear**2 - 4 * quadratic * constant)) - linear) / (2 * quadratic)
    variance = count * (2 * nuisance + delta * (1 - delta))
    distance = more - fewer - count * delta
    return distance / math.sqrt(variance) if variance > 0 else 0.0


def wilson(events: int, trials: int, *, tail: float) -> Interval:
    """Bound a share (fraction), each side with an error of about `tail` (Wilson, JASA 22, 1927)."""
    if not 0 <= events <= trials or trials < 1:
        msg = "a share needs trials, and no more events than trials"
        raise ValueError(msg)
    reach = -float(late.special.ndtri(tail))
    share, weight = events / trials, reach**2 / trials
    centre = (share + weight / 2) / (1 + weight)
    half = reach * math.sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
    return Interval(max(0.0, centre - half), min(1.0, centre + half))
