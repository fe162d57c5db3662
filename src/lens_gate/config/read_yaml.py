"""YAML as configuration: its 1.2 core types only, duplicate keys refused, every key with its line.

PyYAML's own types follow YAML 1.1, where `on` and `no` are booleans, `5:00` is 300 and a bare date is an object; here
such words are text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import yaml
from pydantic import JsonValue
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lens_gate.config.index import KeyPath, dotted
from lens_gate.config.problems import Problem
from lens_gate.config.tree import MOST_VALUES, Parsed

_TAG = "tag:yaml.org,2002:"


class _CoreLoader(yaml.SafeLoader):
    """A loader that knows the core types of YAML 1.2, and merge keys."""


_CoreLoader.yaml_implicit_resolvers = {}
for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("merge", "<<", "<"),
):
    _CoreLoader.add_implicit_resolver(
        _TAG + _name, re.compile(rf"(?:{_pattern})\Z"), ["" if letter == "\0" else letter for letter in _first]
    )


def read_yaml(text: str, name: str) -> Parsed:
    """Read one YAML document; what is wrong with it is in the result's `problems`."""
    try:
        node = yaml.compose(text, Loader=_CoreLoader)
    except yaml.MarkedYAMLError as error:
        return Parsed(name, problems=(_syntax(name, error),))
    except yaml.YAMLError as error:
        return Parsed(name, problems=(Problem(f"{name}:1", f"not YAML: {str(error).splitlines()[0]}"),))
    except RecursionError:
        return Parsed(name, problems=(Problem(f"{name}:1", "nested too deeply"),))
    if node is None:
        return Parsed(name)
    return _Walk(name).document(node)


def _syntax(name: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    return Problem(f"{name}:{line}", f"not YAML: {error.problem or error.context}", "Check indentation and quotes.")


class _Refused(Exception):
    """The document cannot be read on."""


@dataclass(slots=True)
class _Walk:
    """One pass over the nodes of a document."""

    name: str
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    values: int = 0

    def document(self, node: Node) -> Parsed:
        try:
            tree = self._value(node, ())
        except _Refused:
            tree = {}
        if not isinstance(tree, dict):
            self._problem(node, "a configuration is a map of sections", "Begin with a section such as `profiler:`.")
            tree = {}
        return Parsed(self.name, tree, self.lines, tuple(self.problems))

    def _value(self, node: Node, path: KeyPath) -> JsonValue:
        self.values += 1
        if self.values > MOST_VALUES or len(path) > 50:
            self._problem(node, f"more than {MOST_VALUES:,} values or 50 levels: an alias refers to itself?")
            raise _Refused
        match node:
            case MappingNode():
                return self._mapping(node, path)
            case SequenceNode():
                return [self._item(item, (*path, index)) for index, item in enumerate(node.value)]
            case _:
                return self._scalar(node, path)

    def _item(self, node: Node, path: KeyPath) -> JsonValue:
        self.lines[path] = _line(node)
        return self._value(node, path)

    def _mapping(self, node: MappingNode, path: KeyPath) -> JsonValue:
        entries: dict[str, Node] = {}
        for name, key, value in self._entries(node, path, 0):
            self.lines.setdefault((*path, name), _line(key))
            entries.setdefault(name, value)
        return {name: self._value(value, (*path, name)) for name, value in entries.items()}

    def _entries(self, node: MappingNode, path: KeyPath, depth: int) -> Iterator[tuple[str, Node, Node]]:
        """Yield the keys written here, then those of `<<` merges: the first of a name counts."""
        merged: list[Node] = []
        written: dict[str, int] = {}
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                merged.extend(value.value if isinstance(value, SequenceNode) else [value])
            elif (name := self._name(key, path, written)) is not None:
                yield name, key, value
        for part in merged:
            if not isinstance(part, MappingNode) or depth > 20:
                self._problem(part, "`<<` merges maps only")
                raise _Refused
            yield from self._entries(part, path, depth + 1)

    def _name(self, key: Node, path: KeyPath, written: dict[str, int]) -> str | None:
        """Return a key's name, or None where it is none or stands in this section already."""
        if not isinstance(key, ScalarNode):
            self._problem(key, f"a key of `{dotted(path)}` is not text")
            return None
        name = str(self._read(_text, key, path))
        if name in written:
            place = f"{self.name}:{written[name]}"
            self._problem(key, f"`{dotted((*path, name))}` is set twice; first at {place}", "Remove one.")
            return None
        written[name] = _line(key)
        return name

    def _scalar(self, node: Node, path: KeyPath) -> JsonValue:
        tag = str(node.tag).removeprefix(_TAG)
        if tag not in _READ:
            self._problem(node, f"`{dotted(path)}`: the type {tag} is not known here", "Write plain YAML values.")
            return None
        return self._read(_READ[tag], node, path)

    def _read(self, read: Callable[[str], JsonValue], node: Node, path: KeyPath) -> JsonValue:
        try:
            return read(str(node.value))
        except ValueError as error:
            self._problem(node, f"`{dotted(path)}`: {error}")
            return None

    def _problem(self, node: Node, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(f"{self.name}:{_line(node)}", message, hint))


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _text(text: str) -> str:
    """Join characters that were written in two halves, as JSON does."""
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        msg = "half a Unicode character"
        raise ValueError(msg) from None


def _integer(text: str) -> int:
    if len(text) > 300:
        msg = "the number is too large"
        raise ValueError(msg)
    return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        msg = "the number is not finite"
        raise ValueError(msg)
    return value


_READ: Mapping[str, Callable[[str], JsonValue]] = {
    "str": _text,
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": _integer,
    "float": _finite,
}
