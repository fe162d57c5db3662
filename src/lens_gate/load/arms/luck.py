"""Random numbers without end, drawn in blocks because a single draw costs as much as a hundred."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import numpy as np

_BLOCK = 256


def uniforms(rng: np.random.Generator) -> Iterator[float]:
    """Yield numbers in [0, 1)."""
    while True:
        yield from rng.random(_BLOCK).tolist()


def integers(below: int, rng: np.random.Generator) -> Iterator[int]:
    """Yield whole numbers from 0 to `below` − 1, all equally likely."""
    if below == 1:
        yield from repeat(0)
    while True:
        yield from rng.integers(below, size=_BLOCK).tolist()


def permutations(size: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """Yield the numbers from 0 to `size` − 1 in random order, all orders being equally likely."""
    if size == 1:
        yield from repeat([0])
    ordered = np.tile(np.arange(size), (_BLOCK, 1))
    while True:
        yield from rng.permuted(ordered, axis=1).tolist()
