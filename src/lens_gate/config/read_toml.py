"""TOML as configuration: parsed by the standard library, with the line of every key found by a scan of the text.

`tomllib` keeps no positions. The scan relies on the text being valid TOML, which `tomllib` has checked by then.
"""

from __future__ import annotations

import math
import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from pydantic import JsonValue

from lens_gate.config.index import KeyPath, dotted
from lens_gate.config.problems import Problem
from lens_gate.config.tree import Parsed, Tree

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_KEY = re.compile(r"""[ \t]*("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*(\.?)""")
_SCALAR = re.compile(
    r"""\"{3}(?:\\.|[^\\])*?\"{3,5}(?!")|'{3}.*?'{3,5}(?!')|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^,\]}#\n]+""", re.DOTALL
)


def read_toml(text: str, name: str) -> Parsed:
    """Read one TOML document; what is wrong with it is in the result's `problems`."""
    text = text.replace("\r\n", "\n")
    try:
        tree = tomllib.loads(text)
    except RecursionError:
        return Parsed(name, problems=(Problem(f"{name}:1", "nested too deeply"),))
    except ValueError as error:
        return Parsed(name, problems=(_syntax(name, str(error), text),))
    scan = _Scan(text, [match.start() for match in re.finditer("\n", text)])
    scan.document()
    plain = _Plain(name, scan.lines)
    return Parsed(name, plain.section(tree, ()), scan.lines, tuple(plain.problems))


def _syntax(name: str, message: str, text: str) -> Problem:
    found = re.search(r"at line (\d+)", message)
    line = found[1] if found else str(text.count("\n") + 1)
    what = re.sub(r"\s*\(at .*\)$", "", message)
    return Problem(f"{name}:{line}", f"not TOML: {what}", "Check brackets and quotes.")


@dataclass(slots=True)
class _Plain:
    """Turns the parsed values into plain data, and refuses those that JSON does not have."""

    name: str
    lines: Mapping[KeyPath, int]
    problems: list[Problem] = field(default_factory=list)

    def section(self, tree: Mapping[str, object], path: KeyPath) -> Tree:
        return {name: self.value(value, (*path, name)) for name, value in tree.items()}

    def value(self, value: object, path: KeyPath) -> JsonValue:
        match value:
            case dict():
                return self.section(value, path)
            case list():
                return [self.value(item, (*path, index)) for index, item in enumerate(value)]
            case float() if not math.isfinite(value):
                self._problem(path, "the number is not finite")
                return None
            case str() | bool() | int() | float():
                return value
            case _:
                self._problem(path, "dates and times must stand in quotes")
                return None

    def _problem(self, path: KeyPath, what: str) -> None:
        self.problems.append(Problem(f"{self.name}:{self.lines[path]}", f"`{dotted(path)}`: {what}"))


@dataclass(slots=True)
class _Scan:
    """A walk over valid TOML that notes where each key and list item stands."""

    text: str
    newlines: list[int]
    at: int = 0
    lines: dict[KeyPath, int] = field(default_factory=dict)
    tables: dict[KeyPath, int] = field(default_factory=dict)

    def document(self) -> None:
        section: KeyPath = ()
        self._blank()
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                section = self._next_table()
            elif self.text[self.at] == "[":
                section = self._header(1)
            else:
                self._pair(section)
            self._blank()

    def _header(self, brackets: int) -> KeyPath:
        """Read `[a.b]` or `[[a.b]]`; names of arrays of tables on the way mean their last table."""
        self.at += brackets
        path: KeyPath = ()
        for name, line in self._names():
            path = (*self._last_table(path), name)
            self.lines.setdefault(path, line)
        self.at += brackets
        return path

    def _last_table(self, path: KeyPath) -> KeyPath:
        return (*path, self.tables[path] - 1) if path in self.tables else path

    def _next_table(self) -> KeyPath:
        line = self._line()
        path = self._header(2)
        index = self.tables.get(path, 0)
        self.tables[path] = index + 1
        self.lines[*path, index] = line
        return (*path, index)

    def _pair(self, section: KeyPath) -> None:
        path = section
        for name, line in self._names():
            path = (*path, name)
            self.lines.setdefault(path, line)
        self.at += 1
        self._blank()
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        match self.text[self.at]:
            case "[":
                for index in self._members("]"):
                    self.lines[*path, index] = self._line()
                    self._value((*path, index))
            case "{":
                for _ in self._members("}"):
                    self._pair(path)
            case _:
                self._take(_SCALAR)

    def _members(self, closing: str) -> Iterator[int]:
        """Step through a list or an inline table; the caller reads one member per step."""
        self.at += 1
        self._blank()
        index = 0
        while self.text[self.at] != closing:
            yield index
            index += 1
            self._blank()
            self.at += self.text[self.at] == ","
            self._blank()
        self.at += 1

    def _names(self) -> Iterator[tuple[str, int]]:
        """Read a dotted key: each of its names with its line."""
        more = True
        while more:
            line = self._line()
            match = self._take(_KEY)
            yield _unquoted(match[1]), line
            more = bool(match[2])

    def _blank(self) -> None:
        self._take(_BLANK)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = cast("re.Match[str]", pattern.match(self.text, self.at))  # valid TOML always matches
        self.at = match.end()
        return match

    def _line(self) -> int:
        return bisect_left(self.newlines, self.at) + 1


def _unquoted(name: str) -> str:
    return str(tomllib.loads(f"name = {name}")["name"]) if name[0] in "\"'" else name
