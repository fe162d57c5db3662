"""A configuration as plain data: what a reader makes of one file, and walks over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import JsonValue

from lens_gate.config.index import KeyPath
from lens_gate.config.problems import Problem

MOST_VALUES = 50_000
"""More values than any configuration has; YAML aliases could otherwise expand without end."""

Tree = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Parsed:
    """The contents of the file `name`; `lines` holds the line (from 1) of every key and list item."""

    name: str
    tree: Tree = field(default_factory=dict, repr=False)
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def leaves(value: JsonValue, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str | int | float | bool | None]]:
    """Yield every scalar of a tree with its path."""
    match value:
        case dict():
            for name, inner in value.items():
                yield from leaves(inner, (*path, name))
        case list():
            for index, inner in enumerate(value):
                yield from leaves(inner, (*path, index))
        case _:
            yield path, value


def value_at(tree: Tree, path: KeyPath) -> JsonValue:
    """Return what lies at a path, None where nothing does."""
    node: JsonValue = tree
    for step in path:
        match node, step:
            case (dict(), str()):
                node = node.get(step)
            case (list(), int()) if step < len(node):
                node = node[step]
            case _:
                return None
    return node
