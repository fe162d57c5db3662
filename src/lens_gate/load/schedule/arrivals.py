"""When requests are sent: offsets from the start of the run in nanoseconds, as absolute deadlines.

Each offset is computed from the start and not from the send before it, so that a late send delays no other and the
rate cannot drift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import count, islice, takewhile

import numpy as np
from numpy.typing import NDArray

NS_PER_S = 1_000_000_000
_BLOCK = 512


class Arrival(StrEnum):
    """How requests arrive: open loops at a rate, or as a log says, or a closed loop whose answers pull the next one."""

    FIXED = "fixed"
    POISSON = "poisson"
    RANDOM = "random"
    GAMMA = "gamma"
    BURST = "burst"
    CLOSED = "closed"
    USERS = "users"
    REPLAY = "replay"


def fixed(rate: float) -> Iterator[int]:
    """Yield evenly spaced offsets, the first at 0; `rate` is per second."""
    return (round(index * NS_PER_S / rate) for index in count())


def poisson(rate: float, rng: np.random.Generator) -> Iterator[int]:
    """Yield the offsets of a Poisson process: independent exponential gaps with a mean of 1 / `rate` seconds."""
    return _cumulated(lambda: rng.exponential(1 / rate, _BLOCK))


def uniform(rate: float, rng: np.random.Generator) -> Iterator[int]:
    """Yield offsets whose gaps are uniform in [0, 2 / `rate`) seconds, so that their mean is 1 / `rate`."""
    return _cumulated(lambda: rng.uniform(0, 2 / rate, _BLOCK))


def gamma(rate: float, burstiness: float, rng: np.random.Generator) -> Iterator[int]:
    """Yield offsets with gaps of a gamma distribution of shape `burstiness` and a mean of 1 / `rate` seconds.

    The squared coefficient of variation of the gaps is 1 / `burstiness`: 1 is a Poisson process, less comes in flocks,
    more is nearly even. vLLM's load generator has the same parameter under the same name.
    """
    return _cumulated(lambda: rng.gamma(burstiness, 1 / (rate * burstiness), _BLOCK))


def bursts(rate: float, size: int) -> Iterator[int]:
    """Yield groups of `size` equal offsets, evenly spaced, the first at 0, so that the mean rate is `rate`."""
    return (round(index // size * size * NS_PER_S / rate) for index in count())


def bounded(offsets: Iterator[int], *, duration_s: float | None, requests: int | None) -> Iterator[int]:
    """Cut `offsets` before `duration_s` and after `requests` of them, whichever comes first; None is no bound."""
    within = offsets if duration_s is None else takewhile(lambda offset: offset < duration_s * NS_PER_S, offsets)
    return islice(within, requests)


def _cumulated(draw_gaps: Callable[[], NDArray[np.float64]]) -> Iterator[int]:
    """Sum gaps in seconds, drawn in blocks because a single draw costs as much as a hundred."""
    now_s = 0.0
    while True:
        offsets_s = now_s + np.cumsum(draw_gaps())
        now_s = float(offsets_s[-1])
        yield from np.rint(offsets_s * NS_PER_S).astype(np.int64).tolist()
