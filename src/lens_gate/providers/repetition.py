"""Reads that differ from the one before in a piece of text and little else: most of a stream, and read without parsing.

A shape is what stands around the values that change: the text, and members of which the dialect says what they tell,
or that they tell nothing (such as the number of an event). It is learned from reads that were parsed. Another read
has the shape if the same bytes stand around one whole JSON value in each place: JSON can be taken apart in one way
only, so that a parser would find these very values there.

The place of the text is supposed at first. A shape is trusted once two reads of it, with different text, each told
exactly that text as one token, and nothing else but what its members tell: then what stands around tells nothing new.
Anything else that a read tells sends the reads back to the parser.

That holds for a dialect that passes text on as it stands. One that looks for words in the text must not use it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from json import JSONDecoder
from typing import Any, NamedTuple

import orjson

from lens_gate.providers.base import Event, Run, Token, Usage
from lens_gate.vocabulary.requests import TokenKind

Tell = Callable[[Any], Sequence[Usage]]

Asides = Mapping[str, Tell | None]
"""Members that may change from read to read, by name: what their value (any JSON) tells; None where it tells nothing.

Whatever Usage a dialect tells beside text must come from these, each of them a member of one place only.
"""

NOTHING_ASIDE: Asides = {}

PADDING: Asides = {"obfuscation": None}
"""OpenAI pads each event with a string of random length, against guessing tokens from the sizes of packets."""

_LONGEST = 64 * 1024
_LONGEST_ASIDE = 768
"""Bytes: what fits in is never nested too deep for a parser."""

_NESTED = frozenset({list, dict})

_COLON = re.compile(rb"[ \t]*:[ \t]*")
_QUOTE = ord('"')
_value_from = JSONDecoder().raw_decode


class Repetition:
    """Learns the shape of the reads of one response, and reads what has it."""

    def __init__(self, asides: Asides) -> None:
        self._asides = asides
        self._counting = any(asides.values())
        self._shape: _Shape | None = None
        self._seen = Token(TokenKind.TEXT, "")
        self._trusted = False

    def read(self, data: bytes) -> Sequence[Event] | None:
        """Return what `data` tells if it has the shape that was learned; None says that it must be parsed.

        It must start and end between two events of the stream.
        """
        shape = self._shape
        if shape is None or not self._trusted:
            return None
        values = shape.values(data)
        if values is None:
            return None
        token = Token(self._seen.kind, values[shape.text])
        return [token, *shape.told(values)] if shape.tells else (token,)

    def run(self, reads: Sequence[bytes]) -> Run | None:
        """Return what the reads at the beginning tell that have the shape and tell a text alone; None without any."""
        shape = self._shape
        if shape is None or not self._trusted or shape.tells:
            return None
        texts = shape.texts(reads)
        return Run(self._seen.kind, texts) if texts else None

    def learn(self, data: bytes, events: Sequence[Event]) -> None:
        """Take note of what a read told that was parsed."""
        tokens = [event for event in events if isinstance(event, Token) and event.tokens is None]
        usages = sum(isinstance(event, Usage) for event in events) if self._counting else 0
        if not tokens or len(tokens) + usages < len(events) or len({token.kind for token in tokens}) > 1:
            self._shape, self._trusted = None, False
        elif len(tokens) > 1:
            pass  # several events came in one read: they have no shape, and change nothing
        elif self._confirmed(data, tokens[0], usages):
            self._trusted = True
        elif not self._trusted or tokens[0].kind is not self._seen.kind:
            self._seen, self._trusted = tokens[0], False
            self._shape = _supposed(data, tokens[0].text, self._asides, usages)

    def _confirmed(self, data: bytes, told: Token, usages: int) -> bool:
        """Whether the place of the text held another one before, and nothing was told but what stands in places."""
        shape, seen = self._shape, self._seen
        if shape is None or told.kind is not seen.kind or told.text == seen.text or len(shape.tells) != usages:
            return False
        values = shape.values(data)
        return values is not None and values[shape.text] == told.text


class _Place(NamedTuple):
    """From where to where a value stands in a read; `name` is None for the text."""

    start: int
    end: int
    name: str | None


class _Shape:
    """What stands around places: `text` is the number of the text's, `tells` those of members that tell something."""

    def __init__(self, around: Sequence[bytes], text: int, tells: Sequence[tuple[int, Tell]]) -> None:
        self.text = text
        self.tells = tells
        self._first, *self._between, self._last = around
        self._start = len(self._first)
        self._after = len(self._last)
        self._opening, self._closing = self._first + b'"', b'"' + self._last

    def values(self, data: bytes) -> list[Any] | None:
        """Return what stands in each place; None where it is no whole value, or something else stands around it."""
        parts = self._taken_out(data)
        if parts is None:
            return None
        try:
            return list(map(orjson.loads, parts))
        except orjson.JSONDecodeError:
            return None

    def texts(self, reads: Sequence[bytes]) -> Sequence[str]:
        """Return the text of each read at the beginning that has the shape; none where they must be read one by one."""
        if not self._between:
            return _values_of_lines(self._quoted(reads))
        rows = list(takewhile(_is_some, map(self._taken_out, reads)))
        columns = [_values_of_lines(parts) for parts in zip(*rows, strict=True)]
        return columns[self.text] if columns and all(columns) else ()

    def _quoted(self, reads: Sequence[bytes]) -> list[bytes]:
        """Take the text, with its quotes, out of the reads at the beginning that have it alone in their place."""
        opening, closing, start, after = self._opening, self._closing, self._start, self._after
        shortest = len(opening) + len(closing)
        lines = []
        for data in reads:
            if not (data.startswith(opening) and data.endswith(closing) and shortest < len(data) <= _LONGEST):
                break
            lines.append(data[start : len(data) - after])
        return lines

    def _taken_out(self, data: bytes) -> list[bytes] | None:
        """Take out what stands in the places; None where something else stands around them."""
        if not (data.startswith(self._first) and data.endswith(self._last) and len(data) <= _LONGEST):
            return None
        parts = self._parts(data) if self._between else [data[self._start : len(data) - self._after]]
        return parts if parts is not None and self._are_plain(parts) else None

    def _parts(self, data: bytes) -> list[bytes] | None:
        """Take out what stands in the places."""
        start, end = self._start, len(data) - self._after
        parts = []
        for between in self._between:
            found = data.find(between, start, end)
            if found < 0:
                return None
            parts.append(data[start:found])
            start = found + len(between)
        parts.append(data[start:end])
        return parts

    def _are_plain(self, parts: Sequence[bytes]) -> bool:
        """Whether the text is a string that is not empty, and no other part may break a line, and so end an event."""
        text = parts[self.text]
        if len(text) <= len(b'""') or not text[0] == text[-1] == _QUOTE:
            return False
        return len(parts) == 1 or all(
            part is text or (len(part) <= _LONGEST_ASIDE and b"\n" not in part and b"\r" not in part) for part in parts
        )

    def told(self, values: Sequence[Any]) -> list[Usage]:
        """Return what the members beside the text tell."""
        return [usage for place, tell in self.tells for usage in tell(values[place])]


def _values_of_lines(lines: Sequence[bytes]) -> list[Any]:
    """Return the one value that each line holds, all parsed at once; none where that cannot be told.

    No string, number or word goes over the end of a line, and none follows another without a comma: a list of as many
    of them as there are lines holds one of each. A list or an object might go over several lines.
    """
    try:
        values: list[Any] = orjson.loads(b"[%b]" % b",\n".join(lines))
    except orjson.JSONDecodeError:
        return []
    return values if len(values) == len(lines) and _NESTED.isdisjoint(map(type, values)) else []


def _is_some(parts: list[bytes] | None) -> bool:
    return parts is not None


def _supposed(data: bytes, text: str, asides: Asides, usages: int) -> _Shape | None:
    """Suppose that the text stands where its characters do; None where that may be more than one place."""
    quoted = b'"%b"' % text.encode("utf-8", "surrogatepass")
    if data.count(quoted) != 1:
        return None
    places = [_Place(start := data.index(quoted), start + len(quoted), None)]
    for name, tell in asides.items():
        found = _member(data, name)
        if found is not None:
            places.append(found)
        elif tell is not None and b'"%b"' % name.encode() in data:
            return None
    places.sort()
    edges = [0, *(edge for place in places for edge in place[:2]), len(data)]
    around = [data[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]
    tells = [(number, tell) for number, place in enumerate(places) if place.name and (tell := asides[place.name])]
    # A name may be written in escapes, and places inside each other are none.
    if edges != sorted(edges) or any(b"\\" in piece for piece in around) or len(tells) != usages:
        return None
    return _Shape(around, [place.name for place in places].index(None), tells)


def _member(data: bytes, name: str) -> _Place | None:
    """Find the value of a member; None where there is no such one, or more than one, or its value is long."""
    key = b'"%b"' % name.encode()
    colon = _COLON.match(data, data.find(key) + len(key)) if data.count(key) == 1 else None
    if colon is None:
        return None
    start = colon.end()
    try:
        # Characters of Latin-1 are as many as bytes.
        _, size = _value_from(data[start : start + _LONGEST_ASIDE].decode("latin-1"))
    except ValueError:
        return None
    return _Place(start, start + size, name)
