from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from lens_gate.stats.walsh import WalshAverages

Floats = NDArray[np.float64]


def all_means(values: Floats) -> Floats:
    rows, columns = np.triu_indices(len(values))
    ordered = np.sort(values)
    return np.sort(ordered[rows] + ordered[columns]) / 2


@pytest.mark.parametrize("kind", ["normal", "heavy", "tied", "equal", "two"])
@pytest.mark.parametrize("count", [1, 2, 7, 180, 181, 400, 1200])
def test_every_rank_is_that_of_the_sorted_means(kind: str, count: int) -> None:
    rng = np.random.default_rng(count)
    values = {
        "normal": rng.normal(size=count),
        "heavy": rng.standard_cauchy(count),
        "tied": rng.integers(0, 4, count) * 0.1,
        "equal": np.full(count, 0.3),
        "two": rng.choice([-1e6, 1e-6], count),
    }[kind]
    finest = 2.0**-58 * float(np.abs(values).max())
    means, expected = WalshAverages(values), all_means(values)
    ranks = {
        1,
        2,
        len(expected) // 2,
        len(expected) - 1,
        len(expected),
        *rng.integers(1, len(expected) + 1, 8).tolist(),
    }

    assert len(means) == len(expected)
    for rank in ranks & set(range(1, len(expected) + 1)):
        assert means.ranked(rank) == pytest.approx(expected[rank - 1], rel=1e-15, abs=finest)
    assert means.median() == pytest.approx(float(np.median(expected)))


def test_a_search_never_holds_all_sums() -> None:
    values = np.random.default_rng(2).normal(size=20_000)

    tracemalloc.start()
    WalshAverages(values).median()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # All of them are 200 million, 1.6 GB.
    assert peak < 50e6
