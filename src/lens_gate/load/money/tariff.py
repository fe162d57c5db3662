"""A price as the sum that it is: computed for every request, where the price list takes a thousand times as long.

The list prices an answer by a rate for each kind of token; which rates depends on the length of the input alone. So six
questions to the list tell the sum for all inputs between two of its thresholds, exactly: the arithmetic is decimal.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple


class Counts(NamedTuple):
    """Tokens in the words of the price list: `cache_*` are parts of the input, `output_reasoning` of the output."""

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    output_reasoning_tokens: int = 0


class Tariff(NamedTuple):
    """US dollars for a request, and for each token of a kind on top."""

    request: Decimal
    input: Decimal
    cache_read: Decimal
    cache_write: Decimal
    output: Decimal
    reasoning: Decimal

    def usd(self, counts: Counts) -> Decimal:
        """Return what so many tokens cost."""
        fresh, read, written, output, reasoning = counts
        return (
            self.request
            + self.input * fresh
            + self.cache_read * read
            + self.cache_write * written
            + self.output * output
            + self.reasoning * reasoning
        )


class Tariffs:
    """The tariff of each range of input lengths; `price` is asked once per range, whose `starts` no range includes."""

    def __init__(self, price: Callable[[Counts], Decimal], starts: Iterable[int]) -> None:
        self._price = price
        self._starts = sorted(set(starts))
        self._known: dict[int, Tariff] = {}

    def usd(self, counts: Counts) -> Decimal:
        """Return what so many tokens cost."""
        level = bisect_left(self._starts, counts.input_tokens)
        if level not in self._known:
            self._known[level] = self._tariff(level)
        return self._known[level].usd(counts)

    def _tariff(self, level: int) -> Tariff:
        """Ask for the rates by the shortest input of a range that has tokens."""
        length = self._starts[level - 1] + 1 if level else min([1, *self._starts[:1]])
        price, asked = self._price, Counts(input_tokens=length)
        nothing, least = price(Counts()), price(asked)
        answered = price(asked._replace(output_tokens=1))
        return Tariff(
            request=nothing,
            input=(least - nothing) / max(1, length),
            cache_read=price(asked._replace(cache_read_tokens=min(1, length))) - least,
            cache_write=price(asked._replace(cache_write_tokens=min(1, length))) - least,
            output=answered - least,
            reasoning=price(asked._replace(output_tokens=1, output_reasoning_tokens=1)) - answered,
        )
