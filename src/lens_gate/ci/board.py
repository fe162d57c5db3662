"""The state of one comment that several jobs share: what each of them said last, hidden inside its text (pure).

A comment begins with a marker that names its board, and ends with the state, packed. Both are comments of HTML: they
hold nothing but letters, digits and a few signs, so that no name can end them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pydantic import JsonValue

MOST_SLOTS = 768
"""Three whole matrices of a workflow; of most results only the outcome is kept then."""

_MOST_PACKED = 65_536
_MOST_BYTES = 1_000_000
_DIGITS = 16
_VERSION = "3"
_READABLE = ("2", _VERSION)
_STATE = re.compile(r"<!-- lens-gate state ([0-9]{1,3}) ([A-Za-z0-9+/=]*) -->\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One result. Its `lane` is the suite and the job that say it, as far as jobs can be told apart.

    `source` is what was measured and found. `content` is the caller's own. `commit` is what was measured, where another
    run of the lane on it may be for another change; empty where all runs of the lane are for one. `whole` is whether a
    run says all that its lane says of a commit, and not a part.
    """

    lane: str
    run_id: int
    attempt: int
    source: str
    content: JsonValue
    commit: str = ""
    whole: bool = True

    @property
    def age(self) -> tuple[int, int]:
        """Grows from run to run, and from attempt to attempt."""
        return self.run_id, self.attempt


@dataclass(frozen=True, slots=True)
class Board:
    """All results that stand, in an order that does not depend on who came first."""

    slots: tuple[Slot, ...] = ()

    def with_slots(self, slots: Iterable[Slot]) -> Board:
        """Return the board with these results, each instead of what the same source said at most as late."""
        known = {slot.source: slot for slot in self.slots}
        for slot in slots:
            if slot.source not in known or slot.age >= known[slot.source].age:
                known[slot.source] = slot
        return Board(tuple(sorted(standing(known.values()), key=lambda slot: (slot.lane, slot.age, slot.source))))


def standing(slots: Iterable[Slot]) -> list[Slot]:
    """Leave out what a later attempt has replaced: one of which its lane has as many results.

    Jobs of one lane cannot be told apart. Where two of them have found something, and one has run again since, nobody
    knows whose word is outdated: both stay until as many have. Runs on one commit that may be for several changes
    replace nothing of each other; where they are parts, all results of a commit are weighed together.
    """
    within_runs = _unreplaced(slots, line=lambda slot: (slot.lane, slot.run_id), batch=lambda slot: slot.age)
    return _unreplaced(
        within_runs, line=lambda slot: slot.lane, batch=lambda slot: slot.age if slot.whole else slot.commit
    )


def _unreplaced(
    slots: Iterable[Slot], *, line: Callable[[Slot], Hashable], batch: Callable[[Slot], Hashable]
) -> list[Slot]:
    """Leave out each batch of a line that a later one of it replaces."""
    batches: dict[Hashable, dict[Hashable, list[Slot]]] = defaultdict(lambda: defaultdict(list))
    for slot in slots:
        batches[line(slot)][batch(slot)].append(slot)
    kept: list[Slot] = []
    for of_line in batches.values():
        for found in of_line.values():
            if not any(_replaces(later, found) for later in of_line.values()):
                kept += found
    return kept


def _replaces(later: Sequence[Slot], earlier: Sequence[Slot]) -> bool:
    """Whether a batch has as many results as an earlier one, which is not perhaps for another change."""
    now, before = (max(batch, key=lambda slot: (slot.age, slot.commit)) for batch in (later, earlier))
    beside = bool(now.commit) and now.commit == before.commit and now.run_id != before.run_id
    return now.age > before.age and len(later) >= len(earlier) and not beside


def digest(*parts: str) -> str:
    """Return a short word for texts, the same for the same ones: a comment has no room for long ones."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:_DIGITS]


def marker(key: str) -> str:
    """Return the first line of a board's comment."""
    return f"<!-- lens-gate board {quote(key, safe='').replace('-', '%2D')} -->"


def written(key: str, text: str, board: Board) -> str:
    """Return the whole body of a board's comment."""
    return f"{marker(key)}\n{text.strip()}\n\n{packed(board)}\n"


def packed(board: Board) -> str:
    """Return the state as one line."""
    slots = [
        [slot.lane, slot.run_id, slot.attempt, slot.source, slot.commit, slot.whole, slot.content]
        for slot in board.slots
    ]
    data = json.dumps(slots, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
    return f"<!-- lens-gate state {_VERSION} {base64.b64encode(zlib.compress(data, 9)).decode('ascii')} -->"


def read_board(bodies: Iterable[str]) -> Board:
    """Return what comments of one board hold together; state that is not exactly what we write counts for nothing."""
    board = Board()
    for body in bodies:
        board = board.with_slots(_slots(body))
    return board


def _slots(body: str) -> list[Slot]:
    found = _STATE.search(body)
    if found is None or found[1] not in _READABLE or len(found[2]) > _MOST_PACKED:
        return []
    document = _document(found[2])
    if not isinstance(document, list) or len(document) > MOST_SLOTS:
        return []
    return [slot for slot in map(_slot, document) if slot is not None]


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
        case [lane, run_id, attempt, source, commit, content]:  # version 2 knew no parts
            return _slot([lane, run_id, attempt, source, commit, True, content])
        case [str(lane), int(run_id), int(attempt), str(source), str(commit), bool(whole), content] if (
            0 < run_id < 2**63 and 0 < attempt < 2**63
        ):
            return Slot(
                lane=lane,
                run_id=run_id,
                attempt=attempt,
                source=source,
                content=content,
                commit=commit,
                whole=whole,
            )
        case _:
            return None
