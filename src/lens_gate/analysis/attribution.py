"""Where a change in total latency comes from: the first token, its cache, the pace, the length of answers, the prompts.

The total of a streamed answer is the time to its first token, plus so many steps to the next token at its own pace,
plus what follows the last token. Each difference is split exactly, so the parts add up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypedDict

import numpy as np
from numpy.typing import NDArray

from lens_gate.analysis.pairing import PairedSeries
from lens_gate.analysis.quantities import (
    NS_PER_MS,
    Flags,
    Floats,
    column,
    counted_by_server,
    streamed_tokens,
    tpot,
    with_status,
)
from lens_gate.analysis.stored import StoredSeries
from lens_gate.artifacts.analysis import Attribution, Effect, EqualCache, Part
from lens_gate.artifacts.samples import Samples, TextColumn
from lens_gate.stats.decomposition import common_slope, logarithmic_mean, product_parts
from lens_gate.stats.pairs import TypicalDifference, mean_shift, signed_rank
from lens_gate.vocabulary.causes import Cause
from lens_gate.vocabulary.metrics import Quantity
from lens_gate.vocabulary.requests import Status

CONFIDENCE = 0.95
_TAIL = (1 - CONFIDENCE) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    """The times (ms) of requests, by row: `total` = `first_token` + `steps` × `pace` + `rest`; the cached share."""

    total: Floats
    first_token: Floats
    steps: Floats
    pace: Floats
    cached: Floats

    @classmethod
    def of(cls, samples: Samples, *, by_usage: Flags) -> Self:
        """Read the times; NaN where a request was not streamed."""
        return cls(
            total=column(samples, Quantity.LATENCY) / NS_PER_MS,
            first_token=column(samples, Quantity.TTFT) / NS_PER_MS,
            steps=streamed_tokens(samples, by_usage=by_usage) - 1,
            pace=tpot(samples, by_usage=by_usage) / NS_PER_MS,
            cached=column(samples, Quantity.CACHED_SHARE),
        )

    @property
    def streamed(self) -> Flags:
        """Which requests have all times; one whose first token came at once has no logarithm to speak of."""
        return np.isfinite(self.total) & np.isfinite(self.pace) & (self.first_token > 0)

    @property
    def rest(self) -> Floats:
        """What follows the last token."""
        return self.total - self.first_token - self.steps * self.pace

    def where(self, kept: Flags) -> Self:
        """Return some of the rows."""
        return type(self)(
            total=self.total[kept],
            first_token=self.first_token[kept],
            steps=self.steps[kept],
            pace=self.pace[kept],
            cached=self.cached[kept],
        )


def attributed_duet(series: Sequence[PairedSeries]) -> tuple[Attribution, ...]:
    """Attribute the change of each series that has a streamed pair."""
    return tuple(found for one in series if (found := _of_pairs(one)) is not None)


def _of_pairs(series: PairedSeries) -> Attribution | None:
    alike = counted_by_server(series.base) & counted_by_server(series.candidate)
    base, candidate = (_Times.of(arm, by_usage=alike) for arm in (series.base, series.candidate))
    good = with_status(series.base, Status.OK) & with_status(series.candidate, Status.OK)
    kept = good & base.streamed & candidate.streamed
    if not kept.any():
        return None
    prompts = series.base.texts["prompt_id"].codes[kept]
    base, candidate = base.where(kept), candidate.where(kept)
    slope = _slope(base, candidate, prompts)
    parts, base_ms = _paired_parts(base, candidate, slope), float(base.total.mean())
    return Attribution(
        series=series.series,
        pairs=int(kept.sum()),
        base_ms=base_ms,
        confidence=CONFIDENCE,
        parts=tuple(_part(cause, base_ms, _bounded(differences)) for cause, differences in parts.items()),
        ttft_at_equal_cache=None if slope is None else _equal_cache(base, candidate, slope),
        **_bounded(candidate.total - base.total),
    )


class _Bounded(TypedDict):
    """A change in the mean with its bounds, as `Part` and `Attribution` hold it."""

    change_ms: float
    lower_ms: float | None
    upper_ms: float | None


def _bounded(differences: Floats) -> _Bounded:
    shift = mean_shift(differences)
    bounds = shift.bounds(tail=_TAIL)
    return {"change_ms": shift.estimate, "lower_ms": bounds.lower, "upper_ms": bounds.upper}


def _unbounded(change_ms: float) -> _Bounded:
    return {"change_ms": change_ms, "lower_ms": None, "upper_ms": None}


def _part(cause: Cause, base_ms: float, bounded: _Bounded) -> Part:
    return Part(cause=cause, percent=100 * bounded["change_ms"] / base_ms, **bounded)


def _paired_parts(base: _Times, candidate: _Times, slope: float | None) -> Mapping[Cause, Floats]:
    """Split the difference in each pair (ms) into its causes."""
    first_token = candidate.first_token - base.first_token
    length, pace = product_parts((base.steps, candidate.steps), (base.pace, candidate.pace))
    after = {Cause.PACE: pace, Cause.LENGTH: length, Cause.REST: candidate.rest - base.rest}
    if slope is None:
        return {Cause.FIRST_TOKEN: first_token, **after}
    by_cache = logarithmic_mean(base.first_token, candidate.first_token) * slope * _more_cached(base, candidate)
    return {Cause.CACHE: by_cache, Cause.FIRST_TOKEN: first_token - by_cache, **after}


def _more_cached(base: _Times, candidate: _Times) -> Floats:
    """Return the difference in cached shares; none where a server did not report both."""
    return np.nan_to_num(candidate.cached - base.cached)


def _slope(base: _Times, candidate: _Times, prompts: NDArray[np.int32]) -> float | None:
    """Return by how much the logarithm of the first token rises with the cached share; None where nobody can tell.

    The sums over each pair tell it, so that no pair has to know which of its members is the base. Repeated prompts are
    compared with themselves: a long prompt may be both slower and better cached than a short one.
    """
    known = np.isfinite(base.cached) & np.isfinite(candidate.cached)
    if not _more_cached(base, candidate).any():
        return None
    times = (np.log(base.first_token) + np.log(candidate.first_token))[known]
    cached = (base.cached + candidate.cached)[known]
    _, groups = np.unique(prompts[known], return_inverse=True)
    within = common_slope(times, cached, groups)
    return common_slope(times, cached, np.zeros_like(groups)) if within is None else within


def _equal_cache(base: _Times, candidate: _Times, slope: float) -> EqualCache:
    """Compare first tokens after what goes with the cached share is taken out; a signed-rank test that stays exact."""
    known = np.isfinite(base.cached) & np.isfinite(candidate.cached)
    logs = (np.log(candidate.first_token / base.first_token) - slope * _more_cached(base, candidate))[known]
    typical = TypicalDifference(logs)
    bounds = typical.bounds(tail=_TAIL)
    return EqualCache(
        effect=Effect(
            unit="%",
            estimate=100 * math.expm1(typical.estimate),
            lower=None if bounds.lower is None else 100 * math.expm1(bounds.lower),
            upper=None if bounds.upper is None else 100 * math.expm1(bounds.upper),
            upper_pass=None,
            confidence=CONFIDENCE,
        ),
        p_value=signed_rank(logs).p_two_sided,
    )


def attributed_stored(series: Sequence[StoredSeries]) -> tuple[Attribution, ...]:
    """Attribute the change of each series against a stored run, prompt by prompt; the day is in it, so no bounds."""
    return tuple(found for one in series if (found := _of_runs(one)) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Means:
    """One side by prompt: its share of the requests, and the means of its times (ms); `pace` is that of all tokens."""

    share: Floats
    first_token: Floats
    steps: Floats
    pace: Floats
    rest: Floats

    @classmethod
    def of(cls, times: _Times, prompts: NDArray[np.intp], count: int) -> Self:
        """Average by prompt, numbered from 0; NaN where a prompt was not sent."""
        sent = np.bincount(prompts, minlength=count)

        def mean(values: Floats) -> Floats:
            sums = np.bincount(prompts, weights=values, minlength=count)
            return np.where(sent > 0, sums / np.maximum(sent, 1), np.nan)

        steps = mean(times.steps)
        return cls(
            share=sent / len(prompts),
            first_token=mean(times.first_token),
            steps=steps,
            pace=mean(times.steps * times.pace) / steps,
            rest=mean(times.rest),
        )

    @property
    def total(self) -> Floats:
        return self.first_token + self.steps * self.pace + self.rest

    def filled_from(self, other: _Means) -> Self:
        """Return the same with the other side's times for prompts that only that side sent."""
        absent = self.share == 0
        return type(self)(
            share=self.share,
            first_token=np.where(absent, other.first_token, self.first_token),
            steps=np.where(absent, other.steps, self.steps),
            pace=np.where(absent, other.pace, self.pace),
            rest=np.where(absent, other.rest, self.rest),
        )


def _of_runs(series: StoredSeries) -> Attribution | None:
    base_times, base_prompts = _streamed(series.base_samples)
    times, prompts = _streamed(series.candidate_samples)
    if not (len(base_times.total) and len(times.total)):
        return None
    names, numbers = np.unique(TextColumn.concatenate([base_prompts, prompts]).codes, return_inverse=True)
    base = _Means.of(base_times, numbers[: len(base_times.total)], len(names))
    candidate = _Means.of(times, numbers[len(base_times.total) :], len(names))
    parts = _prompt_parts(base.filled_from(candidate), candidate.filled_from(base))
    base_ms = float(base_times.total.mean())
    return Attribution(
        series=series.series,
        pairs=len(times.total),
        base_ms=base_ms,
        confidence=CONFIDENCE,
        parts=tuple(_part(cause, base_ms, _unbounded(float(part.sum()))) for cause, part in parts.items()),
        **_unbounded(float(times.total.mean()) - base_ms),
    )


def _streamed(samples: Samples) -> tuple[_Times, TextColumn]:
    """Return the times and the prompts of the successes that were streamed."""
    times = _Times.of(samples, by_usage=counted_by_server(samples))
    kept = with_status(samples, Status.OK) & times.streamed
    return times.where(kept), samples.where(kept).texts["prompt_id"]


def _prompt_parts(base: _Means, candidate: _Means) -> Mapping[Cause, Floats]:
    """Split the difference of means (ms), prompt by prompt: other prompts, and what has changed within each."""
    _, mix = product_parts((base.total, candidate.total), (base.share, candidate.share))
    weight = (base.share + candidate.share) / 2
    length, pace = product_parts((base.steps, candidate.steps), (base.pace, candidate.pace))
    return {
        Cause.FIRST_TOKEN: weight * (candidate.first_token - base.first_token),
        Cause.PACE: weight * pace,
        Cause.LENGTH: weight * length,
        Cause.REST: weight * (candidate.rest - base.rest),
        Cause.PROMPT_MIX: mix,
    }
