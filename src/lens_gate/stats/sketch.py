"""Gaps between chunks as counts in logarithmic buckets: small enough to keep for every request, and mergeable.

Bucket `b` holds the gaps in (GAMMA^(b−1), GAMMA^b] nanoseconds, bucket 0 those of zero, so that a quantile read from
the counts is off by at most (GAMMA − 1) / (GAMMA + 1), 4.8 % of its value (Masson, Rim and Lee, "DDSketch", VLDB 2019).
As text a sketch is `bucket:count` pairs in ascending order, separated by spaces; no gaps are the empty string.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

GAMMA = 1.1
_LARGEST_BUCKET = 466  # ends beyond 2^64 nanoseconds
_ENDS = (0.0, *(GAMMA**bucket for bucket in range(1, _LARGEST_BUCKET + 1)), math.inf)


def encode(gaps_ns: Sequence[int]) -> str:
    """Return the sketch of gaps in nanoseconds; a negative gap raises ValueError."""
    ascending = sorted(gaps_ns)
    if ascending and ascending[0] < 0:
        msg = "a gap cannot be negative"
        raise ValueError(msg)
    pairs, start = [], 0
    # Gaps of a stream fall into few buckets, so that most need not be looked up one by one.
    while start < len(ascending):
        bucket = bisect_left(_ENDS, ascending[start])
        end = bisect_right(ascending, _ENDS[bucket], start)
        pairs.append(f"{bucket}:{end - start}")
        start = end
    return " ".join(pairs)


def merge(sketches: Iterable[str]) -> Mapping[int, int]:
    """Return the summed counts by bucket; text that is no sketch raises ValueError."""
    merged: Counter[int] = Counter()
    for sketch, times in Counter(sketches).items():
        for pair in sketch.split():
            bucket, _, count = pair.partition(":")
            merged[int(bucket)] += int(count) * times
    return merged


def quantile(merged: Mapping[int, int], probability: float) -> float:
    """Return the gap in nanoseconds at or below which a share of `probability` lies (inverse of the empirical CDF)."""
    total = sum(merged.values())
    if total == 0 or not 0 <= probability <= 1:
        msg = "a quantile needs at least one gap and a probability between 0 and 1"
        raise ValueError(msg)
    rank = max(1, math.ceil(probability * total))
    buckets = sorted(merged)
    reached = accumulate(merged[bucket] for bucket in buckets)
    return _middle(next(bucket for bucket, seen in zip(buckets, reached, strict=True) if seen >= rank))


def mean(merged: Mapping[int, int]) -> float:
    """Return the mean gap in nanoseconds."""
    total = sum(merged.values())
    if total == 0:
        msg = "a mean needs at least one gap"
        raise ValueError(msg)
    return sum(_middle(bucket) * count for bucket, count in merged.items()) / total


def stddev(merged: Mapping[int, int]) -> float:
    """Return the standard deviation of the gaps in nanoseconds (of the whole population)."""
    centre = mean(merged)
    squares = sum((_middle(bucket) - centre) ** 2 * count for bucket, count in merged.items())
    return math.sqrt(squares / sum(merged.values()))


def _middle(bucket: int) -> float:
    """Return the value with the same relative distance to both ends of a bucket."""
    return 2 * GAMMA**bucket / (GAMMA + 1) if bucket else 0.0
