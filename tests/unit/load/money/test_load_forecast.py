"""The forecast agrees with the schedule that it forecasts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from lens_gate.load.arms.plan import ArmPlan
from lens_gate.load.money.bounds import Sent, upper_bound
from lens_gate.load.money.forecast import Forecast, forecast
from lens_gate.load.money.pricing import PriceList
from lens_gate.load.schedule.arrivals import Arrival
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.schedule.workload import schedule
from lens_gate.vocabulary.requests import Arm
from tests.plans import a_prompt, a_series, an_arm

ON = datetime(2025, 9, 1, tzinfo=UTC)
SHORT = ScheduleSettings(arrival=Arrival.FIXED, rate=2.0, concurrency=None, duration_s=60.0, requests=None)


def foresee(candidate: ArmPlan, base: ArmPlan | None, how: ScheduleSettings) -> Forecast:
    series = [*candidate.series, *(base.series if base else ())]
    return forecast(
        candidate, base, how, PriceList.of(series, ON), schedule(candidate, base, how, np.random.default_rng(1))
    )


def test_a_short_run_is_forecast_exactly() -> None:
    series = (a_series("x"), a_series("y", max_tokens=50))
    prompts = (a_prompt("{{a}}", variables={"a": ("1" * 40, "2" * 400)}),)
    candidate, base = an_arm(series=series, prompts=prompts), an_arm(Arm.BASE, series=series, prompts=prompts)
    seen = foresee(candidate, base, SHORT)
    planned = list(schedule(candidate, base, SHORT, np.random.default_rng(1)))
    prices = PriceList.of(series, ON)
    assert (seen.requests, seen.duration_s, len(seen.rows)) == (120, 60.0, 4)
    assert [(row.series, row.arm, row.requests) for row in seen.rows] == [
        ("p/x", Arm.BASE, 30), ("p/x", Arm.CANDIDATE, 30), ("p/y", Arm.BASE, 30), ("p/y", Arm.CANDIDATE, 30)
    ]  # fmt: skip
    assert seen.rows[0].input_tokens == sum(one.prompt_characters for one in planned if one.series.model == "x") // 8
    assert [row.output_tokens for row in seen.rows] == [3000, 3000, 1500, 1500]
    bounds = [upper_bound(prices, Sent.of(one.series, one.request)) for one in planned]
    assert seen.usd_reserved == pytest.approx(sum(bound or 0 for bound in bounds))
    assert seen.usd is not None
    assert 0 < seen.usd < (seen.usd_reserved or 0)


def test_a_long_run_is_scaled_up() -> None:
    seen = foresee(an_arm(), an_arm(Arm.BASE), replace(SHORT, duration_s=10_000.0))
    assert (seen.requests, [row.requests for row in seen.rows]) == (20_000, [10_000, 10_000])
    assert seen.rows[0].output_tokens == 1_000_000


def test_a_control_is_forecast_with_its_share_of_requests_and_dollars() -> None:
    seen = foresee(an_arm(), an_arm(Arm.BASE), replace(SHORT, duration_s=10_000.0, control_share=0.2))
    base, candidate = seen.rows
    assert (base.arm, base.requests, candidate.requests, seen.requests) == (Arm.BASE, 4_000, 16_000, 20_000)
    assert base.usd is not None
    assert candidate.usd == pytest.approx(4 * base.usd)


def test_requests_end_a_run_before_its_duration() -> None:
    assert foresee(an_arm(), None, replace(SHORT, requests=11)).requests == 11
    assert foresee(an_arm(), an_arm(Arm.BASE), replace(SHORT, requests=11)).requests == 10


def test_a_closed_loop_has_no_forecast_of_its_requests_unless_they_are_given() -> None:
    closed = replace(SHORT, arrival=Arrival.CLOSED, rate=None, concurrency=2)
    seen = foresee(an_arm(), None, closed)
    assert (seen.requests, seen.usd, seen.usd_reserved, seen.rows[0].input_tokens) == (None, None, None, None)
    assert foresee(an_arm(), an_arm(Arm.BASE), replace(closed, requests=2001)).requests == 2000


def test_unknown_prices_and_limits_make_dollars_unknown() -> None:
    unpriced = an_arm(series=(a_series("odd", price=None), a_series("x")))
    seen = foresee(unpriced, None, SHORT)
    assert (seen.usd, seen.unpriced) == (None, ("p/odd",))
    assert [row.usd is None for row in seen.rows] == [True, False]
    unlimited = foresee(an_arm(series=(a_series(max_tokens=None),)), None, SHORT)
    assert (unlimited.rows[0].output_tokens, unlimited.usd, unlimited.requests) == (None, None, 120)


def test_arms_that_share_nothing_cost_nothing() -> None:
    seen = foresee(an_arm(prompts=(a_prompt(id="x"),)), an_arm(Arm.BASE), SHORT)
    assert (seen.rows, seen.requests, seen.usd) == ((), 0, 0.0)
