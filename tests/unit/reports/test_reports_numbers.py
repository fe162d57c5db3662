from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.reports import numbers
from lens_gate.vocabulary.metrics import Direction

FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)
MORE, LESS, BOTH = Direction.LOWER_IS_BETTER, Direction.HIGHER_IS_BETTER, Direction.TWO_SIDED


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 ms"),
        (0.0004, "under 0.001 ms"),
        (0.0456, "0.0456 ms"),
        (17.64, "17.6 ms"),
        (500, "500 ms"),
        (999.4, "999 ms"),
        (999.6, "1.00 s"),
        (3217, "3.22 s"),
        (125_400, "125 s"),
        (-74.2, "−74.2 ms"),
    ],
)
def test_times_have_three_significant_digits_and_switch_their_unit_at_a_second(value: float, text: str) -> None:
    assert plain(numbers.milliseconds(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "$0.00"),
        (0.0000001, "under $0.000001"),
        (0.00152, "$0.00152"),
        (0.0123, "$0.0123"),
        (0.5, "$0.500"),
        (0.9999, "$1.00"),
        (3.814, "$3.81"),
        (12_345.6, "$12,345.60"),
        (-0.25, "−$0.250"),
    ],
)
def test_dollars_have_cents_and_small_ones_three_digits(value: float, text: str) -> None:
    assert numbers.usd(value) == text


def test_dollars_that_somebody_set_have_no_digits_that_nobody_wrote() -> None:
    assert [numbers.usd_as_set(value) for value in (0.5, 0.075, 5.0, 0.0, 0.00015)] == [
        "$0.50",
        "$0.075",
        "$5.00",
        "$0.00",
        "$0.00015",
    ]


def test_neighbours_have_as_many_digits() -> None:
    assert [numbers.usd(value) for value in (0.000052, 0.0000515, 0.015, 0.0149, 0.09999)] == [
        "$0.0000520",
        "$0.0000515",
        "$0.0150",
        "$0.0149",
        "$0.100",
    ]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ms", "–"),
        (math.nan, "ms", "–"),
        (math.inf, "%", "–"),
        (2.31, "%", "2.3 %"),
        (0.002, "USD", "$0.00200"),
        (0.971, "share", "97.1 %"),
        (2, "models", "2 models"),
        (1, "requests", "1 request"),
        (1500, "tokens", "1,500 tokens"),
        (52.4, "tokens", "52.4 tokens"),
        (9.95, "1/s", "9.95 /s"),
        (0.5, "", "0.500"),
    ],
)
def test_a_value_stands_in_its_unit(value: float | None, unit: str, text: str) -> None:
    assert plain(numbers.quantity(value, unit)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (14.82, "+14.8 %"),
        (-0.44, "−0.4 %"),
        (0.04, "±0.0 %"),
        (-0.04, "±0.0 %"),
        (None, "–"),
        (1e9, "beyond +1,000,000 %"),
        (-1e9, "beyond −1,000,000 %"),
    ],
)
def test_a_change_has_its_sign_and_one_decimal(value: float | None, text: str) -> None:
    assert plain(numbers.change(value, "%")) == text


@given(value=FINITE)
def test_a_change_never_shows_a_hyphen_for_a_minus_and_always_a_sign(value: float) -> None:
    text = numbers.change(value, "%")
    assert "-" not in text
    assert any(sign in text for sign in "+−±")
    assert text.endswith("\u00a0%")


@pytest.mark.parametrize(
    ("lower", "upper", "text"),
    [
        (12.1, 17.2, "+12.1 to +17.2"),
        (-4.6, None, "−4.6 and more"),
        (None, 5, "up to +5.0"),
        (None, None, "–"),
        (0.0, 1.0, "±0.0 to +1.0"),
    ],
)
def test_an_interval_says_where_it_has_no_end(lower: float | None, upper: float | None, text: str) -> None:
    assert numbers.interval(lower, upper) == text


@pytest.mark.parametrize(
    ("worse", "allowed", "at_worst"), [(MORE, "+5 %", "+3.9"), (LESS, "−5 %", "−3.9"), (BOTH, "±5 %", "±3.9")]
)
def test_limits_and_bounds_are_told_in_the_direction_that_counts(worse: Direction, allowed: str, at_worst: str) -> None:
    assert plain(numbers.limit(5, "%", worse)) == allowed
    assert numbers.at_worst(3.9, worse) == at_worst
    assert numbers.limit(None, "%", worse) == "–"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (14.8, "%", "15 %"),
        (-14.8, "%", "15 %"),
        (0.3, "%", "under 1 %"),
        (0.3, "points", "under 1 point"),
        (1.2, "points", "1 point"),
        (2.5, "points", "3 points"),
        (1e9, "%", "over 1,000,000 %"),
    ],
)
def test_a_headline_has_no_decimals_and_no_sign(value: float, unit: numbers.EffectUnit, text: str) -> None:
    assert plain(numbers.headline_size(value, unit)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 seconds"),
        (1, "1 second"),
        (59.6, "1 minute"),
        (90, "1 minute 30 seconds"),
        (300, "5 minutes"),
        (3600, "1 hour"),
        (7500, "2 hours 5 minutes"),
    ],
)
def test_durations_are_told_in_their_two_largest_units(seconds: float, text: str) -> None:
    assert numbers.duration(seconds) == text


def test_a_forecast_is_rounded_up() -> None:
    assert numbers.minutes(0.1) == "1 minute"
    assert numbers.minutes(6.2) == "7 minutes"
    assert numbers.cents_up(2.1) == "2.52"
    assert numbers.cents_up(0.0001) == "0.01"


@given(value=st.floats(min_value=0.01, max_value=1e6))
def test_a_recommended_cap_lies_above_the_forecast(value: float) -> None:
    assert value < float(numbers.cents_up(value)) <= 1.2 * value + 0.011


def test_differences_and_counts() -> None:
    assert plain(numbers.signed_quantity(74, "ms")) == "+74.0 ms"
    assert plain(numbers.signed_quantity(-0.002, "USD")) == "−$0.00200"
    assert numbers.count(6000) == "6,000"
    assert numbers.plural(1, "check") == "1 check"
    assert numbers.exact(0.01234567) == "0.0123457"
    assert numbers.three_digits(0) == "0"


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [
        (2.23, 2.22, "+2.23"),
        (2.21, 2.22, "+2.2"),
        (2.24, 2.26, "+2.2"),
        (-2.23, 2.22, "−2.23"),
        (9.97, 10.0, "+9.97"),
        (2.221, 2.2213445, "+2.2"),
        (5.0, 5.0, "+5.0"),
    ],
)
def test_a_change_is_printed_on_its_own_side_of_the_limit_beside_it(value: float, limit: float, text: str) -> None:
    assert numbers.signed(value, beside=limit) == text


@given(value=st.floats(0.01, 2000), limit=st.integers(1, 10**7).map(lambda n: n / 10**4))
def test_no_change_is_printed_on_the_other_side_of_its_limit(value: float, limit: float) -> None:
    shown, told = (
        float(re.sub(r"[^0-9.]", "", text))
        for text in (numbers.signed(value, beside=limit), numbers.allowance(limit, "%"))
    )
    assert told == limit
    assert (shown > told) is (value > limit) or abs(value - limit) < 1e-6


@pytest.mark.parametrize(
    ("value", "text"),
    [(5.0, "5 %"), (1000.0, "1,000 %"), (150.5, "150.5 %"), (0.25, "0.25 %"), (2.2213445, "2.2213 %"), (0.0, "0 %")],
)
def test_limits_are_printed_as_they_were_set(value: float, text: str) -> None:
    assert plain(numbers.allowance(value, "%")) == text
