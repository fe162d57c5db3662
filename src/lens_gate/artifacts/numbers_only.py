"""A verdict that somebody else may have forged, with its numbers and names alone.

The names stay, cut short; every sentence goes, and with it every command that a reader might copy: what a report says
in words is then said by us, from numbers that are of the right kind and size.
"""

from __future__ import annotations

import re

from pydantic import JsonValue, ValidationError

from lens_gate.artifacts.verdict import Verdict
from lens_gate.errors import ArtifactCorrupt

LONGEST_NAME = 100
SAID_ELSEWHERE = "see the artifact of the run"

_SENTENCES = frozenset({"message", "reason", "text", "not_covered", "condition", "lacking", "having"})
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


def numbers_only(verdict: Verdict) -> Verdict:
    """Return the verdict without what it says in words, and with names of at most LONGEST_NAME characters.

    Raises ArtifactCorrupt where it is none without them.
    """
    try:
        return Verdict.model_validate(_cleaned(verdict.model_dump(mode="json"), ""))
    except ValidationError as error:
        raise ArtifactCorrupt(
            "this verdict makes no sense without its texts", hint="Upload what `lens-gate ci` wrote."
        ) from error


def _cleaned(value: JsonValue, key: str) -> JsonValue:
    if key in _EMPTIED:
        return _EMPTIED[key]
    match value:
        case dict():
            inside = {name[:LONGEST_NAME]: _cleaned(inner, name) for name, inner in value.items()}
            return _unnamed(inside) if {"arm", "label"} <= inside.keys() or key == "comparison" else inside
        case list():
            return [_cleaned(one, key) for one in value]
        case str():
            return SAID_ELSEWHERE if key in _SENTENCES else value[:LONGEST_NAME]
        case _:
            return value


def _unnamed(part: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Name an arm by its commit or its side, and the comparison by nothing: both are words that people copy."""
    commit = part.get("commit")
    known = commit if isinstance(commit, str) and _COMMIT.fullmatch(commit) else None
    named = {"label": known or part.get("arm"), "commit": known} if "arm" in part else {}
    return {**part, **named, **({"value": "base"} if "value" in part else {})}
