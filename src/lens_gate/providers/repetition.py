"""Reads that differ from the one before in a single piece of text: most of a stream, and read without parsing it.

The bytes around the text are learned from reads that were parsed. They are trusted once two reads with the same bytes
around different text each told exactly that text as one token and nothing else: then the place of the text is known,
what stands around it tells nothing new, and another JSON string in that place is another token. Anything else that a
read tells, and anything in the text's place that is not one whole JSON string, sends the reads back to the parser.

That holds for a dialect that passes text on as it stands. One that looks for words in the text must not use it.

Some APIs pad each event with a string of random length (OpenAI's `obfuscation`), against guessing tokens from the sizes
of packets. It is taken out first. Its key cannot be met inside another string: there its quotes would be escaped.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from lens_gate.providers.base import Event, Token
from lens_gate.vocabulary.requests import TokenKind

_LONGEST = 64 * 1024
_PADDING = b',"obfuscation":"'


class Repetition:
    """Learns the shape of the reads of one response, and reads what has it."""

    def __init__(self) -> None:
        self._before = self._after = b""
        self._kind = TokenKind.TEXT
        self._seen = ""
        self._trusted = False

    def read(self, data: bytes) -> Token | None:
        """Return what `data` tells if it has the shape that was learned; None says that it must be parsed.

        It must start and end between two events of the stream.
        """
        return self._token(_unpadded(data)) if self._trusted else None

    def learn(self, data: bytes, events: Sequence[Event]) -> None:
        """Take note of what a read told that was parsed."""
        told, data = _single(events), _unpadded(data)
        if told is None:
            self._before = b""
            self._trusted = False
        elif self._token(data) == told and told.text != self._seen:
            self._trusted = True
        elif not self._trusted or told.kind is not self._kind:
            self._suppose(data, told)

    def _token(self, data: bytes) -> Token | None:
        before, after = self._before, self._after
        if not (before and data.startswith(before) and data.endswith(after)):
            return None
        if not len(before) + len(after) < len(data) <= _LONGEST:
            return None
        try:
            # The quotes belong to what stands around.
            text: str = orjson.loads(data[len(before) - 1 : len(data) - len(after) + 1])
        except orjson.JSONDecodeError:
            return None
        return Token(self._kind, text)

    def _suppose(self, data: bytes, told: Token) -> None:
        """Suppose that the text stands where its characters do, if they do at one place only."""
        self._trusted = False
        self._kind, self._seen = told.kind, told.text
        before, quoted, after = data.partition(b'"%b"' % told.text.encode("utf-8", "surrogatepass"))
        known = bool(quoted) and quoted not in after
        self._before, self._after = (before + b'"', b'"' + after) if known else (b"", b"")


def _unpadded(data: bytes) -> bytes:
    """Leave out the padding of one event; that of several stays, and what it pads has no shape."""
    before, found, rest = data.partition(_PADDING)
    if not found:
        return data
    padding, _, after = rest.partition(b'"')
    return data if b"\\" in padding else before + after


def _single(events: Sequence[Event]) -> Token | None:
    """Return the one token of which nothing but its text was told."""
    only = events[0] if len(events) == 1 else None
    return only if isinstance(only, Token) and only.tokens is None else None
