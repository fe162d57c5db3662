"""The Azure LLM inference traces of 2023 and 2024: a CSV with each request's time and token counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from lens_gate.artifacts.traffic.call import Call
from lens_gate.artifacts.traffic.reading import DAMAGED, Line, rows
from lens_gate.artifacts.traffic.values import count, instant_ns
from lens_gate.errors import ArtifactCorrupt

COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")


def read(lines: Iterator[Line]) -> Iterator[Call]:
    """Translate the rows. Raises ArtifactCorrupt."""
    for place, row in rows(lines, COLUMNS):
        yield Call(
            place=place,
            at_ns=_at_ns(row["TIMESTAMP"], place),
            input_tokens=count(row["ContextTokens"], "ContextTokens", place),
            output_tokens=count(row["GeneratedTokens"], "GeneratedTokens", place),
        )


def _at_ns(text: str, place: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArtifactCorrupt(f"`TIMESTAMP`: {text!r} is no time", place=place, hint=DAMAGED) from error
    return instant_ns(moment.replace(tzinfo=moment.tzinfo or UTC))
