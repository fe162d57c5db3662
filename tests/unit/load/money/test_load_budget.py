"""The cap holds whatever happens, and bounds are bounds."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.load.money.budget import Budget, Reservation, billed
from lens_gate.vocabulary.requests import ErrorClass

dollars = st.floats(min_value=0, max_value=100, allow_subnormal=False)


@given(
    cap=dollars,
    bills=st.lists(st.tuples(dollars, st.none() | st.floats(min_value=0, max_value=1)), max_size=60),
    order=st.randoms(use_true_random=False),
)
def test_no_order_of_requests_spends_more_than_the_cap(
    cap: float, bills: list[tuple[float, float | None]], order: object
) -> None:
    budget = Budget(cap)
    flying: list[tuple[Reservation, float | None]] = []
    for bound, share in bills:
        reservation = budget.reserve(bound)
        if reservation is not None:
            flying.append((reservation, None if share is None else bound * share))
        assert budget.spent_usd + budget.reserved_usd <= cap * (1 + 1e-12)
        while flying and order.random() < 0.4:  # type: ignore[attr-defined]
            budget.settle(*flying.pop(order.randrange(len(flying))))  # type: ignore[attr-defined]
            assert Fraction(budget.spent_usd) <= Fraction(cap)
    for one in flying:
        budget.settle(*one)
    assert Fraction(budget.spent_usd) <= Fraction(cap)
    assert budget.reserved_usd == 0


def test_a_tenth_of_a_dollar_fits_ten_times_into_one() -> None:
    budget = Budget(1.0)
    assert sum(budget.reserve(0.1) is not None for _ in range(12)) in {9, 10}
    assert budget.reserved_usd <= 1.0


def test_what_is_settled_below_its_bound_makes_room_again() -> None:
    budget = Budget(1.0)
    first = budget.reserve(0.75)
    assert first is not None
    assert budget.reserve(0.5) is None
    assert budget.could_fit(0.5)
    budget.settle(first, 0.25)
    assert (budget.spent_usd, budget.reserved_usd, budget.peak_reserved_usd) == (0.25, 0.0, 0.75)
    assert budget.reserve(0.5) is not None
    assert not budget.could_fit(0.8)


def test_an_unknown_bill_is_charged_in_full_and_a_known_one_as_it_is() -> None:
    budget = Budget(2.0)
    for actual, spent in ((None, 0.5), (0.0, 0.5), (0.125, 0.625)):
        reservation = budget.reserve(0.5)
        assert reservation is not None
        budget.settle(reservation, actual)
        assert budget.spent_usd == spent


def test_bills_add_up_without_dust() -> None:
    budget = Budget(1.0)
    for bill in (0.0000207, 0.00003105, 0.0000414) * 20:
        reservation = budget.reserve(0.001)
        assert reservation is not None
        budget.settle(reservation, bill)
    budget.charge(0.1)
    assert budget.spent_usd == 0.101863


def test_a_reservation_is_settled_once() -> None:
    budget = Budget(None)
    reservation = budget.reserve(1.0)
    assert reservation is not None
    budget.settle(reservation, 1.0)
    with pytest.raises(KeyError):
        budget.settle(reservation, 1.0)


def test_an_unknown_bound_is_refused_under_a_cap_and_free_without_one() -> None:
    assert Budget(5.0).reserve(None) is None
    assert not Budget(5.0).could_fit(None)
    budget = Budget(None)
    reservation = budget.reserve(None)
    assert reservation is not None
    budget.settle(reservation, None)
    assert budget.spent_usd == 0
    assert budget.could_fit(None)


def test_a_cap_of_nothing_lets_only_free_requests_through() -> None:
    assert Budget(0.0).reserve(1e-9) is None
    assert Budget(0.0).reserve(0.0) is not None


@pytest.mark.parametrize(
    ("error_class", "http_status", "cost", "expected"),
    [
        (ErrorClass.NONE, 200, 0.5, 0.5),
        (ErrorClass.NONE, 200, None, None),
        (ErrorClass.CONNECT, None, None, 0.0),
        (ErrorClass.AUTHENTICATION, 401, None, 0.0),
        (ErrorClass.INVALID_REQUEST, 307, None, 0.0),
        (ErrorClass.RATE_LIMIT, 429, None, 0.0),
        (ErrorClass.OVERLOADED, 529, None, 0.0),
        (ErrorClass.OVERLOADED, 200, None, None),
        (ErrorClass.OVERLOADED, 200, 0.25, None),
        (ErrorClass.API_ERROR, 200, 0.25, None),
        (ErrorClass.API_ERROR, 500, None, None),
        (ErrorClass.CUT_STREAM, 200, None, None),
        (ErrorClass.CUT_STREAM, 200, 0.25, None),
        (ErrorClass.REFUSED, 200, 0.25, 0.25),
        (ErrorClass.TIMEOUT, None, None, None),
        (ErrorClass.SHED, None, None, 0.0),
    ],
)
def test_only_what_no_model_ran_for_is_free(
    error_class: ErrorClass, http_status: int | None, cost: float | None, expected: float | None
) -> None:
    assert billed(error_class, http_status, cost) == expected
