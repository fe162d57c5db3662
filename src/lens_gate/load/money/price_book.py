"""Finding a model's price: what the configuration says, else the price list that genai-prices carries as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple, assert_never

from genai_prices import __version__, calc_price
from genai_prices.types import ModelPrice, PriceCalculation, StartDateConstraint, TieredPrices

from lens_gate.artifacts.run import Price
from lens_gate.load.arms.plan import SeriesPlan
from lens_gate.load.money.tariff import Counts, Tariffs
from lens_gate.vocabulary.requests import Api

_INPUT_RATES = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_5m_mtok", "cache_write_1h_mtok")
_OUTPUT_RATES = ("output_mtok", "output_reasoning_mtok")


class Dearest(NamedTuple):
    """US dollars for a million tokens of either side, and for a thousand requests, at the dearest rate and tier."""

    input: Decimal
    output: Decimal
    thousand_requests: Decimal


@dataclass(frozen=True)
class PricedModel:
    """A price for the artifact, and the rates behind it (tiers, cached input) for the arithmetic."""

    price: Price
    rates: ModelPrice

    @cached_property
    def tariffs(self) -> Tariffs:
        """The rates as sums, which are computed for every request."""
        tiered = (rate for rate in vars(self.rates).values() if isinstance(rate, TieredPrices))
        starts = (tier.start for rate in tiered for tier in rate.tiers)
        return Tariffs(self._usd, starts)

    @cached_property
    def dearest(self) -> Dearest:
        """The rates by which nothing can cost more."""
        return Dearest(
            _dearest(self.rates, _INPUT_RATES),
            _dearest(self.rates, _OUTPUT_RATES),
            _dearest(self.rates, ("requests_kcount",)),
        )

    def _usd(self, counts: Counts) -> Decimal:
        return self.rates.calc_price(counts._asdict())["total_price"]


def find(series: SeriesPlan, on: datetime) -> PricedModel | None:
    """Return the price of `series` at the time `on`, None if nobody knows it.

    A price in the configuration wins. Else the list is asked by the endpoint's address, by the provider's name, and by
    the API that is spoken, in this order.
    """
    input_usd, output_usd = series.input_usd_per_million, series.output_usd_per_million
    if input_usd is not None and output_usd is not None:
        rates = ModelPrice(input_mtok=Decimal(str(input_usd)), output_mtok=Decimal(str(output_usd)))
        return PricedModel(_price(series.provider_name, series.model, rates, source="config", on=None), rates)
    found = next(_listed(series, on), None)
    if found is None:
        return None
    source = f"genai-prices {__version__}"
    return PricedModel(
        _price(found.provider.id, found.model.id, found.model_price, source=source, on=list_date(on)), found.model_price
    )


def _price(provider: str, model: str, rates: ModelPrice, *, source: str, on: date | None) -> Price:
    return Price(
        provider=provider,
        model=model,
        input_usd_per_million=_base(rates.input_mtok),
        output_usd_per_million=_base(rates.output_mtok),
        source=source,
        date=None if on is None else on.isoformat(),
    )


def _base(rate: Decimal | TieredPrices | None) -> float | None:
    """Return the rate below all tiers."""
    lowest = rate.base if isinstance(rate, TieredPrices) else rate
    return None if lowest is None else float(lowest)


def _listed(series: SeriesPlan, on: datetime) -> Iterator[PriceCalculation]:
    """Yield what the list finds, surest first; a model that is not billed by tokens both ways is no match."""
    places = (series.endpoint.base_url, series.provider_name, _maker(series.api))
    for found in (_look_up(series.model, place, on) for place in places if place is not None):
        if found and found.model_price.input_mtok is not None and found.model_price.output_mtok is not None:
            yield found


def _look_up(model: str, place: str, on: datetime) -> PriceCalculation | None:
    """Ask the list for a model at a provider, which is named by its id or by an address of its API."""
    try:
        if "://" in place:
            return calc_price({}, model, provider_api_url=place, genai_request_timestamp=on)
        return calc_price({}, model, provider_id=place, genai_request_timestamp=on)
    except LookupError:
        return None


def _maker(api: Api) -> str | None:
    match api:
        case Api.OPENAI_CHAT | Api.OPENAI_RESPONSES:
            return "openai"
        case Api.ANTHROPIC:
            return "anthropic"
        case Api.GOOGLE:
            return "google"
        case Api.GENERIC:
            return None
        case unknown:
            assert_never(unknown)


def list_date(on: datetime) -> date | None:
    """Return the newest price change that the list knows of up to `on`, since it does not carry a date of its own."""
    from genai_prices.data import providers  # noqa: PLC0415 - a tenth of a second where the configuration has prices

    dated = (model.prices for provider in providers for model in provider.models if isinstance(model.prices, list))
    rules = (price.constraint for prices in dated for price in prices)
    days = (rule.start_date for rule in rules if isinstance(rule, StartDateConstraint) and rule.active(on))
    return max(days, default=None)


def _dearest(rates: ModelPrice, names: tuple[str, ...]) -> Decimal:
    found = (getattr(rates, name) for name in names)
    return max((level for rate in found if rate is not None for level in _levels(rate)), default=Decimal(0))


def _levels(rate: Decimal | TieredPrices) -> list[Decimal]:
    return [rate] if isinstance(rate, Decimal) else [rate.base, *(tier.price for tier in rate.tiers)]
