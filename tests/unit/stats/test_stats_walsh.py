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


@pytest.mark.parametrize("kind", ["normal", "heavy", "tied", "equal", "two", "tied beside one far away"])
@pytest.mark.parametrize("count", [1, 2, 7, 180, 181, 400, 1200])
def test_every_rank_is_that_of_the_sorted_means(kind: str, count: int) -> None:
    rng = np.random.default_rng(count)
    values = {
        "normal": rng.normal(size=count),
        "heavy": rng.standard_cauchy(count),
        "tied": rng.integers(0, 4, count) * 0.1,
        "equal": np.full(count, 0.3),
        "two": rng.choice([-1e6, 1e-6], count),
        "tied beside one far away": np.append(rng.integers(0, 12, count - 1) * 1e-6, 1e9),
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
    assert means.median() == pytest.approx(float(np.median(expected)), rel=1e-15, abs=finest)


def test_a_search_never_holds_all_sums() -> None:
    values = np.random.default_rng(2).normal(size=20_000)

    tracemalloc.start()
    WalshAverages(values).median()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # All of them are 200 million, 1.6 GB.
    assert peak < 50e6


def test_ties_of_many_kinds_beside_one_far_away_are_told_apart() -> None:
    """Halving the way to the far one does not get near the others, so that sums which occur must be guessed."""
    values = np.append(np.random.default_rng(4).integers(0, 40, 1199) * 1e-6, 1e9)
    means, expected = WalshAverages(values), all_means(values)

    for rank in range(1, len(expected), 9973):
        assert means.ranked(rank) == pytest.approx(expected[rank - 1], rel=1e-15, abs=1e-8)
