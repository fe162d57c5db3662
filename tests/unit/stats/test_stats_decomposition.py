from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.stats.decomposition import coefficients, common_slope, logarithmic_mean, product_parts

amounts = st.floats(-1e6, 1e6)
positive = st.floats(1e-3, 1e6)


def row(*values: float) -> Any:
    return np.array(values, dtype=np.float64)


@given(a=amounts, b=amounts, c=amounts, d=amounts)
def test_the_parts_of_a_product_add_up_and_turn_with_the_sides(a: float, b: float, c: float, d: float) -> None:
    first, second = product_parts((row(a), row(b)), (row(c), row(d)))
    turned = product_parts((row(b), row(a)), (row(d), row(c)))

    assert (first + second).item() == pytest.approx(b * d - a * c, rel=1e-9, abs=1e-3)
    assert (turned[0].item(), turned[1].item()) == (-first.item(), -second.item())


def test_a_factor_that_stays_has_no_part() -> None:
    length, pace = product_parts((row(100), row(120)), (row(20), row(20)))

    assert (length.item(), pace.item()) == (400, 0)


@given(before=positive, after=positive)
def test_a_logarithmic_mean_turns_a_log_ratio_into_the_difference(before: float, after: float) -> None:
    mean = logarithmic_mean(row(before), row(after)).item()

    assert mean * math.log(after / before) == pytest.approx(after - before, rel=1e-6, abs=1e-9 * before)
    assert min(before, after) * (1 - 1e-9) <= mean <= max(before, after) * (1 + 1e-9)
    assert mean == pytest.approx(logarithmic_mean(row(after), row(before)).item())


def test_a_logarithmic_mean_is_one_of_positive_numbers() -> None:
    assert logarithmic_mean(row(5, 2), row(5, 8)).tolist() == pytest.approx([5, 6 / math.log(4)])
    for before, after in ((0.0, 1.0), (1.0, -1.0)):
        with pytest.raises(ValueError, match="positive"):
            logarithmic_mean(row(before), row(after))


def test_a_slope_within_one_group_is_that_of_least_squares() -> None:
    rng = np.random.default_rng(1)
    cause = rng.random(50)
    outcome = 2 - 3 * cause + rng.normal(0, 0.1, 50)

    assert common_slope(outcome, cause, np.zeros(50, dtype=np.int64)) == pytest.approx(np.polyfit(cause, outcome, 1)[0])


def test_a_slope_within_groups_does_not_see_how_groups_differ() -> None:
    groups = np.repeat([0, 1], 40)
    cause = groups + np.tile([0.0, 0.5], 40)
    outcome = 10.0 * groups - np.tile([0.0, 1.0], 40)

    assert common_slope(outcome, cause, groups) == pytest.approx(-2)
    assert (common_slope(outcome, cause, np.zeros(80, dtype=np.int64)) or 0) > 0


def test_there_is_no_slope_on_what_never_differs() -> None:
    groups = np.repeat([0, 1], 3)

    assert common_slope(np.arange(6.0), np.repeat([0.8, 0.0], 3), groups) is None
    assert common_slope(row(), row(), np.zeros(0, dtype=np.int64)) is None


@pytest.mark.parametrize(("outcome", "cause"), [(row(1, np.nan), row(1, 2)), (row(1, 2), row(1, 2, 3))])
def test_a_slope_refuses_what_is_missing(outcome: Any, cause: Any) -> None:
    with pytest.raises(ValueError, match="finite"):
        common_slope(outcome, cause, np.zeros(2, dtype=np.int64))


def test_coefficients_are_those_that_make_up_the_outcome() -> None:
    rng = np.random.default_rng(8)
    causes = [rng.integers(1, 1000, 50).astype(np.float64) for _ in range(3)]
    outcome = 1e-6 * causes[0] + 4e-6 * causes[1] - 0.75e-6 * causes[2]

    assert coefficients(outcome, causes) == pytest.approx([1e-6, 4e-6, -0.75e-6])


def test_a_cause_that_never_occurs_or_of_nothing_has_no_coefficient() -> None:
    assert coefficients(np.ones(3), [np.ones(3), np.zeros(3)]).tolist() == pytest.approx([1.0, 0.0])
    assert coefficients(np.zeros(0), [np.zeros(0), np.zeros(0)]).tolist() == [0.0, 0.0]


def test_coefficients_of_unknown_values_are_refused() -> None:
    with pytest.raises(ValueError, match="finite values"):
        coefficients(np.array([1.0, np.nan]), [np.ones(2)])
    with pytest.raises(ValueError, match="as many"):
        coefficients(np.ones(3), [np.ones(2)])
