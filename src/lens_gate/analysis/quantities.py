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
            return tpot(samples, by_usage=counted_by_server(samples))
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


def tpot(samples: Samples, *, by_usage: Flags) -> Floats:
    """Return (last token − first token) / (n − 1) in nanoseconds; n is the server's count, elsewhere that of chunks.

    NaN below two tokens, and where all of them came at once: then nobody saw the pace.
    """
    numbers = samples.numbers
    elapsed = numbers["last_token_ns"] - numbers["first_token_ns"]
    return _ratio(np.where(elapsed > 0, elapsed, np.nan), streamed_tokens(samples, by_usage=by_usage) - 1)


def streamed_tokens(samples: Samples, *, by_usage: Flags) -> Floats:
    """Return how many tokens of each answer were streamed: by the server's count, elsewhere as many as chunks.

    Where nobody counted chunks either, as in the files of some other tools, it is the estimate that there is.
    """
    numbers = samples.numbers
    estimated = samples.texts["token_source"].equals(TokenSource.ESTIMATE) & (numbers["chunk_count"] == 0)
    otherwise = np.where(estimated, numbers["output_tokens"], numbers["chunk_count"])
    return np.where(by_usage, numbers["output_tokens"] - _hidden_tokens(samples), otherwise)


def _hidden_tokens(samples: Samples) -> Floats:
    """Return the reasoning tokens that were billed and not streamed: they came before the first token that was."""
    numbers = samples.numbers
    unseen = numbers["first_visible_ns"] == numbers["first_token_ns"]
    return np.where(unseen, np.nan_to_num(numbers["reasoning_tokens"]), 0.0)


def _ratio(part: Floats, whole: Floats) -> Floats:
    ratio = np.full(len(part), np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio
