"""From the samples of a duet to pairs: what may be compared, and what may not and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lens_gate.analysis.quantities import (
    Flags,
    Floats,
    column,
    counted_by_server,
    measured,
    streamed_tokens,
    tpot,
    with_status,
)
from lens_gate.artifacts.analysis import Coverage
from lens_gate.artifacts.reasons import Reason, because
from lens_gate.artifacts.samples import Samples
from lens_gate.stats.decomposition import coefficients
from lens_gate.stats.pairs import one_sided_order
from lens_gate.stats.proportions import PairedShares, mcnemar
from lens_gate.vocabulary.metrics import Quantity
from lens_gate.vocabulary.reasons import Why
from lens_gate.vocabulary.requests import Arm, ErrorClass, Status

MOST_FAILURES = 0.05
MOST_FAILURE_DIFFERENCE = 0.02
"""Above these shares of failures other than timeouts, what is left of the latencies stands for too little."""

_CENSORING = tuple(error for error in ErrorClass if error.censors_latency)


_PRICED = ("input_tokens", "output_tokens", "cached_tokens")
_CACHED = _PRICED.index("cached_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedValues:
    """One quantity of both members of each pair, row by row, without missing values.

    `second` is +1 where the candidate was sent second, −1 where the base was, and 0 where nobody knows.
    """

    base: Floats
    candidate: Floats
    second: Floats

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.base)

    def scaled(self, factor: float) -> PairedValues:
        """Return the values in another unit."""
        return replace(self, base=factor * self.base, candidate=factor * self.candidate)


@dataclass(frozen=True, kw_only=True)
class PairedSeries:
    """One series of a duet: row i of `base` and of `candidate` are a pair that was measured in both arms.

    Throttled, shed and interrupted requests have left, with their partners. `latency_gap` says why the latencies of
    this series cannot carry a pass, None when they can; `pairs_gap` says why no question of it can.
    """

    series: str
    base: Samples
    candidate: Samples
    coverage: Coverage
    latency_gap: Reason | None
    limit_ns: float
    pairs_gap: Reason | None = None

    @cached_property
    def failed(self) -> tuple[Flags, Flags]:
        """Return which requests failed, timeouts included: base, candidate."""
        return with_status(self.base, Status.FAILED), with_status(self.candidate, Status.FAILED)

    def times(self, quantity: Quantity) -> PairedValues:
        """Return a response time (ns) of the pairs without failures other than timeouts.

        A timeout counts as the limit, and no time in either arm counts as more, so that censoring is the same for both.
        """
        kept = ~(_failed_otherwise(self.base) | _failed_otherwise(self.candidate))
        base, candidate = (self._censored(arm, quantity)[kept] for arm in self._arms)
        return _complete(base, candidate, self._second[kept])

    def _censored(self, arm: Samples, quantity: Quantity) -> Floats:
        values = column(arm, quantity)
        # The end of a timed-out request says when we gave up; its first token, where there was one, is a true time.
        unknown = _timed_out(arm) & (np.isnan(values) | (quantity is Quantity.LATENCY))
        capped: Floats = np.minimum(np.where(unknown, self.limit_ns, values), self.limit_ns)
        return capped

    def of_successes(self, quantity: Quantity) -> PairedValues:
        """Return a quantity of the pairs in which both requests succeeded and have it."""
        if quantity is Quantity.TPOT:
            return self._successes(*(tpot(arm, by_usage=self._counted_alike) for arm in self._arms))
        return self._successes(*(column(arm, quantity) for arm in self._arms))

    def at_equal_length(self) -> PairedValues:
        """Return the response time (ns) that each success would have had with the mean length of its pair.

        The tokens above or below that mean are taken out at the request's own pace, so that exchanging the members of a
        pair exchanges the two times: tests by sign flips stay exact. Only streamed answers of two tokens or more.
        """
        alike = self._counted_alike
        lengths = [streamed_tokens(arm, by_usage=alike) for arm in self._arms]
        middle = (lengths[0] + lengths[1]) / 2
        base, candidate = (
            column(arm, Quantity.LATENCY) - tpot(arm, by_usage=alike) * (length - middle)
            for arm, length in zip(self._arms, lengths, strict=True)
        )
        return self._successes(base, candidate)

    def cost_without_cache(self) -> PairedValues:
        """Return the cost (dollars) that each success would have had if nothing had come from the server's cache.

        What a cached token saves is read from the sums over each pair, so that exchanging the members of a pair
        exchanges the two costs. Which request finds the cache filled is a lottery that drowns other changes of a mean.
        """
        costs = [column(arm, Quantity.COST) for arm in self._arms]
        tokens = [[np.nan_to_num(arm.numbers[name]) for name in _PRICED] for arm in self._arms]
        known = self._good & ~np.isnan(costs[0] + costs[1])
        of_pair = [(base + candidate)[known] for base, candidate in zip(*tokens, strict=True)]
        saved = min(0.0, float(coefficients((costs[0] + costs[1])[known], of_pair)[_CACHED]))
        base, candidate = (cost - saved * counts[_CACHED] for cost, counts in zip(costs, tokens, strict=True))
        return self._successes(base, candidate)

    def presence(self, quantity: Quantity) -> tuple[Flags, Flags]:
        """Return which pairs of successes have this quantity at all: in the base, in the candidate."""
        good = self._good
        return ~np.isnan(column(self.base, quantity)[good]), ~np.isnan(column(self.candidate, quantity)[good])

    def _successes(self, base: Floats, candidate: Floats) -> PairedValues:
        good = self._good
        return _complete(base[good], candidate[good], self._second[good])

    @property
    def _arms(self) -> tuple[Samples, Samples]:
        return self.base, self.candidate

    @cached_property
    def first_token(self) -> PairedValues:
        """The times to first token (ns), see `times`."""
        return self.times(Quantity.TTFT)

    @cached_property
    def _good(self) -> Flags:
        return with_status(self.base, Status.OK) & with_status(self.candidate, Status.OK)

    @cached_property
    def _counted_alike(self) -> Flags:
        """Which pairs are counted by the server: where one member lacks usage, both are counted in chunks."""
        return counted_by_server(self.base) & counted_by_server(self.candidate)

    @cached_property
    def _second(self) -> Floats:
        return _second(self.base, self.candidate)

    def arms_with(self, quantity: Quantity) -> tuple[bool, bool]:
        """Return whether any success of the base, and of the candidate, has more than nothing of this quantity."""
        base, candidate = (bool((column(arm, quantity)[with_status(arm, Status.OK)] > 0).any()) for arm in self._arms)
        return base, candidate


def _complete(base: Floats, candidate: Floats, second: Floats) -> PairedValues:
    both = ~np.isnan(base) & ~np.isnan(candidate)
    return PairedValues(base=base[both], candidate=candidate[both], second=second[both])


def _timed_out(samples: Samples) -> Flags:
    found = np.zeros(len(samples), dtype=np.bool_)
    for error in _CENSORING:
        found |= samples.texts["error_class"].equals(error)
    return found & with_status(samples, Status.FAILED)


def _failed_otherwise(samples: Samples) -> Flags:
    return with_status(samples, Status.FAILED) & ~_timed_out(samples)


def pair_up(samples: Samples, *, limit_ns: float) -> tuple[PairedSeries, ...]:
    """Return the series of a duet in order of name; `limit_ns` is the request timeout at which latencies are cut."""
    counted = measured(samples)
    counted = counted.where(~np.isnan(counted.numbers["pair"]))
    names = sorted({str(name) for name in counted.texts["series"].strings()})
    return tuple(_series(name, counted.where(counted.texts["series"].equals(name)), limit_ns) for name in names)


def _series(name: str, rows: Samples, limit_ns: float) -> PairedSeries:
    base, candidate = (rows.where(rows.texts["arm"].equals(arm)) for arm in (Arm.BASE, Arm.CANDIDATE))
    return pair_rows(name, base, candidate, limit_ns=limit_ns)


def pair_rows(
    series: str,
    base: Samples,
    candidate: Samples,
    *,
    limit_ns: float,
    names: tuple[str, str] = ("the base", "the candidate"),
) -> PairedSeries:
    """Return the pairs that requests of two sides form by their pair numbers; `names` are what they are called."""
    planned = len(np.union1d(base.numbers["pair"], candidate.numbers["pair"]))
    base, candidate = _aligned(base, candidate)
    slowed = with_status(base, Status.THROTTLED), with_status(candidate, Status.THROTTLED)
    throttled = slowed[0] | slowed[1]
    shed = with_status(base, Status.SHED) | with_status(candidate, Status.SHED)
    lost = shed | _interrupted(base) | _interrupted(candidate)
    kept = ~(throttled | lost)
    base, candidate = base.where(kept), candidate.where(kept)
    otherwise = _failed_otherwise(base), _failed_otherwise(candidate)
    failed = otherwise[0] | otherwise[1]
    coverage = Coverage(
        series=series,
        pairs_planned=planned,
        pairs_used=int((~failed).sum()),
        excluded_throttled=int(throttled.sum()),
        excluded_failed=int(failed.sum() + (lost & ~throttled).sum()),
        censored=int(((_timed_out(base) | _timed_out(candidate)) & ~failed).sum()),
    )
    return PairedSeries(
        series=series,
        base=base,
        candidate=candidate,
        coverage=coverage,
        latency_gap=failure_gap(otherwise, names),
        limit_ns=limit_ns,
        pairs_gap=_throttled_gap(slowed, names) or _order_gap(base, candidate, names),
    )


def _throttled_gap(slowed: tuple[Flags, Flags], names: tuple[str, str]) -> Reason | None:
    """Say that one side was throttled more often than the other, so that the pairs that are left were chosen."""
    if not differ(*slowed):
        return None
    base, candidate = (float(flags.mean()) for flags in slowed)
    return because(Why.THROTTLED, **_shares(base, candidate, names))


def _shares(base: float, candidate: float, names: tuple[str, str]) -> dict[str, float | str]:
    """Return what happened to each side in percent, with the names that the sides go by."""
    return {"base": 100 * base, "candidate": 100 * candidate, "base_name": names[0], "candidate_name": names[1]}


def _order_gap(base: Samples, candidate: Samples, names: tuple[str, str]) -> Reason | None:
    """Say that the order within pairs was no chance, so that what a first request leaves behind is in the change."""
    second = _second(base, candidate)
    if not one_sided_order(second):
        return None
    return because(Why.SENT_SECOND, candidate_name=names[1], second=100 * float((second > 0).mean()))


NOTABLE_P = 0.01
"""What is merely remarked, or stands in the way of a pass, is noticed at this level."""


def differ(base: Flags, candidate: Flags) -> bool:
    """Whether something happened to one side more often than chance explains."""
    return len(base) > 0 and mcnemar(shares_of(base, candidate)).p_two_sided < NOTABLE_P


def shares_of(base: Flags, candidate: Flags) -> PairedShares:
    """Count in how many pairs something happened to one member only."""
    return PairedShares(
        pairs=len(base), only_base=int((base & ~candidate).sum()), only_candidate=int((candidate & ~base).sum())
    )


def _second(base: Samples, candidate: Samples) -> Floats:
    """Return +1 where the candidate was sent second, −1 where the base was, and 0 where nobody knows."""
    slots = candidate.numbers["slot"] - base.numbers["slot"]
    return np.where(np.isnan(slots), 0.0, np.sign(slots))


def _aligned(base: Samples, candidate: Samples) -> tuple[Samples, Samples]:
    """Return the base and the candidate rows of the pairs that have both, in the same order."""
    _, of_base, of_candidate = np.intersect1d(base.numbers["pair"], candidate.numbers["pair"], return_indices=True)
    return base.where(of_base), candidate.where(of_candidate)


def _interrupted(samples: Samples) -> Flags:
    return samples.texts["error_class"].equals(ErrorClass.INTERRUPTED)


def failure_gap(failed: Sequence[Flags], names: tuple[str, str]) -> Reason | None:
    """Say why failures leave too little to pass the latencies of two sides, None when they do not."""
    if any(len(flags) == 0 for flags in failed):
        return None
    base, candidate = (float(flags.mean()) for flags in failed)
    shares = _shares(base, candidate, names)
    if max(base, candidate) > MOST_FAILURES:
        return because(Why.MANY_FAILED, **shares, most=100 * MOST_FAILURES)
    if abs(candidate - base) > MOST_FAILURE_DIFFERENCE:
        return because(Why.FAILED_UNLIKE, **shares, limit=100 * MOST_FAILURE_DIFFERENCE, unit="points")
    return None
