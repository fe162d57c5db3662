"""Lines for a terminal: wrapped text, aligned columns, and what a terminal without Unicode can show of them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

from lens_gate.reports.escape import ascii_text, bare_words, plain

NARROWEST = 72
"""Columns that tables of numbers need, on whatever screen."""

GAP = "  "

_BELOW = "    "
_NARROWEST_NAME = 12
_UNITS = {"point": " pt", "token": " tok", "request": " req"}
_SIDES: Mapping[str, str] = {"at most": "≤", "at least": "≥", "below": "<", "above": ">"}
_DOTS = ".."


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """What the screen can show."""

    colour: bool
    width: int
    unicode: bool

    def text(self, text: str) -> str:
        """Return text that this screen can show, without what could steer it."""
        return self.shown(plain(text).replace("\u00a0", " "))

    def shown(self, text: str) -> str:
        """Return our own text in the characters that this screen has."""
        return text if self.unicode else ascii_text(text)

    def wrapped(self, text: str, *, indent: str = "", further: str | None = None) -> list[str]:
        """Return the lines of a text; all but the first begin with `further`, as the first does without it."""
        return textwrap.wrap(
            self.text(bare_words(text)),
            self.width,
            initial_indent=indent,
            subsequent_indent=indent if further is None else further,
            break_on_hyphens=False,
        )


def brief(cell: str) -> str:
    """Shorten the units and the side of the limit in a cell, so that names need not be broken."""
    shorter = re.sub(r" (point|token|request)s?$", lambda unit: _UNITS[unit[1]], cell)
    return re.sub(r"^(at most|at least|below|above) ", lambda side: f"{_SIDES[side[1]]} ", shorter)


def cells(text: str) -> int:
    """Return the columns that a text takes on a terminal."""
    return sum(2 if east_asian_width(character) in {"W", "F"} else 1 for character in text)


def sizes(table: Sequence[Sequence[str]]) -> list[int]:
    """Return the width of each column."""
    return [max(map(cells, column)) for column in zip(*table, strict=True)]


def aligned(table: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Return the rows of a table in `width` columns: names to the left, then numbers.

    A name that is too long goes on below, inside the same row; only a word that is too long by itself is cut.
    """
    first, *others = sizes(table)
    first = max(min(first, width - sum(others) - len(GAP) * len(others)), _NARROWEST_NAME)
    for name, *numbers in table:
        begin, *rest = _broken(name, first)
        padded = (_padded(text, size) for text, size in zip(numbers, others, strict=True))
        line = GAP.join((f"{begin}{' ' * (first - cells(begin))}", *padded)).rstrip()
        yield "\n".join((line, *(f"{_BELOW}{part}" for part in rest)))


def _broken(name: str, size: int) -> list[str]:
    """Break a name at its blanks where it is longer than `size`, leaving room for the indent of what goes below."""
    indent = len(name) - len(name.lstrip())
    lines: list[str] = []
    for word in (cut(part, size - indent) for part in name.split()):
        joined = f"{lines[-1]} {word}" if lines else f"{' ' * indent}{word}"
        if lines and cells(joined) > size:
            lines.append(word)
        else:
            lines[-1:] = [joined]
    return [name] if cells(name) <= size else lines


def _padded(text: str, size: int) -> str:
    return " " * (size - cells(text)) + text


def cut(text: str, size: int) -> str:
    """Cut a name in its middle: model and question stand at its two ends."""
    if cells(text) <= size:
        return text
    head, tail = text[: len(text) // 2], text[len(text) // 2 :]
    while cells(head) + cells(tail) > size - len(_DOTS):
        head, tail = (head[:-1], tail) if len(head) > len(tail) else (head, tail[1:])
    return head + _DOTS + tail
