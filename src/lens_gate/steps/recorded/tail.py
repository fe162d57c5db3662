"""What is known of a run once it has ended, as the last line of its journal says it (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue, TypeAdapter, ValidationError

from lens_gate.artifacts.instrument import Stamps
from lens_gate.artifacts.run import Look, Replayed, Spend
from lens_gate.errors import ArtifactCorrupt
from lens_gate.load.record.run_end import RunEnd
from lens_gate.vocabulary.requests import ErrorClass

_Examples = Sequence[tuple[str, ErrorClass, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """How a run ended, at which time of day (RFC 3339, UTC), what it cost, and the looks that were taken at it."""

    end: RunEnd
    ended: str
    spend: Spend
    looks: tuple[Look, ...]
    replayed: Replayed | None = None
    stamps: Stamps | None = None


_TAIL, _EXAMPLES = TypeAdapter(Tail), TypeAdapter(_Examples)


def tail_note(tail: Tail) -> JsonValue:
    """Return the tail as JSON; examples become rows, since JSON has no pairs as keys."""
    bare = _TAIL.dump_python(replace(tail, end=replace(tail.end, examples={})), mode="json")
    rows: list[JsonValue] = [[series, error.value, text] for (series, error), text in tail.end.examples.items()]
    note: JsonValue = {**bare, "examples": rows}
    return note


def read_tail(note: JsonValue, *, name: str) -> Tail | None:
    """Read what `tail_note` wrote; None for None. Raises ArtifactCorrupt; `name` is the file."""
    if note is None:
        return None
    rest = dict(note) if isinstance(note, dict) else {}
    try:
        rows = _EXAMPLES.validate_python(rest.pop("examples", None))
        tail = _TAIL.validate_python(rest)
    except ValidationError as error:
        raise ArtifactCorrupt(
            "the last line of this journal does not say how the run ended",
            place=name,
            hint="Read it with the version of lens-gate that wrote it.",
        ) from error
    examples = {(series, error): text for series, error, text in rows}
    return replace(tail, end=replace(tail.end, examples=examples))
