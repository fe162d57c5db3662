"""Several files as one configuration: maps merge, and a key that two files set is an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from lens_gate.config.index import KeyPath, dotted
from lens_gate.config.problems import Problem
from lens_gate.config.tree import Parsed, Tree


@dataclass(slots=True)
class Merged:
    """The merged tree with the place of each key."""

    tree: Tree = field(default_factory=dict)
    positions: dict[KeyPath, tuple[str, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: KeyPath) -> str:
        """Return `file:line` of a key, or of the nearest section around it that was written."""
        file, line = self.position(path)
        return f"{file}:{line}" if line else file

    def position(self, path: KeyPath) -> tuple[str, int]:
        """Return the file of a key and its line, 0 for a whole file."""
        while path and path not in self.positions:
            path = path[:-1]
        return self.positions.get(path, ("configuration", 0))


def merge(parts: Sequence[Parsed]) -> Merged:
    """Merge files in their order; only `version` may be repeated, with the same value."""
    merged = Merged()
    for part in parts:
        merged.problems.extend(part.problems)
        merged.positions[()] = merged.positions.get((), (part.name, 0))
        _into(merged, merged.tree, part, part.tree, ())
        for path, line in part.lines.items():
            merged.positions.setdefault(path, (part.name, line))
    return merged


def _into(merged: Merged, tree: Tree, part: Parsed, other: Tree, section: KeyPath) -> None:
    for name, value in other.items():
        path = (*section, name)
        if name not in tree:
            tree[name] = _copy(value)
            continue
        mine = tree[name]
        if isinstance(mine, dict) and isinstance(value, dict):
            _into(merged, mine, part, value, path)
        elif path != ("version",) or mine != value:
            place = f"{part.name}:{part.lines.get(path, 1)}"
            message = f"`{dotted(path)}` is set twice; first at {merged.place(path)}"
            merged.problems.append(Problem(place, message, "Keep one of them; only maps are merged."))


def _copy(value: JsonValue) -> JsonValue:
    """Copy maps, so that merging changes no reader's result."""
    return {name: _copy(inner) for name, inner in value.items()} if isinstance(value, dict) else value
