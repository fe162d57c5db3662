"""The kinds of marks: which shape and colour of the style sheet a state has, the same on every page."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from lens_gate.reports.svg import Shape
from lens_gate.reports.words import BROKEN, INFO, MARKS, WARNING, Mark
from lens_gate.vocabulary.outcomes import Outcome


class Kind(StrEnum):
    """A class of the style sheet; each has an icon of its own in the page."""

    PASS = "pass"
    REGRESSION = "regression"
    INCONCLUSIVE = "inconclusive"
    WARNING = "warning"
    UNMEASURED = "unmeasured"
    NEUTRAL = "neutral"


KINDS: Mapping[Mark, Kind] = {
    MARKS[Outcome.PASS]: Kind.PASS,
    MARKS[Outcome.REGRESSION]: Kind.REGRESSION,
    MARKS[Outcome.INCONCLUSIVE]: Kind.INCONCLUSIVE,
    MARKS[Outcome.NOTHING_TO_COMPARE]: Kind.NEUTRAL,
    MARKS[Outcome.NO_BASELINE]: Kind.NEUTRAL,
    MARKS[Outcome.NOT_MEASURED]: Kind.UNMEASURED,
    BROKEN: Kind.REGRESSION,
    WARNING: Kind.WARNING,
    INFO: Kind.NEUTRAL,
}

SHAPES: Mapping[Kind, Shape] = {
    Kind.PASS: Shape.CIRCLE,
    Kind.REGRESSION: Shape.DIAMOND,
    Kind.INCONCLUSIVE: Shape.CIRCLE,
    Kind.WARNING: Shape.TRIANGLE,
    Kind.UNMEASURED: Shape.SQUARE,
    Kind.NEUTRAL: Shape.SQUARE,
}
"""How an estimate of this kind stands on an axis; the style sheet leaves that of an inconclusive one hollow."""


def kind_of(mark: Mark) -> Kind:
    """Return the kind of a mark."""
    return KINDS[mark]
