"""What runs of one month spent, so that budgets hold over many of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lens_gate.artifacts.envelope import Frozen

Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class LedgerEntry(Frozen):
    """One run, counted on the day (UTC) on which it began.

    `reserved_usd` is what it may spend at most; `spent_usd` what it did, None until it has ended. A run that was killed
    never says, and counts with all that it reserved.
    """

    run: str
    day: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    reserved_usd: Dollars
    spent_usd: Dollars | None = None


class Ledger(Frozen):
    """The runs of one month."""

    schema_version: Literal[1] = 1
    entries: tuple[LedgerEntry, ...] = ()
