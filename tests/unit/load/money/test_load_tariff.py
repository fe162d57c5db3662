"""Tariffs against the price list's own arithmetic."""

from __future__ import annotations

from decimal import Decimal

import pytest
from genai_prices.data import providers
from genai_prices.types import ModelPrice, Tier, TieredPrices
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.artifacts.run import Price
from lens_gate.load.money.price_book import PricedModel
from lens_gate.load.money.tariff import Counts, Tariffs

NO_PRICE = Price(
    provider="p", model="m", input_usd_per_million=0.0, output_usd_per_million=0.0, source="test", date=None
)
KINDS = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok", "output_reasoning_mtok")

money = st.decimals(0, 100, places=4)
starts = st.lists(st.integers(0, 300), min_size=1, max_size=3, unique=True)
tiered = st.builds(
    lambda base, found: TieredPrices(base=base, tiers=[Tier(start=start, price=price) for start, price in found]),
    money,
    starts.flatmap(lambda found: st.tuples(*(st.tuples(st.just(start), money) for start in found))),
)
rates = st.fixed_dictionaries(
    {"input_mtok": money | tiered, "output_mtok": money | tiered},
    optional={
        "cache_read_mtok": money | tiered,
        "cache_write_mtok": money,
        "output_reasoning_mtok": money,
        "requests_kcount": money,
    },
).map(lambda found: ModelPrice(**found))


@st.composite
def counted(draw: st.DrawFn) -> Counts:
    read, write, fresh = (draw(st.integers(0, 200)) for _ in range(3))
    output = draw(st.integers(0, 10_000))
    return Counts(read + write + fresh, read, write, output, draw(st.integers(0, output)))


def listed(price: ModelPrice, counts: Counts) -> Decimal:
    return price.calc_price(counts._asdict())["total_price"]


@given(price=rates, asked=st.lists(counted(), min_size=1, max_size=4))
def test_a_tariff_is_what_the_list_says_to_the_last_digit(price: ModelPrice, asked: list[Counts]) -> None:
    model = PricedModel(NO_PRICE, price)
    for counts in asked:
        assert model.tariffs.usd(counts) == listed(price, counts)


def test_every_model_of_the_list_costs_what_the_list_says() -> None:
    usages = (Counts(1000, 100, 50, 20, 10), Counts(250_000, 30_000, 7, 2000, 0), Counts(0, 0, 0, 5, 0))
    models = [model.prices for provider in providers for model in provider.models]
    priced = [one for one in models if isinstance(one, ModelPrice) and one.input_mtok and one.output_mtok]
    assert len(priced) > 100
    for price in priced[::5]:
        model = PricedModel(NO_PRICE, price)
        assert [model.tariffs.usd(counts) for counts in usages] == [listed(price, counts) for counts in usages]


@pytest.mark.parametrize(("lengths", "questions"), [((5, 6, 100), 6), ((5, 101), 12), ((101, 100, 102), 12)])
def test_the_list_is_asked_once_for_each_range_of_lengths(lengths: tuple[int, ...], questions: int) -> None:
    asked: list[Counts] = []

    def price(counts: Counts) -> Decimal:
        asked.append(counts)
        return Decimal(counts.input_tokens)

    tariffs = Tariffs(price, [100])
    assert [tariffs.usd(Counts(input_tokens=length)) for length in lengths] == list(lengths)
    assert len(asked) == questions
