"""What the runner reserves and settles, request by request."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from lens_gate.load.arms.plan import PlannedRequest, SeriesPlan
from lens_gate.load.engine.contract import Money
from lens_gate.load.money.pricing import PriceList
from lens_gate.load.money.purse import HeldRequest, Purse
from lens_gate.load.schedule.arrivals import Arrival
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.schedule.workload import schedule
from lens_gate.providers.base import HttpRequest, Usage
from lens_gate.vocabulary.requests import ErrorClass
from tests.plans import a_series, an_arm

ONE = ScheduleSettings(arrival=Arrival.FIXED, rate=1.0, concurrency=None, duration_s=None, requests=1)


def planned_for(series: SeriesPlan) -> PlannedRequest:
    return next(schedule(an_arm(series=(series,)), None, ONE, np.random.default_rng(1)))


def asked_of(series: SeriesPlan) -> tuple[PlannedRequest, HttpRequest]:
    planned = planned_for(series)
    return planned, series.provider.build(planned.request, series.endpoint)


def as_the_runner_sees_it(own: Purse) -> Money[HeldRequest]:
    """Let the type checker hold the purse against the runner's port."""
    return own


def purse(series: SeriesPlan, cap_usd: float | None = None) -> Purse:
    return Purse(PriceList.of([series], datetime(2025, 9, 1, tzinfo=UTC)), cap_usd)


def an_attempt(
    error: ErrorClass = ErrorClass.NONE,
    *,
    tokens: tuple[int | None, int | None] = (50, 20),
    http_status: int | None = 200,
) -> tuple[ErrorClass, int | None, Usage]:
    return error, http_status, Usage(input=tokens[0], output=tokens[1])


def test_a_success_is_charged_what_its_usage_says() -> None:
    own = purse(a_series())
    held = own.reserve(*asked_of(a_series()))
    assert held is not None
    assert own.settle(held, *an_attempt()) == pytest.approx((50 * 1 + 20 * 4) / 1e6)
    spend = own.spend()
    assert spend.spent_usd == pytest.approx(130e-6)
    assert spend.reserved_usd > spend.spent_usd
    assert [price.source for price in spend.prices] == ["config"]
    assert (spend.cap_usd, spend.unpriced_models) == (None, ())


def test_a_cut_stream_is_charged_all_that_was_held_although_its_cost_is_unknown() -> None:
    own = purse(a_series())
    held = own.reserve(*asked_of(a_series()))
    assert held is not None
    assert own.settle(held, *an_attempt(ErrorClass.CUT_STREAM, tokens=(50, 1))) is None
    assert own.spend().spent_usd == own.spend().reserved_usd > 400e-6


def test_an_output_that_the_server_did_not_tell_is_charged_at_its_bound() -> None:
    own = purse(a_series())
    held = own.reserve(*asked_of(a_series()))
    assert held is not None
    assert own.settle(held, *an_attempt(tokens=(50, None))) is None
    assert own.spend().spent_usd == own.spend().reserved_usd


def test_a_refused_key_costs_nothing() -> None:
    own = purse(a_series())
    held = own.reserve(*asked_of(a_series()))
    assert held is not None
    assert own.settle(held, *an_attempt(ErrorClass.AUTHENTICATION, tokens=(None, None), http_status=401)) == 0
    assert own.spend().spent_usd == 0


def test_the_cap_refuses_what_may_pass_it_and_says_whether_waiting_helps() -> None:
    asked = asked_of(a_series())
    own = as_the_runner_sees_it(purse(a_series(), cap_usd=0.0008))
    first = own.reserve(*asked)
    assert first is not None
    assert own.reserve(*asked) is None
    assert own.could_fit(*asked)
    own.settle(first, *an_attempt(ErrorClass.TIMEOUT))
    assert not own.could_fit(*asked)


def test_a_model_without_a_price_is_free_without_a_cap_and_its_cost_unknown() -> None:
    series = a_series("odd", price=None)
    own = purse(series)
    held = own.reserve(*asked_of(series))
    assert held is not None
    assert own.settle(held, *an_attempt(ErrorClass.CONNECT, tokens=(None, None), http_status=None)) is None
    assert (own.spend().spent_usd, own.spend().unpriced_models) == (0.0, ("p/odd",))
