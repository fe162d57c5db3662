"""The report of `lens-gate cost`: what runs cost, and would cost by another price list.

It is no artifact of the pipeline: no step reads it, and it can be made anew at any time from the runs and the price
list that it names. So it has neither `kind` nor `schema_version`.
"""

from __future__ import annotations

from typing import Literal

from lens_gate import __version__
from lens_gate.artifacts.envelope import Frozen
from lens_gate.artifacts.run import Count, Finite
from lens_gate.vocabulary.requests import Arm


class ModelCost(Frozen):
    """One model in one arm; money is in the report's currency.

    Every request that was sent counts, warm-up included. The tokens are those of `requests` less `unknown`, of which
    nobody told the bill; cached and written ones are parts of the input, reasoning ones of the output. `paid` is what
    the run recorded, `cost` what the same tokens cost by the price list; None: not known.
    """

    arm: Arm
    provider: str
    model: str
    requests: Count
    unknown: Count
    input_tokens: Count
    cached_tokens: Count
    cache_write_tokens: Count
    output_tokens: Count
    reasoning_tokens: Count
    paid: float | None
    cost: float | None


class CostReport(Frozen):
    """What runs cost, in `currency`, of which one US dollar is `per_usd` (None: nobody said).

    `pricing` names the price list; without one there is no `cost`. A total is None where a part of it is not known.
    """

    report: Literal["cost"] = "cost"
    tool_version: str = __version__
    sources: tuple[str, ...]
    pricing: str | None
    currency: str
    per_usd: Finite | None
    models: tuple[ModelCost, ...]
    paid: float | None
    cost: float | None
