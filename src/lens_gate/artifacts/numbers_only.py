"""A verdict that somebody else may have forged, with its numbers and names alone.

The names stay, cut short; every sentence goes, and with it every command that a reader might copy: what a report says
in words is then said by us, from numbers that are of the right kind and size. What fills the sentence of a reason is a
number, one of a closed set of words, or ours: our sentence must not carry what somebody else wrote.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar, get_args

from pydantic import JsonValue, ValidationError

from lens_gate.artifacts.envelope import Envelope
from lens_gate.artifacts.verdict import Side
from lens_gate.errors import ArtifactCorrupt
from lens_gate.vocabulary.metric_table import METRICS
from lens_gate.vocabulary.metrics import Unit

LONGEST_NAME = 100
SAID_ELSEWHERE = "see the artifact of the run"

_Left = TypeVar("_Left", bound=Envelope)

_SENTENCES = frozenset({"message", "reason", "text", "not_covered"})
_EMPTIED: dict[str, JsonValue] = {
    "ending_message": None,
    "example": None,
    "false_alarm_note": None,
    "place": None,
    "need": None,
    "covering": None,
    "exhibits": None,
    "notes": [],
    "config": {},
}
_COMMIT = re.compile(r"[0-9a-f]{7,64}")

_METRICS = frozenset(one.name for one in METRICS)
_WORDS: Mapping[str, frozenset[str]] = {
    "unit": frozenset({*Unit, "%", "points"}),
    "side": frozenset({*get_args(Side), "base", "candidate"}),
    "sides": frozenset({"base", "candidate", "base and of the candidate"}),
    "way": frozenset({"up", "down"}),
    "centre": frozenset({"mean", "median"}),
    "where": frozenset({"stored run", "control"}),
    "metric": _METRICS,
}
"""The words that a reason may have, by their names in its sentence."""

_OUR_WORDS: Mapping[str, str] = {
    "text": SAID_ELSEWHERE,
    "lacking": SAID_ELSEWHERE,
    "condition": "the condition",
    "base_name": "base",
    "candidate_name": "candidate",
}
"""What stands for words that anybody may choose; a sentence has a dash for the others."""

# fmt: off
_NUMBERS = frozenset({
    "all", "base", "before", "candidate", "change", "confidence", "errors", "failed", "level", "limit", "lower",
    "measured", "most", "needed", "now", "own", "p", "pairs", "percent", "planned", "requests", "run", "runs",
    "second", "spread", "then", "throttled", "total", "typical", "upper", "usual", "value", "visible", "worst",
})
# fmt: on
"""The numbers that sentences name; those of a condition go by their metrics."""


def numbers_only(left: _Left) -> _Left:
    """Return what a job left without what it says in words, and with names of at most LONGEST_NAME characters.

    Raises ArtifactCorrupt where it is none without them.
    """
    try:
        return type(left).model_validate(_cleaned(left.model_dump(mode="json"), ""))
    except ValidationError as error:
        raise ArtifactCorrupt(
            "this verdict makes no sense without its texts", hint="Upload what `lens-gate ci` wrote."
        ) from error


def _cleaned(value: JsonValue, key: str) -> JsonValue:
    if key in _EMPTIED:
        return _EMPTIED[key]
    match value:
        case dict():
            return _filled_by_us(value) if key == "values" else _cleaned_part(value, key)
        case list():
            return [_cleaned(one, key) for one in value]
        case str():
            return SAID_ELSEWHERE if key in _SENTENCES else value[:LONGEST_NAME]
        case _:
            return value


def _cleaned_part(part: Mapping[str, JsonValue], key: str) -> dict[str, JsonValue]:
    inside = {name[:LONGEST_NAME]: _cleaned(inner, name) for name, inner in part.items()}
    return _unnamed(inside) if {"arm", "label"} <= inside.keys() or key == "comparison" else inside


def _filled_by_us(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return what fills the sentence of a reason without a word that its writer could choose, names of values too."""
    numbers = {
        name: value for name, value in values.items() if name in _NUMBERS | _METRICS and not isinstance(value, str)
    }
    words = {name: value for name, value in values.items() if isinstance(value, str) and value in _WORDS.get(name, ())}
    ours = {name: word for name, word in _OUR_WORDS.items() if name in values}
    return {**numbers, **words, **ours}


def _unnamed(part: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Name an arm by its commit or its side, and the comparison by nothing: both are words that people copy."""
    commit = part.get("commit")
    known = commit if isinstance(commit, str) and _COMMIT.fullmatch(commit) else None
    named = {"label": known or part.get("arm"), "commit": known} if "arm" in part else {}
    return {**part, **named, **({"value": "base"} if "value" in part else {})}
