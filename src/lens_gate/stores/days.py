"""Walking a folder of days from its newest end, so that the last runs are found without reading the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lens_gate.stores.base import Listing
from lens_gate.stores.index_file import Entries

_NUMBER = re.compile(r"\d{2,4}")
_LEVELS = 3
"""Years, months, days."""


def newest_first(
    folder: str, count: int, *, folders: Callable[[str], tuple[str, ...]], entries: Callable[[str], Entries]
) -> tuple[Listing, ...]:
    """Return the `count` newest entries below `folder`, newest first.

    `folders` names the folders right below one, `entries` reads the index of one; folders end in `/`.
    """
    found: list[Listing] = []
    for day in _days(folder.rstrip("/") + "/", folders, _LEVELS):
        ordered = sorted(entries(day).items(), key=lambda item: (item[1].created_at, item[0]), reverse=True)
        found += [Listing(day + name, entry) for name, entry in ordered]
        if len(found) >= count:
            break
    return tuple(found[:count])


def _days(folder: str, folders: Callable[[str], tuple[str, ...]], levels: int) -> Iterator[str]:
    if not levels:
        yield folder
        return
    for name in sorted(filter(_NUMBER.fullmatch, folders(folder)), reverse=True):
        yield from _days(f"{folder}{name}/", folders, levels - 1)
