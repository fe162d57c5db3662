"""What is timed or counted on each request, as columns; NaN where a request has no such value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lens_gate.artifacts.samples import Samples
from lens_gate.vocabulary.metrics import Quantity
from lens_gate.vocabulary.requests import Phase, Status, TokenSource

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

NS_PER_MS = 1e6


def measured(samples: Samples) -> Samples:
    """Return the requests that count: those of the measured phase."""
    return samples.where(samples.texts["phase"].equals(Phase.MEASURE))


def with_status(samples: Samples, status: Status) -> Flags:
    """Return which requests ended so."""
    return samples.texts["status"].equals(status)


def column(samples: Samples, quantity: Quantity) -> Floats:
    """Return a quantity per request: times in nanoseconds, cost in dollars, the cached share as a fraction."""
    numbers = samples.numbers
    match quantity:
        case Quantity.LATENCY:
            return numbers["end_ns"] - numbers["intended_ns"]
        case Quantity.SERVICE_LATENCY:
            return numbers["end_ns"] - numbers["sent_ns"]
        case Quantity.TTFT:
            return numbers["first_token_ns"] - numbers["intended_ns"]
        case Quantity.TTFT_VISIBLE:
            return numbers["first_visible_ns"] - numbers["intended_ns"]
        case _:
            return _counted(samples, quantity)


def _counted(samples: Samples, quantity: Quantity) -> Floats:
    numbers = samples.numbers
    match quantity:
        case Quantity.TPOT:
            return tpot(samples, np.where(counted_by_server(samples), numbers["output_tokens"], numbers["chunk_count"]))
        case Quantity.COST:
            return numbers["cost_usd"]
        case Quantity.OUTPUT_TOKENS:
            return numbers["output_tokens"]
        case Quantity.CACHED_SHARE:
            return _ratio(numbers["cached_tokens"], numbers["input_tokens"])
        case _:
            msg = f"{quantity} has no single value per request"
            raise ValueError(msg)


def counted_by_server(samples: Samples) -> Flags:
    """Return which requests have token counts from the server's own usage."""
    return samples.texts["token_source"].equals(TokenSource.SERVER) & ~np.isnan(samples.numbers["output_tokens"])


def tpot(samples: Samples, tokens: Floats) -> Floats:
    """Return (last token − first token) / (n − 1) in nanoseconds, NaN below two tokens."""
    return _ratio(samples.numbers["last_token_ns"] - samples.numbers["first_token_ns"], tokens - 1)


def _ratio(part: Floats, whole: Floats) -> Floats:
    ratio = np.full(len(part), np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio
