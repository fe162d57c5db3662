"""A price list of your own, for `lens-gate cost --pricing`: what models cost, in which currency (pure)."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from lens_gate.config.check import did_you_mean, expected, shown
from lens_gate.config.index import KeyPath, dotted
from lens_gate.config.load import Source, read
from lens_gate.config.problems import Problem, joined, raise_problems
from lens_gate.config.section import Section
from lens_gate.config.tree import Parsed
from lens_gate.errors import ConfigProblem

USD = "USD"
CURRENCY = r"^[A-Z]{3}$"
"""A currency is named by its three letters (ISO 4217)."""

Currency = Annotated[str, Field(pattern=CURRENCY)]
Rate = Annotated[float, Field(gt=0)]
Amount = Annotated[float, Field(ge=0)]


class ModelPrice(Section):
    """The price of one model, in the currency of its file, for a million tokens of each kind, and for each request.

    Cached input, and input that is written to the cache, cost as much as other input where nothing is said of them;
    so does reasoning as other output.
    """

    input_per_million: Amount
    output_per_million: Amount
    cached_input_per_million: Amount | None = None
    cache_write_per_million: Amount | None = None
    reasoning_per_million: Amount | None = None
    per_request: Amount = 0.0


class PriceFile(Section):
    """A price list: models by `provider/model`, or by their bare id for whoever offers them.

    `exchange_rates` say how much of another currency one US dollar is.
    """

    currency: Currency = USD
    exchange_rates: dict[Currency, Rate] = Field(default_factory=dict)
    models: dict[str, ModelPrice] = Field(min_length=1)

    def price(self, provider: str, model: str) -> ModelPrice | None:
        """Return the price of a model; the entry that names its provider wins."""
        return self.models.get(f"{provider}/{model}") or self.models.get(model)


def load_prices(source: Source) -> PriceFile:
    """Read and check a price list (YAML, JSON or TOML); raise one ConfigProblem that lists everything wrong with it."""
    parsed = read(source)
    raise_problems(parsed.problems)
    try:
        return PriceFile.model_validate(parsed.tree)
    except ValidationError as error:
        wrong = [_worded(parsed, detail) for detail in error.errors(include_url=False)]
        raise joined(wrong, ConfigProblem, place=source.name, hint=_HINT) from error


_HINT = "Correct them; docs/costs.md shows a price list."

_KEYS: Mapping[int, type[Section]] = {1: PriceFile, 3: ModelPrice}
"""The sections of the file, by how many names lead to one of their keys."""


def _worded(parsed: Parsed, detail: ErrorDetails) -> Problem:
    path = tuple(step for step in detail["loc"] if step != "[key]")
    name, place = dotted(path), _place(parsed, path)
    match detail["type"]:
        case "extra_forbidden":
            known = list(_KEYS[len(path)].model_fields)
            near = did_you_mean(difflib.get_close_matches(str(path[-1]), known, n=2, cutoff=0.5))
            return Problem(place, f"unknown key `{name}`", near or f"Known here: {', '.join(known)}.")
        case "missing":
            return Problem(place, f"`{name}` is missing", f"Add `{path[-1]}` here.")
        case "string_pattern_mismatch":
            wanted = "a currency in three capital letters, such as EUR"
        case _:
            wanted = expected(detail)
    return Problem(place, f"`{name}`: expected {wanted}, got {shown(detail['input'], secret=False)}")


def _place(parsed: Parsed, path: KeyPath) -> str:
    """Return `file:line` of a key, or of the nearest section around it that was written."""
    around = (path[:end] for end in range(len(path), 0, -1))
    return f"{parsed.name}:{next((parsed.lines[one] for one in around if one in parsed.lines), 1)}"
