from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.stats.sketch import encode, mean, merge, quantile, stddev

GAPS = st.lists(st.integers(0, 10**11), min_size=1, max_size=60)


@given(GAPS, st.floats(0, 1))
def test_a_quantile_is_off_by_at_most_five_percent(gaps: list[int], probability: float) -> None:
    true = float(np.quantile(gaps, probability, method="inverted_cdf"))

    assert quantile(merge([encode(gaps)]), probability) == pytest.approx(true, rel=0.05, abs=0)


@given(GAPS)
def test_the_mean_is_off_by_at_most_five_percent(gaps: list[int]) -> None:
    assert mean(merge([encode(gaps)])) == pytest.approx(float(np.mean(gaps)), rel=0.05, abs=0)


@given(GAPS, GAPS)
def test_merging_sketches_is_sketching_all_gaps(first: list[int], second: list[int]) -> None:
    assert merge([encode(first), encode(second)]) == merge([encode(first + second)])


def test_a_sketch_is_a_short_sorted_text() -> None:
    assert encode([0, 0, 1, 20_000_000, 20_000_001]) == "0:2 1:1 177:2"
    assert encode([]) == ""


def test_the_spread_is_that_of_the_gaps() -> None:
    gaps = np.random.default_rng(1).lognormal(16, 0.5, 4000).astype(int).tolist()

    assert stddev(merge([encode(gaps)])) == pytest.approx(float(np.std(gaps)), rel=0.1)


def test_a_negative_gap_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        encode([5, -1])


@pytest.mark.parametrize("text", ["nonsense", "1:", "1:2:3", "a:1"])
def test_text_that_is_no_sketch_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        merge([text])


def test_nothing_has_no_quantile_and_no_mean() -> None:
    with pytest.raises(ValueError, match="at least one gap"):
        quantile({}, 0.5)
    with pytest.raises(ValueError, match="at least one gap"):
        mean({})


def test_a_gap_beyond_the_last_bucket_is_counted_in_one_of_its_own() -> None:
    assert encode([2**70, 2**80]) == "467:2"
