"""One suite's result as it is kept inside a shared comment: enough to write its part anew, and never trusted.

Whoever may write to a repository may edit its comments. What is read back is therefore bounded in every field, and each
text is plain: it is escaped when it is shown, as if it came from anywhere.
"""

from __future__ import annotations

from typing import Annotated, Literal

import orjson
from pydantic import Field, JsonValue, ValidationError

from lens_gate.artifacts.envelope import Frozen
from lens_gate.vocabulary.outcomes import ExitCode, Outcome

MOST_ROWS = 10
MOST_CAUSES = 3

_Cell = Annotated[str, Field(max_length=80)]
_Title = Annotated[str, Field(max_length=250)]
_Sentence = Annotated[str, Field(max_length=600)]
_Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")]
_Count = Annotated[int, Field(ge=0, le=1_000_000)]

MarkWord = Literal[
    "pass",
    "regression",
    "inconclusive",
    "nothing to compare",
    "no baseline",
    "not measured",
    "beyond the limit",
    "warning",
    "info",
]

_OtherMark = Literal["warning", "inconclusive"] | None
"""What fails its command though no check of severity `error` did."""


class LegRow(Frozen):
    """One check that did not pass, in the words of the report."""

    mark: MarkWord
    title: _Title
    baseline: _Cell
    change: _Cell
    interval: _Cell
    allowed: _Cell
    reason: _Sentence = ""


class Leg(Frozen):
    """The verdict of one suite: `open_checks` did not pass, of which the worst are the rows; `passed` did.

    `exit_code` is what the verdict meant for its command, `mark` its mark where that is not the one of its outcome.
    """

    suite: Annotated[str, Field(min_length=1, max_length=100)]
    outcome: Outcome
    exit_code: ExitCode
    mark: _OtherMark = None
    headline: _Sentence
    second: Annotated[str, Field(max_length=1_500)] = ""
    compared: Annotated[str, Field(max_length=1_500)] = ""
    interval_title: _Cell = ""
    rows: Annotated[tuple[LegRow, ...], Field(max_length=MOST_ROWS)] = ()
    causes: Annotated[tuple[_Sentence, ...], Field(max_length=MOST_CAUSES)] = ()
    open_checks: _Count = 0
    passed: _Count = 0
    next_step: _Sentence | None = None
    commit: _Commit | None = None


class LeftOut(Frozen):
    """What is kept of a suite that a comment has no room for: enough to count it.

    A `silent` one is no suite: a job was there, among others that did not know what they had to measure.
    """

    outcome: Outcome
    exit_code: ExitCode
    mark: _OtherMark = None
    commit: _Commit | None = None
    silent: bool = False


def left_out(leg: Leg) -> LeftOut:
    """Return a result without all that takes room."""
    return LeftOut(outcome=leg.outcome, exit_code=leg.exit_code, mark=leg.mark, commit=leg.commit)


def read_leg(value: JsonValue) -> Leg | LeftOut | None:
    """Return the result that a comment holds; None where it is not exactly what we write."""
    kind = Leg if isinstance(value, dict) and "suite" in value else LeftOut
    try:
        return kind.model_validate_json(orjson.dumps(value), strict=True)
    except (ValidationError, orjson.JSONEncodeError):
        return None


def written_leg(leg: Leg | LeftOut) -> dict[str, JsonValue]:
    """Return a result as it is kept: without what has its default."""
    return leg.model_dump(mode="json", exclude_defaults=True)
