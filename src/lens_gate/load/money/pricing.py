"""What requests cost: the price of each model, from the configuration or from a bundled list.

The list is data inside a package, nothing is fetched; reading it costs half a second of CPU time, so it is imported
when a PriceList is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lens_gate.artifacts.run import Price
from lens_gate.load.arms.plan import SeriesPlan
from lens_gate.load.money.tariff import Counts
from lens_gate.providers.base import Usage
from lens_gate.vocabulary.requests import Api

if TYPE_CHECKING:
    from lens_gate.load.money.price_book import PricedModel

_Key = tuple[str, Api, str | None, str, float | None, float | None]


@dataclass(frozen=True, slots=True)
class PriceList:
    """The prices of the series of one run, as of one moment; dollars are US dollars."""

    models: Mapping[_Key, PricedModel]
    unpriced: tuple[str, ...]

    @classmethod
    def of(cls, series: Iterable[SeriesPlan], on: datetime) -> PriceList:
        """Look up every series as of `on` (with a time zone); `unpriced` names those that have no price."""
        from lens_gate.load.money.price_book import find  # noqa: PLC0415 - half a second that no other command pays

        plans = list(series)
        found = {_key(plan): find(plan, on) for plan in plans}
        missing = (f"{plan.provider_name}/{plan.model}" for plan in plans if found[_key(plan)] is None)
        return cls({key: model for key, model in found.items() if model is not None}, tuple(dict.fromkeys(missing)))

    @property
    def prices(self) -> tuple[Price, ...]:
        """All prices that apply, each once, for the artifact."""
        return tuple(dict.fromkeys(model.price for model in self.models.values()))

    def price(self, series: SeriesPlan) -> Price | None:
        """Return the price of `series`; None if it is unknown."""
        model = self.models.get(_key(series))
        return None if model is None else model.price

    def cost(self, series: SeriesPlan, usage: Usage) -> float | None:
        """Return the dollars that `usage` was billed at, cached and cache-writing input at their own rates.

        A write to the cache is taken at the rate of the shortest lifetime, because no count says which it was. None if
        the price, or the number of input or output tokens, is unknown.
        """
        model = self.models.get(_key(series))
        if model is None or usage.input is None or usage.output is None:
            return None
        return float(model.tariffs.usd(_counts(usage.input, usage.output, usage)))

    def bound(self, series: SeriesPlan, *, input_tokens: int, output_tokens: int) -> float | None:
        """Return the most dollars that so many tokens can cost: all at the dearest rate and tier of their side."""
        model = self.models.get(_key(series))
        if model is None:
            return None
        dearest = model.dearest
        tokens = dearest.input * input_tokens + dearest.output * output_tokens
        return float(tokens / 1_000_000 + dearest.thousand_requests / 1000)


def _key(series: SeriesPlan) -> _Key:
    # The address of a target is known when it has been started, and prices before that.
    address = None if series.through_target else series.endpoint.base_url
    configured = (series.input_usd_per_million, series.output_usd_per_million)
    return (series.provider_name, series.api, address, series.model, *configured)


def _counts(input_tokens: int, output_tokens: int, usage: Usage) -> Counts:
    """Count in the list's way; a part is cut to its whole, because servers do misreport them."""
    cached = min(usage.cached or 0, input_tokens)
    return Counts(
        input_tokens=input_tokens,
        cache_read_tokens=cached,
        cache_write_tokens=min(usage.cache_write or 0, input_tokens - cached),
        output_tokens=output_tokens,
        output_reasoning_tokens=min(usage.reasoning or 0, output_tokens),
    )
