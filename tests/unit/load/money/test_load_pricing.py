"""Prices from the configuration and from the bundled list, and what a request costs by them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage as ListUsage
from genai_prices import __version__, calc_price
from genai_prices.types import ModelPrice, Tier, TieredPrices
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.artifacts.run import Price
from lens_gate.load.arms.plan import SeriesPlan
from lens_gate.load.money.price_book import PricedModel, list_date
from lens_gate.load.money.pricing import PriceList
from lens_gate.providers.base import Usage
from lens_gate.vocabulary.requests import Api
from tests.plans import a_series

ON = datetime(2025, 9, 1, tzinfo=UTC)


def listed(
    model: str, *, provider: str = "p", api: Api = Api.OPENAI_CHAT, base_url: str = "http://x.test"
) -> SeriesPlan:
    return replace(a_series(model, provider=provider, price=None, base_url=base_url), api=api)


def prices(*series: SeriesPlan) -> PriceList:
    return PriceList.of(series, ON)


def test_a_price_in_the_configuration_wins_over_the_list() -> None:
    own = replace(listed("gpt-4o", provider="openai"), input_usd_per_million=1.5, output_usd_per_million=0.0)
    found = prices(own)
    assert found.price(own) == Price(
        provider="openai",
        model="gpt-4o",
        input_usd_per_million=1.5,
        output_usd_per_million=0.0,
        source="config",
        date=None,
    )
    assert found.cost(own, Usage(input=2_000_000, output=10, cached=5)) == pytest.approx(3.0)


def test_a_listed_price_names_its_source_and_the_date_of_the_list() -> None:
    series = listed("gpt-4o", provider="openai")
    price = prices(series).price(series)
    assert price is not None
    assert (price.provider, price.model, price.source) == ("openai", "gpt-4o", f"genai-prices {__version__}")
    assert price.date == str(list_date(ON))
    assert "2025-01-01" < price.date <= "2025-09-01"
    assert (price.input_usd_per_million or 0) < (price.output_usd_per_million or 0)


def test_the_date_of_the_list_does_not_lie_in_the_future_of_the_run() -> None:
    days = [list_date(datetime(year, 1, 1, tzinfo=UTC)) for year in (2026, 2027)]
    assert date(2025, 1, 1) < (days[0] or date.min) <= (days[1] or date.min) <= date(2027, 1, 1)
    assert list_date(datetime(2000, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    "series",
    [
        listed("claude-opus-4-1", base_url="https://api.anthropic.com/v1"),
        listed("claude-opus-4-1", provider="anthropic"),
        listed("claude-opus-4-1", api=Api.ANTHROPIC),
    ],
    ids=["address", "name", "api"],
)
def test_a_model_is_found_by_address_name_or_api(series: SeriesPlan) -> None:
    price = prices(series).price(series)
    assert price is not None
    assert price.provider == "anthropic"


def test_a_google_model_is_found_by_its_api() -> None:
    assert prices(series := listed("gemini-2.5-pro", api=Api.GOOGLE)).price(series) is not None


@pytest.mark.parametrize(
    "series",
    [
        listed("no-such-model", provider="openai"),
        listed("gpt-4o", api=Api.GENERIC),
        listed("text-embedding-3-large", provider="openai"),
    ],
    ids=["unknown model", "unknown provider", "not billed by output"],
)
def test_an_unknown_price_is_said_and_costs_are_unknown(series: SeriesPlan) -> None:
    found = prices(series, series)
    assert found.price(series) is None
    assert found.unpriced == (f"{series.provider_name}/{series.model}",)
    assert found.cost(series, Usage(input=1, output=1)) is None
    assert found.bound(series, input_tokens=1, output_tokens=1) is None
    assert found.prices == ()


def test_the_prices_of_the_run_are_listed_once_each() -> None:
    one, two = listed("gpt-4o", provider="openai"), listed("gpt-4o", provider="openai", base_url="http://y.test")
    assert [price.model for price in prices(one, two, a_series()).prices] == ["gpt-4o", "m"]


def test_two_models_under_one_series_name_keep_their_own_prices() -> None:
    new, old = listed("gpt-4o", provider="openai"), listed("gpt-4o-mini", provider="openai")
    found = prices(new, replace(old, series=new.series))
    costs = [found.cost(one, Usage(input=1000, output=1000)) for one in (new, replace(old, series=new.series))]
    assert costs[0] is not None
    assert costs[1] is not None
    assert costs[0] > 10 * costs[1]


def test_a_target_keeps_its_price_when_it_gets_its_address() -> None:
    planned = replace(a_series(base_url="http://127.0.0.1:{port}/ready"), through_target=True)
    started = replace(planned, endpoint=replace(planned.endpoint, base_url="http://127.0.0.1:4000"))
    found = prices(planned)
    assert found.price(started) == found.price(planned) is not None


def test_cached_and_cache_writing_input_are_billed_at_their_own_rates() -> None:
    series = listed("claude-opus-4-1", provider="anthropic")
    usage = ListUsage(input_tokens=10_000, cache_read_tokens=5000, cache_write_tokens=2000, output_tokens=100)
    expected = calc_price(usage, "claude-opus-4-1", provider_id="anthropic", genai_request_timestamp=ON).total_price
    asked = Usage(input=10_000, cached=5000, cache_write=2000, output=100)
    assert prices(series).cost(series, asked) == pytest.approx(float(expected))
    dearer = prices(series).cost(series, Usage(input=10_000, output=100))
    assert dearer is not None
    assert dearer > float(expected)


@pytest.mark.parametrize("usage", [Usage(input=5), Usage(output=5), Usage()])
def test_a_cost_needs_both_counts(usage: Usage) -> None:
    assert prices(series := a_series()).cost(series, usage) is None


count = st.integers(min_value=0, max_value=300_000)
MODELS = [
    ("claude-opus-4-1", "anthropic"),
    ("gemini-2.5-pro", "google"),
    ("gpt-4o", "openai"),
    ("sonar-deep-research", "perplexity"),
]
LISTED = [listed(model, provider=provider) for model, provider in MODELS]
BOOK = prices(*LISTED)


@given(
    series=st.sampled_from(LISTED),
    counts=st.tuples(count, count),
    parts=st.tuples(st.none() | count, st.none() | count, st.none() | count),
)
def test_no_usage_costs_more_than_its_bound(
    series: SeriesPlan, counts: tuple[int, int], parts: tuple[int | None, int | None, int | None]
) -> None:
    usage = Usage(input=counts[0], output=counts[1], cached=parts[0], cache_write=parts[1], reasoning=parts[2])
    cost = BOOK.cost(series, usage)
    bound = BOOK.bound(series, input_tokens=counts[0], output_tokens=counts[1])
    assert cost is not None
    assert bound is not None
    assert 0 <= cost <= bound


def test_the_bound_takes_the_dearest_tier_and_the_fee_per_request() -> None:
    tiers = TieredPrices(base=Decimal(1), tiers=[Tier(start=10, price=Decimal(5))])
    rates = ModelPrice(input_mtok=tiers, output_mtok=Decimal(2), requests_kcount=Decimal(7))
    series = a_series()
    book = prices(series)
    (key,) = book.models
    priced = PriceList({key: PricedModel(book.models[key].price, rates)}, ())
    assert priced.bound(series, input_tokens=1_000_000, output_tokens=0) == pytest.approx(5.007)
