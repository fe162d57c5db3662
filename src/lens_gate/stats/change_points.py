"""Shifts in the level of a series that grows run by run.

After every run the last k runs are held against all runs before them, for each k from 3 to 15. Values become scores:
distances from the median in robust standard deviations, clipped (Huber, "Robust Statistics", 1981), so that no single
run weighs much. If all runs were exchangeable, any k of them could have come last: the sum of the last k scores then
has the mean, variance and skewness of a sample without replacement, whatever the noise is like. Standardized by these
it raises as few false alarms under heavy or skewed tails as under normal ones. The limits were chosen by simulation
(`benchmarks/decisions/trend.py`).

What is found after a run depends on the runs up to it only: a history that is read again tells the same story.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from lens_gate.stats.noise import neighbour_correlation, robust_deviation
from lens_gate.stats.regime import CLIP, GrowingRegime, Moments, clipped

Floats = NDArray[np.float64]

FEWEST_BEFORE = 8
FEWEST_AFTER = 3
MOST_AFTER = 15
FEWEST_RUNS = FEWEST_BEFORE + FEWEST_AFTER
"""In a shorter series no shift can be told from chance."""

NEAR = 3
"""Two alarms of one direction that name places at most so many runs apart are about the same shift."""

_LENGTHS = tuple(range(FEWEST_AFTER, MOST_AFTER + 1))
_LIMITS = tuple(min(2.57 + 0.08 * (length - FEWEST_AFTER), 2.97) for length in _LENGTHS)
"""What |z| must reach for each length: less for the shortest, which are what is new after a run."""

_CERTAIN = 4.0
"""A shift with this |z| that has become long enough to be compared with begins a new regime."""

_FADED = 2.0
"""An alarm stands until |z| at its place falls below this: it must not come and go with each run."""

_SURELY = 1e-6
"""What two ways to add up the same scores may differ by, and much more."""

_MOST_CORRELATION = 0.8
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Alarm:
    """A shift when it was first seen: after run `run`, the level had changed from run `index` on (both from 0)."""

    run: int
    index: int
    rises: bool


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift as all runs together see it: a new level from run `index` on, first seen after run `found`.

    A shift that is `certain` has begun a new regime; another may still fade.
    """

    index: int
    found: int
    rises: bool
    certain: bool


@dataclass(frozen=True, slots=True)
class ChangePoints:
    """Every alarm that a check after each run would have raised, and the shifts that stand after the last run."""

    alarms: tuple[Alarm, ...]
    shifts: tuple[Shift, ...]


@dataclass(slots=True)
class _Story:
    """What is told of one shift while the series is read: `places` are all runs that it was ever said to begin at."""

    found: int
    rises: bool
    places: list[int]
    certain: bool = False

    def is_about(self, index: int, *, rises: bool) -> bool:
        return self.rises is rises and any(abs(index - place) <= NEAR for place in self.places)


def change_points(values: Sequence[float] | Floats) -> ChangePoints:
    """Return what a check after each run would have found; a shorter series than FEWEST_RUNS has nothing to find.

    Raises ValueError for values that are not finite. Takes O(n) time where nothing shifts, and O(n log n) more for each
    run after which something might have, or where most values are one.
    """
    series = np.asarray(values, dtype=np.float64)
    if not np.isfinite(series).all():
        msg = "change points need finite values"
        raise ValueError(msg)
    stories: list[_Story] = []
    start, grown = 0, GrowingRegime(series[: FEWEST_RUNS - 1])
    for run in range(FEWEST_RUNS - 1, len(series)):
        grown.add(float(series[run]))
        length, z = _strongest(series[start : run + 1], grown)
        if length == 0:
            continue
        index = run + 1 - length
        story = _told(stories, index, run, rises=z > 0)
        if length >= FEWEST_BEFORE and abs(z) >= _CERTAIN:
            story.certain, start = True, index
            grown = GrowingRegime(series[start : run + 1])
    return ChangePoints(
        alarms=tuple(Alarm(story.found, story.places[0], story.rises) for story in stories),
        shifts=tuple(sorted(_standing(series, stories, start), key=lambda shift: shift.index)),
    )


def _told(stories: list[_Story], index: int, run: int, *, rises: bool) -> _Story:
    """Return the story that a signal belongs to, a new one where it is news."""
    story = next((one for one in stories if one.is_about(index, rises=rises)), None)
    if story is None:
        story = _Story(run, rises, [])
        stories.append(story)
    story.places.append(index)
    return story


def _standing(series: Floats, stories: Sequence[_Story], start: int) -> Iterator[Shift]:
    regime = series[start:]
    for story in stories:
        index = story.places[-1]
        if story.certain or _holds(regime, index - start, rises=story.rises):
            yield Shift(index, story.found, story.rises, story.certain)


def _holds(regime: Floats, before: int, *, rises: bool) -> bool:
    """Whether the level still is another one after the first `before` runs of a regime."""
    if before < FEWEST_BEFORE:
        return False
    (z,) = z_scores(regime, [len(regime) - before])
    return bool((z if rises else -z) >= _FADED)


def _strongest(regime: Floats, grown: GrowingRegime) -> tuple[int, float]:
    """Return length and z of the last runs that differ most from those before, (0, 0) where none reaches its limit.

    `grown` knows the regime: nearly always it says at once that none does.
    """
    lengths = _LENGTHS[: max(0, len(regime) - FEWEST_RUNS + 1)]
    if not lengths or grown.constant:
        return 0, 0.0
    limits = _LIMITS[: len(lengths)]
    centre, deviation = grown.median, grown.deviation
    moments = grown.moments(centre, deviation)
    if moments is not None and _quiet(clipped(_newest(regime, lengths), centre, deviation), moments, lengths, limits):
        return 0, 0.0
    z = _z(_scores(regime, centre, deviation), lengths)
    excess = [abs(one) - limit for one, limit in zip(z, limits, strict=True)]
    best = excess.index(max(excess))
    return (lengths[best], z[best]) if excess[best] >= 0 else (0, 0.0)


def _newest(regime: Floats, lengths: Sequence[int]) -> list[float]:
    """Return as many of the last values as the largest length, the newest first."""
    newest: list[float] = regime[: -lengths[-1] - 1 : -1].tolist()
    return newest


def _quiet(newest: Sequence[float], moments: Moments, lengths: Sequence[int], limits: Sequence[float]) -> bool:
    """Whether no length reaches its limit, beyond what rounding could change, even if neighbours were not alike."""
    z = _standardized(newest, moments, lengths)
    return all(abs(one) < limit - _SURELY for one, limit in zip(z, limits, strict=True))


def z_scores(regime: Floats, lengths: Sequence[int]) -> list[float]:
    """Return for each length k (rising) how far the last k runs lie above those before them, as a normal z."""
    known = GrowingRegime(regime)
    return _z(_scores(regime, known.median, known.deviation), lengths)


def _z(scores: Floats, lengths: Sequence[int]) -> list[float]:
    return _doubted(_standardized(_newest(scores, lengths), _moments(scores), lengths), scores, lengths)


def _scores(regime: Floats, centre: float, deviation: float) -> Floats:
    distances = regime - centre
    with np.errstate(over="ignore"):
        # What is beyond all numbers is beyond the clip.
        return np.minimum(np.maximum(distances / (deviation or robust_deviation(distances) or 1.0), -CLIP), CLIP)


def _moments(scores: Floats) -> Moments:
    mean = float(scores.mean())
    centred = scores - mean
    squares = centred * centred
    count = len(scores)
    return Moments(count, mean, float(squares.sum()) / count, float(squares @ centred) / count)


def _standardized(newest: Sequence[float], moments: Moments, lengths: Sequence[int]) -> list[float]:
    """Return the sums of the last scores, of which the newest comes first, as normal z: as if runs were exchangeable.

    Variance and skewness are those of a sum of k values drawn without replacement (Cochran, "Sampling Techniques",
    1977); the skewness is taken out by Wilson and Hilferty's cube root (PNAS 17, 1931) for Pearson's type III.
    """
    count, variance = moments.count, moments.variance
    if variance < _ROUNDING:
        return [0.0] * len(lengths)
    sums = list(accumulate(score - moments.mean for score in newest))
    scale = math.sqrt((count - 1) / variance)
    skewed = moments.third / variance**1.5 * math.sqrt(count - 1) / (count - 2)
    return [_unskewed(sums[k - 1] * scale, skewed, (k, count - k)) for k in lengths]


def _unskewed(total: float, skewed: float, sizes: tuple[int, int]) -> float:
    last, rest = sizes
    spread = math.sqrt(last * rest)
    # Half of the values drawn are not skewed at all; a hair of skewness spares the limit of 0 / 0.
    skewness = skewed * (rest - last) / spread + _ROUNDING
    return (math.cbrt(1 + skewness * total / spread / 2) - 1) * 6 / skewness + skewness / 6


def _doubted(z: Sequence[float], scores: Floats, lengths: Sequence[int]) -> list[float]:
    """Return z made smaller where neighbouring runs are alike, and 0 where too few runs lie beyond the median.

    Fewer than FEWEST_AFTER are outliers, and no level.
    """
    newest, wider = scores[: -lengths[-1] - 1 : -1], _spread_of_correlated(scores)
    above, below = np.cumsum(newest > 0), np.cumsum(newest < 0)
    beyond = ((above if one > 0 else below)[k - 1] for one, k in zip(z, lengths, strict=True))
    return [one / wider if many >= FEWEST_AFTER else 0.0 for one, many in zip(z, beyond, strict=True)]


def _spread_of_correlated(scores: Floats) -> float:
    """Return how much wider sums spread where neighbouring runs are alike, 1 where that may well be chance.

    The correlation is that of the runs before the last MOST_AFTER, less one standard error; the factor is that of a
    long sum in an autoregressive series.
    """
    settled = scores[:-MOST_AFTER]
    if len(settled) < MOST_AFTER:
        return 1.0
    correlation = neighbour_correlation(settled) - 1 / math.sqrt(len(settled))
    kept = min(max(correlation, 0.0), _MOST_CORRELATION)
    return math.sqrt((1 + kept) / (1 - kept))
