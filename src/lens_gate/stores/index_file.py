"""The entries of one folder of a store, as its `index.json`.

Each folder has an index of its own, so that a history of many days is never written or read as a whole. The index says
less than the folder at times (a writer was killed in between), never the other way round: bytes go first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from lens_gate.errors import StoreDamaged, StoreProblem, UsageProblem
from lens_gate.stores.base import check_key
from lens_gate.vocabulary.index import IndexEntry

INDEX = "index.json"

Entries = Mapping[str, IndexEntry]
"""Entries by the last part of their key."""


@dataclass(frozen=True, slots=True)
class _Version:
    schema_version: int


@dataclass(frozen=True, slots=True)
class _Index:
    schema_version: Literal[1]
    entries: dict[str, IndexEntry]


_VERSION = TypeAdapter(_Version)
_INDEX = TypeAdapter(_Index)


def split_key(key: str, *, place: str) -> tuple[str, str]:
    """Return the folder of a key (empty, or ending in `/`) and its name in there.

    Raises UsageProblem for a key that no store can hold, or that is an index.
    """
    head, slash, name = check_key(key).rpartition("/")
    if name == INDEX:
        raise UsageProblem(f"{INDEX} is the store's own file", place=place, hint="Take another key.")
    return head + slash, name


def read_index(data: bytes, *, place: str) -> Entries:
    """Return the entries of an index; StoreDamaged where the bytes are none, StoreProblem for a later version."""
    try:
        return _INDEX.validate_json(data).entries
    except ValidationError as error:
        _require_known_version(data, place)
        raise StoreDamaged(
            "this is not the index of a store",
            place=place,
            hint="Restore it, or delete it and run `lens-gate baseline reindex`: the runs say again what they are.",
        ) from error


def write_index(entries: Entries) -> bytes:
    """Return the bytes of an index."""
    index = _Index(schema_version=1, entries=dict(sorted(entries.items())))
    return _INDEX.dump_json(index, exclude_defaults=True) + b"\n"


def with_entry(entries: Entries, name: str, entry: IndexEntry | None) -> Entries:
    """Return the entries with this one in place of what stood under the name, or without it."""
    others = {kept: value for kept, value in entries.items() if kept != name}
    return others if entry is None else {**others, name: as_listed(entry)}


def as_listed(entry: IndexEntry) -> IndexEntry:
    """Return an entry as every store lists it: without the points of its series and the configuration."""
    if entry.run is None:
        return entry
    series = tuple(replace(one, points=()) for one in entry.run.series)
    return replace(entry, run=replace(entry.run, series=series, config=None))


def _require_known_version(data: bytes, place: str) -> None:
    try:
        version = _VERSION.validate_json(data).schema_version
    except ValidationError:
        return
    if version > 1:
        raise StoreProblem(
            f"this index of a store has schema_version {version}, and this lens-gate reads no later one than 1",
            place=place,
            hint="Upgrade lens-gate, here and in every pipeline that writes to this store.",
        )
