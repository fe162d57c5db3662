"""BurstGPT: a CSV with seconds since its beginning, the model, and the tokens of request and response.

A response of 0 tokens is a request that failed.
"""

from __future__ import annotations

from collections.abc import Iterator

from lens_gate.artifacts.traffic.call import Call
from lens_gate.artifacts.traffic.reading import Line, rows
from lens_gate.artifacts.traffic.values import count, seconds_ns

COLUMNS = ("Timestamp", "Model", "Request tokens", "Response tokens")


def read(lines: Iterator[Line]) -> Iterator[Call]:
    """Translate the rows. Raises ArtifactCorrupt."""
    for place, row in rows(lines, COLUMNS):
        yield Call(
            place=place,
            at_ns=seconds_ns(row["Timestamp"], "Timestamp", place),
            input_tokens=count(row["Request tokens"], "Request tokens", place),
            output_tokens=count(row["Response tokens"], "Response tokens", place),
            model=row["Model"] or None,
        )
