"""What was measured under another price list: the tokens as they were billed, at other rates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import fsum

import numpy as np
from numpy.typing import NDArray

from lens_gate.artifacts.samples import Samples
from lens_gate.config.price_file import ModelPrice
from lens_gate.load.money.budget import UNBILLED, WHOLE
from lens_gate.load.money.tariff import Counts, Tariff
from lens_gate.vocabulary.requests import Arm, Status, TokenSource

_SUCCESSES_BELOW = 300
"""The statuses below are those of success: an error inside of one may have been billed, whatever it is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one model in one arm used up: the requests that were sent, and the tokens of the `billed` ones.

    Those that no model answered cost nothing and count as known; of `unknown` ones nobody told the bill. `paid_usd` is
    what was recorded, None where no request has a price.
    """

    arm: Arm
    provider: str
    model: str
    requests: int
    billed: int
    unknown: int
    tokens: Counts
    paid_usd: float | None


def uses(samples: Samples) -> tuple[Use, ...]:
    """Return what each model of each arm used up, the warm-up included, in the order of first appearance."""
    return tuple(_uses(samples.where(~samples.texts["status"].equals(Status.SHED))))


def cost(use: Use, price: ModelPrice) -> float:
    """Return what `use` costs at `price`, in its currency; prices are decimal, so that the sum is exact."""
    rates = tariff(price)
    return float(rates._replace(request=rates.request * use.billed).usd(use.tokens))


def tariff(price: ModelPrice) -> Tariff:
    """Return a price as what a request and each token cost; those of a part are told on top of their whole."""
    input_rate, output_rate = _per_token(price.input_per_million), _per_token(price.output_per_million)
    return Tariff(
        request=Decimal(str(price.per_request)),
        input=input_rate,
        cache_read=_on_top(price.cached_input_per_million, input_rate),
        cache_write=_on_top(price.cache_write_per_million, input_rate),
        output=output_rate,
        reasoning=_on_top(price.reasoning_per_million, output_rate),
    )


def _per_token(per_million: float) -> Decimal:
    return Decimal(str(per_million)) / 1_000_000


def _on_top(per_million: float | None, whole: Decimal) -> Decimal:
    return Decimal(0) if per_million is None else _per_token(per_million) - whole


def _uses(samples: Samples) -> Iterator[Use]:
    names = (samples.texts["arm"], samples.texts["provider"], samples.texts["model"])
    codes = np.stack([column.codes for column in names], axis=1)
    _, first, inverse = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    groups = inverse.reshape(-1)
    for group in np.argsort(first):
        arm, provider, model = (column.values[code] for column, code in zip(names, codes[first[group]], strict=True))
        yield _use(samples.where(groups == group), Arm(arm), provider, model)


def _use(rows: Samples, arm: Arm, provider: str, model: str) -> Use:
    billed = rows.where(_billed(rows))
    paid = rows.numbers["cost_usd"]
    known = paid[~np.isnan(paid)]
    free = int(_turned_away(rows).sum())
    return Use(
        arm=arm,
        provider=provider,
        model=model,
        requests=len(rows),
        billed=len(billed),
        unknown=len(rows) - len(billed) - free,
        tokens=_tokens(billed),
        paid_usd=fsum(known) if len(known) else None,
    )


def _billed(rows: Samples) -> NDArray[np.bool_]:
    """Return which answers came to their end with the server's own counts: those are what it bills."""
    told = ~np.isnan(rows.numbers["input_tokens"]) & ~np.isnan(rows.numbers["output_tokens"])
    return _any_of(rows, WHOLE) & rows.texts["token_source"].equals(TokenSource.SERVER) & told


def _turned_away(rows: Samples) -> NDArray[np.bool_]:
    status = rows.numbers["http_status"]
    return _any_of(rows, UNBILLED) & (np.isnan(status) | (status >= _SUCCESSES_BELOW))


def _any_of(rows: Samples, classes: frozenset[str]) -> NDArray[np.bool_]:
    column = rows.texts["error_class"]
    return np.isin(column.codes, [code for code, value in enumerate(column.values) if value in classes])


def _tokens(billed: Samples) -> Counts:
    """Add up the tokens; of each request a part is cut to its whole, because servers do misreport them."""
    found = {name: np.nan_to_num(billed.numbers[f"{name}_tokens"]) for name in _KINDS}
    cached = np.minimum(found["cached"], found["input"])
    return Counts(
        input_tokens=int(found["input"].sum()),
        cache_read_tokens=int(cached.sum()),
        cache_write_tokens=int(np.minimum(found["cache_write"], found["input"] - cached).sum()),
        output_tokens=int(found["output"].sum()),
        output_reasoning_tokens=int(np.minimum(found["reasoning"], found["output"]).sum()),
    )


_KINDS = ("input", "cached", "cache_write", "output", "reasoning")
