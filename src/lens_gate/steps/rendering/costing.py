"""The step `cost`: what runs cost, and would cost by another price list, in any currency whose rate is known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lens_gate.artifacts.cost import CostReport, ModelCost
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Samples
from lens_gate.config.load import Source
from lens_gate.config.price_file import CURRENCY, USD, PriceFile, load_prices
from lens_gate.errors import ConfigProblem, UsageProblem
from lens_gate.load.money.repriced import Use, cost, uses
from lens_gate.steps.recorded.reading import read_artifact, samples_beside
from lens_gate.stores.files import read_file


@dataclass(frozen=True, slots=True, kw_only=True)
class CostOrder:
    """Which runs, by which price list (None: none), in which currency; `per_usd` is its rate, where it was given."""

    runs: Sequence[Path]
    pricing: Path | None = None
    currency: str | None = None
    per_usd: float | None = None


def costed(order: CostOrder) -> CostReport:
    """Return what the runs cost, all their requests together.

    Raises UsageProblem where an input is no run or an exchange rate is missing, ConfigProblem for a wrong price list.
    """
    prices = load_prices(_text(order.pricing)) if order.pricing else None
    money = _money(order, prices)
    found = uses(Samples.concatenate([_samples(path) for path in order.runs]))
    models = tuple(_model(use, prices, money) for use in found)
    return CostReport(
        sources=tuple(map(str, order.runs)),
        pricing=str(order.pricing) if order.pricing else None,
        currency=money.currency,
        per_usd=money.per_usd,
        models=models,
        paid=_total([model.paid for model in models]),
        cost=_total([model.cost for model in models]),
    )


@dataclass(frozen=True, slots=True)
class _Money:
    """The currency of the report; one US dollar is `per_usd` of it, one unit of the price list `per_listed`."""

    currency: str
    per_usd: float | None
    per_listed: float


def _money(order: CostOrder, prices: PriceFile | None) -> _Money:
    listed = prices.currency if prices else USD
    currency = order.currency or listed
    if not re.fullmatch(CURRENCY, currency):
        raise UsageProblem(f"{currency!r} is no currency", hint="Name it by its three letters, such as USD or EUR.")
    rates = {**(prices.exchange_rates if prices else {}), USD: 1.0}
    if order.per_usd is not None:
        if currency == USD:
            raise UsageProblem("a US dollar is one US dollar", hint="--exchange-rate goes with another --currency.")
        rates[currency] = order.per_usd
    if listed != currency and (missing := [name for name in (listed, currency) if name not in rates]):
        raise UsageProblem(
            f"nobody said how much of {missing[0]} a US dollar is",
            place=str(order.pricing) if order.pricing else None,
            hint=f"Add `exchange_rates: {{{missing[0]}: …}}` to the price list, or --exchange-rate for the currency of "
            "the report.",
        )
    return _Money(currency, rates.get(currency), 1.0 if listed == currency else rates[currency] / rates[listed])


def _text(path: Path) -> Source:
    try:
        return Source(str(path), read_file(path).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigProblem("this is no text", place=str(path), hint="A price list is YAML, JSON or TOML.") from error


def _samples(path: Path) -> Samples:
    artifact = read_artifact(path)
    if not isinstance(artifact, Run):
        raise UsageProblem(
            f"only a run says what its requests used, and this is an artifact of kind {artifact.kind}",
            place=str(path),
            hint="Give the run.json.",
        )
    return samples_beside(artifact, path)


def _model(use: Use, prices: PriceFile | None, money: _Money) -> ModelCost:
    price = prices.price(use.provider, use.model) if prices else None
    paid = None if use.paid_usd is None or money.per_usd is None else use.paid_usd * money.per_usd
    return ModelCost(
        arm=use.arm,
        provider=use.provider,
        model=use.model,
        requests=use.requests,
        unknown=use.unknown,
        input_tokens=use.tokens.input_tokens,
        cached_tokens=use.tokens.cache_read_tokens,
        cache_write_tokens=use.tokens.cache_write_tokens,
        output_tokens=use.tokens.output_tokens,
        reasoning_tokens=use.tokens.output_reasoning_tokens,
        paid=paid,
        cost=None if price is None else cost(use, price) * money.per_listed,
    )


def _total(parts: Sequence[float | None]) -> float | None:
    """Add up; what is not known in part is not known in sum."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None
