"""Walking a folder of days from its newest end, so that the last runs are found without reading the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from lens_gate.stores.base import Listing
from lens_gate.stores.index_file import Entries
from lens_gate.vocabulary.index import IndexEntry

_NUMBER = re.compile(r"\d{2,4}")
_LEVELS = 3
"""Years, months, days."""


def newest_first(
    folder: str,
    count: int,
    until: str | None = None,
    *,
    folders: Callable[[str], tuple[str, ...]],
    entries: Callable[[str], Entries],
) -> tuple[Listing, ...]:
    """Return the `count` newest entries below `folder`, newest first, of no day after `until`.

    `folders` names the folders right below one, `entries` reads the index of one; folders end in `/`.
    """
    found: list[Listing] = []
    root = folder.rstrip("/") + "/"

    def up_to(parent: str) -> Iterator[str]:
        """Yield the folders of a level that hold days up to the last one that is asked for."""
        for name in folders(parent):
            inside = f"{parent}{name}".removeprefix(root)
            if until is None or inside <= until[: len(inside)]:
                yield name

    for day in _days(root, up_to, _LEVELS):
        found += newest_listed({day + name: entry for name, entry in entries(day).items()})
        if len(found) >= count:
            break
    return tuple(found[:count])


def newest_listed(entries: Mapping[str, IndexEntry]) -> list[Listing]:
    """Return entries by key as a listing: newest day first, then newest time, then last name."""

    def age(key: str) -> tuple[list[str], str, str]:
        folder, _, name = key.rpartition("/")
        return folder.split("/"), entries[key].created_at, name

    return [Listing(key, entries[key]) for key in sorted(entries, key=age, reverse=True)]


def _days(folder: str, folders: Callable[[str], Iterable[str]], levels: int) -> Iterator[str]:
    if not levels:
        yield folder
        return
    for name in sorted(filter(_NUMBER.fullmatch, folders(folder)), reverse=True):
        yield from _days(f"{folder}{name}/", folders, levels - 1)
