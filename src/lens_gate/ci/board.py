"""The state of one comment that several jobs share: what each suite's last run said, hidden inside its text (pure).

A comment begins with a marker that names its board, and ends with the state, packed. Both are comments of HTML: they
hold nothing but letters, digits and a few signs, so that no name can end them.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from pydantic import JsonValue

MOST_SLOTS = 300
"""A workflow has at most 256 legs of a matrix."""

_MOST_PACKED = 65_536
_MOST_BYTES = 1_000_000
_VERSION = "1"
_STATE = re.compile(r"<!-- lens-gate state ([0-9]{1,3}) ([A-Za-z0-9+/=]*) -->\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What one suite's run said; of two runs the one that began later counts. `content` is the caller's own."""

    run_id: int
    attempt: int
    content: JsonValue

    @property
    def age(self) -> tuple[int, int]:
        """Grows from run to run, and from attempt to attempt."""
        return self.run_id, self.attempt


@dataclass(frozen=True, slots=True)
class Board:
    """The slots of all suites by their names."""

    slots: Mapping[str, Slot] = field(default_factory=dict)

    def with_slots(self, slots: Mapping[str, Slot]) -> Board:
        """Return the board with these slots, except where it knows of a later run; names stay in their order."""
        merged = dict(self.slots)
        for name, slot in slots.items():
            if name not in merged or slot.age >= merged[name].age:
                merged[name] = slot
        return Board(dict(sorted(merged.items())))


def marker(key: str) -> str:
    """Return the first line of a board's comment."""
    return f"<!-- lens-gate board {quote(key, safe='').replace('-', '%2D')} -->"


def written(key: str, text: str, board: Board) -> str:
    """Return the whole body of a board's comment."""
    return f"{marker(key)}\n{text.strip()}\n\n{packed(board)}\n"


def packed(board: Board) -> str:
    """Return the state as one line."""
    slots = {name: [slot.run_id, slot.attempt, slot.content] for name, slot in board.slots.items()}
    data = json.dumps(slots, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
    return f"<!-- lens-gate state {_VERSION} {base64.b64encode(zlib.compress(data, 9)).decode('ascii')} -->"


def read_board(bodies: Iterable[str]) -> Board:
    """Return what comments of one board hold together; state that is not exactly what we write counts for nothing."""
    board = Board()
    for body in bodies:
        board = board.with_slots(_slots(body))
    return board


def _slots(body: str) -> dict[str, Slot]:
    found = _STATE.search(body)
    if found is None or found[1] != _VERSION or len(found[2]) > _MOST_PACKED:
        return {}
    document = _document(found[2])
    if not isinstance(document, dict) or len(document) > MOST_SLOTS:
        return {}
    slots = ((name, _slot(value)) for name, value in document.items())
    return {name: slot for name, slot in slots if slot is not None}


def _document(text: str) -> JsonValue:
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(text, validate=True), _MOST_BYTES)
        document: JsonValue = json.loads(data) if unpacker.eof else None
    except (binascii.Error, zlib.error, ValueError, RecursionError):
        return None
    return document


def _slot(value: JsonValue) -> Slot | None:
    match value:
        case [int(run_id), int(attempt), content] if 0 < run_id < 2**63 and 0 < attempt < 10**6:
            return Slot(run_id=run_id, attempt=attempt, content=content)
        case _:
            return None
