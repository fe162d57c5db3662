"""What a configuration asks for that lens-gate does not do: refused, or for later."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from pydantic import JsonValue

from lens_gate.config.index import KeyPath, dotted, key_index, pattern_of
from lens_gate.config.status import EVERY, SENDING, Effect, Later, Refused, Status
from lens_gate.config.table import KEYS, VALUES
from lens_gate.config.tree import Tree


class RemarkKind(StrEnum):
    """Why a key does nothing."""

    REFUSED = "refused"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A key that asks for something which is not done: why, and where it stands.

    `commands` are those that would do it (empty: all).
    """

    key: str
    kind: RemarkKind
    reason: str
    file: str
    line: int
    commands: frozenset[str] = field(default=EVERY)

    @property
    def place(self) -> str:
        """Return `file:line`."""
        return f"{self.file}:{self.line}"

    def __str__(self) -> str:
        """Render as one line for people."""
        what = "refused" if self.kind is RemarkKind.REFUSED else "has no effect yet"
        return f"{self.place}: `{self.key}` {what}: {self.reason}"


def find_remarks(tree: Tree, positions: Mapping[KeyPath, tuple[str, int]]) -> tuple[Remark, ...]:
    """Return a remark for each used key that is refused or for later, in the order of the files."""
    rows: list[tuple[str, Status]] = [*KEYS.items(), *VALUES.items()]
    remarks = [
        _remark(path, status, positions)
        for pattern, status in rows
        if not isinstance(status, Effect)
        for path, value in _matching(tree, pattern)
        if _is_used(status, path, value)
    ]
    return tuple(sorted(remarks, key=lambda remark: (remark.file, remark.line, remark.key)))


def _remark(path: KeyPath, status: Refused | Later, positions: Mapping[KeyPath, tuple[str, int]]) -> Remark:
    file, line = positions[path]
    return Remark(
        key=dotted(path),
        kind=RemarkKind.LATER if isinstance(status, Later) else RemarkKind.REFUSED,
        reason=status.text,
        file=file,
        line=line,
        commands=status.commands if isinstance(status, Later) else SENDING,
    )


def _is_used(status: Refused | Later, path: KeyPath, value: JsonValue) -> bool:
    if value is None or value in status.off:
        return False
    match status:
        case Later(only=only) if only:
            return re.fullmatch(only, str(value)) is not None
        case Later(switch=switch, off_when=off):
            return _switched_on(path, value, switch, off)
        case Refused():
            return _switched_on(path, value, "enabled", off=False)
        case _ as never:
            assert_never(never)


def _switched_on(path: KeyPath, value: JsonValue, switch: str, off: JsonValue) -> bool:
    if not isinstance(value, dict):
        return True
    info = key_index().get(f"{pattern_of(path)}.{switch}")
    return info is None or value.get(switch, info.default) != off


def _matching(tree: JsonValue, pattern: str) -> Iterator[tuple[KeyPath, JsonValue]]:
    """Yield the values of a tree that lie at a pattern."""
    found: list[tuple[KeyPath, JsonValue]] = [((), tree)]
    for step in pattern.replace("[]", ".[]").split("."):
        found = [entry for path, value in found for entry in _stepped(path, value, step)]
    yield from found


def _stepped(path: KeyPath, value: JsonValue, step: str) -> Iterator[tuple[KeyPath, JsonValue]]:
    match value:
        case dict() if step in value:
            yield (*path, step), value[step]
        case list() if step == "[]":
            yield from (((*path, index), item) for index, item in enumerate(value))
