"""Mooncake traces: JSON lines with milliseconds, token counts, and the ids of the prompt's blocks of 512 tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from lens_gate.artifacts.foreign.reading import Count, Lenient, Milliseconds
from lens_gate.artifacts.traffic.call import BLOCK_TOKENS, Call
from lens_gate.artifacts.traffic.reading import DAMAGED, Line
from lens_gate.artifacts.traffic.values import read_as
from lens_gate.errors import ArtifactCorrupt

MARKS = frozenset({"timestamp", "input_length", "output_length"})
"""The keys that tell the format."""


class _Entry(Lenient):
    timestamp: Milliseconds
    input_length: Count
    output_length: Count
    hash_ids: Annotated[list[Count], Field(default_factory=list)]


def read(lines: Iterator[Line]) -> Iterator[Call]:
    """Translate the lines. Raises ArtifactCorrupt."""
    for line in lines:
        entry = read_as(_Entry, line)
        if len(entry.hash_ids) * BLOCK_TOKENS >= entry.input_length + BLOCK_TOKENS:
            raise ArtifactCorrupt(
                f"{len(entry.hash_ids)} blocks of {BLOCK_TOKENS} tokens hold more than {entry.input_length} tokens",
                place=line.place,
                hint=DAMAGED,
            )
        yield Call(
            place=line.place,
            at_ns=round(entry.timestamp * 1e6),
            input_tokens=entry.input_length,
            output_tokens=entry.output_length,
            blocks=tuple(entry.hash_ids),
        )
