"""Stored runs and baselines as lines for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TypeAlias

import orjson
from pydantic import JsonValue

from lens_gate.reports.escape import plain
from lens_gate.vocabulary.index import IndexEntry

Row: TypeAlias = tuple[str, IndexEntry | None]
"""What a line begins with (a name or a key), and what is kept beside it."""

_HEADS = ("", "measured", "commit", "branch", "requests", "verdict", "accepted")


def table(rows: Sequence[Row], *, first: str) -> str:
    """Return one line for each stored run, in columns."""
    cells = [(first, *_HEADS[1:]), *((plain(name), *_cells(entry)) for name, entry in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEADS))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)


def _cells(entry: IndexEntry | None) -> tuple[str, ...]:
    if entry is None or entry.run is None:
        return ("unknown", "", "", "", "", "")
    acceptance = entry.acceptance
    return (
        entry.run.start_time[:16].replace("T", " "),
        plain(entry.commit or "")[:12],
        plain(entry.branch or ""),
        str(sum(one.requests for one in entry.run.series)),
        entry.outcome or "",
        "" if acceptance is None else plain(f"{acceptance.by}: {acceptance.reason}"),
    )


def as_json(rows: Sequence[Row], *, first: str) -> str:
    """Return the same as JSON: a list of what is kept of each run, without its time series and configuration."""
    return orjson.dumps([_fields(name, entry, first) for name, entry in rows], option=orjson.OPT_INDENT_2).decode()


def _fields(name: str, entry: IndexEntry | None, first: str) -> dict[str, JsonValue]:
    if entry is None:
        return {first: name, "entry": None}
    return {first: name, "entry": asdict(entry)}


def details(name: str, entry: IndexEntry) -> str:
    """Return what is known of one baseline, a line for each fact."""
    row = entry.run
    lines = [f"baseline {plain(name)}: run {plain(entry.id)}", f"  name      {plain(entry.name)}"]
    if row is not None:
        lines.append(f"  measured  {row.start_time} for {row.duration_seconds:.0f} s on {plain(row.runner)}")
        lines += [
            f"  series    {plain(f'{one.provider}/{one.model}')}: {one.successful} of {one.requests} requests succeeded"
            for one in row.series
        ]
    lines.append(f"  commit    {plain(entry.commit or 'unknown')} of {plain(entry.branch or 'no branch')}")
    lines.append(f"  verdict   {entry.outcome or 'not judged'}")
    if acceptance := entry.acceptance:
        until = f", until {acceptance.expires[:10]}" if acceptance.expires else ""
        lines.append(
            f"  accepted  by {plain(acceptance.by)} on {acceptance.at[:10]}{until}: {plain(acceptance.reason)}"
        )
    return "\n".join(lines)
