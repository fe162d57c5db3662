"""Tokens under another price list: held against the arithmetic by which runs are billed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.config.price_file import ModelPrice
from lens_gate.load.money.pricing import PriceList
from lens_gate.load.money.repriced import Use, cost, uses
from lens_gate.providers.base import Usage
from lens_gate.vocabulary.requests import Arm, ErrorClass, Status, TokenSource
from tests.builders import a_failed_sample, a_sample
from tests.plans import a_series

tokens = st.none() | st.integers(0, 200_000)


def use_of(*samples: Sample) -> Use:
    (found,) = uses(Samples.of(samples))
    return found


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 20_000), tokens, tokens, tokens), max_size=6),
    rates=st.tuples(st.decimals(0, 100, places=3), st.decimals(0, 100, places=3)),
)
def test_the_same_price_gives_what_the_run_was_billed(
    rows: list[tuple[int, int, int | None, int | None, int | None]], rates: tuple[float, float]
) -> None:
    input_rate, output_rate = map(float, rates)
    series = a_series(price=(input_rate, output_rate))
    prices = PriceList.of([series], datetime(2026, 3, 2, tzinfo=UTC))
    billed = 0.0
    samples = [a_sample(input_tokens=0, output_tokens=0, cached_tokens=0)]
    for given_input, given_output, cached, written, reasoning in rows:
        usage = Usage(input=given_input, output=given_output, cached=cached, cache_write=written, reasoning=reasoning)
        billed += prices.cost(series, usage) or 0.0
        samples.append(
            a_sample(
                input_tokens=given_input,
                output_tokens=given_output,
                cached_tokens=cached,
                cache_write_tokens=written,
                reasoning_tokens=reasoning,
            )
        )
    price = ModelPrice(input_per_million=input_rate, output_per_million=output_rate)
    assert cost(use_of(*samples), price) == pytest.approx(billed, rel=1e-9, abs=1e-12)


def test_each_kind_of_token_has_its_own_rate_and_each_request_its_fee() -> None:
    sample = a_sample(
        input_tokens=1_000, cached_tokens=300, cache_write_tokens=200, output_tokens=400, reasoning_tokens=100
    )
    price = ModelPrice(
        input_per_million=10,
        output_per_million=100,
        cached_input_per_million=1,
        cache_write_per_million=12.5,
        reasoning_per_million=60,
        per_request=0.01,
    )
    one = (500 * 10 + 300 * 1 + 200 * 12.5 + 300 * 100 + 100 * 60) / 1e6 + 0.01
    assert cost(use_of(sample), price) == pytest.approx(one)
    assert cost(use_of(sample, sample, sample), price) == pytest.approx(3 * one)


def test_cached_and_reasoning_tokens_cost_as_their_whole_where_nothing_is_said_of_them() -> None:
    sample = a_sample(
        input_tokens=1_000, cached_tokens=300, cache_write_tokens=200, output_tokens=400, reasoning_tokens=100
    )
    price = ModelPrice(input_per_million=10, output_per_million=100)
    assert cost(use_of(sample), price) == pytest.approx((1_000 * 10 + 400 * 100) / 1e6)


@pytest.mark.parametrize(
    ("sample", "billed", "unknown"),
    [
        (a_sample(), 1, 0),
        (a_sample(error_class=ErrorClass.REFUSED, status=Status.FAILED), 1, 0),
        (a_sample(token_source=TokenSource.CHUNKS), 0, 1),
        (a_sample(output_tokens=None), 0, 1),
        (a_failed_sample(ErrorClass.CUT_STREAM, http_status=200), 0, 1),
        (a_failed_sample(ErrorClass.RATE_LIMIT, http_status=429), 0, 0),
        (a_failed_sample(ErrorClass.RATE_LIMIT, http_status=200), 0, 1),
        (a_failed_sample(ErrorClass.CONNECT), 0, 0),
    ],
)
def test_only_what_the_server_counted_is_billed_and_what_nobody_answered_is_free(
    sample: Sample, billed: int, unknown: int
) -> None:
    found = use_of(sample)
    assert (found.requests, found.billed, found.unknown) == (1, billed, unknown)
    assert found.tokens.output_tokens == (50 if billed else 0)


def test_what_was_never_sent_does_not_count() -> None:
    shed = a_failed_sample(ErrorClass.SHED, status=Status.SHED)
    assert use_of(a_sample(), shed).requests == 1
    assert uses(Samples.of([shed])) == ()
    assert uses(Samples.of([])) == ()


def test_each_model_of_each_arm_stands_alone_in_the_order_of_the_run() -> None:
    rows = [
        a_sample(model="b", cost_usd=0.1),
        a_sample(model="a", arm=Arm.BASE, cost_usd=0.2),
        a_sample(model="b", cost_usd=0.3),
        a_sample(model="a", cost_usd=None),
    ]
    found = [(use.arm, use.model, use.requests, use.paid_usd) for use in uses(Samples.of(rows))]
    assert found == [
        (Arm.CANDIDATE, "b", 2, pytest.approx(0.4)),
        (Arm.BASE, "a", 1, 0.2),
        (Arm.CANDIDATE, "a", 1, None),
    ]
