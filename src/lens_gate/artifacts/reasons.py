"""Reasons in artifacts: what was decided is told by a code and its numbers, unrounded; reports make the sentence."""

from __future__ import annotations

from pydantic import Field

from lens_gate.artifacts.envelope import Frozen
from lens_gate.artifacts.run import Finite
from lens_gate.vocabulary.reasons import Why


class Reason(Frozen):
    """One reason with the numbers and names that its sentence needs; `unit` is that of changes and their limits."""

    why: Why
    values: dict[str, Finite | str] = Field(default_factory=dict)


def because(why: Why, /, **values: float | str) -> Reason:
    """Return a reason."""
    return Reason(why=why, values=dict(values))
