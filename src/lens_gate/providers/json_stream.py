"""The objects of a JSON array that arrives bit by bit, as Gemini streams when it is not asked for events.

Objects are found by counting brackets outside strings; they may stand in an array, one after another, or alone.
"""

from __future__ import annotations

import re

from lens_gate.providers.framing import MAX_FRAME_BYTES, Frame

_NOT_BETWEEN_OBJECTS = re.compile(rb"[^\s,\[\]]")
_STRUCTURE = re.compile(rb'["{}\[\]]')
_IN_STRING = re.compile(rb'["\\]')


class JsonStream:
    """Cuts a body into its top-level objects; holds at most `limit` bytes of one."""

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        self.broken = ""
        self._limit = limit
        self._object = bytearray()
        self._depth = 0
        self._in_string = False
        self._escaped = False

    @property
    def between(self) -> bool:
        """Whether no object is open."""
        return self._depth == 0

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes and return the objects that they complete."""
        frames: list[Frame] = []
        at = 0
        while at < len(data) and not self.broken:
            if self._depth == 0:
                at = self._find_object(data, at)
            else:
                at = self._read_object(data, at)
                if self._depth == 0:
                    frames.append(Frame(bytes(self._object)))
                    self._object.clear()
        return frames

    def close(self) -> list[Frame]:
        """Return nothing: an object that lacks its last bracket cannot be read."""
        return []

    def _find_object(self, data: bytes, at: int) -> int:
        found = _NOT_BETWEEN_OBJECTS.search(data, at)
        if found is None:
            return len(data)
        if found[0] != b"{":
            self.broken = "the body is neither a JSON object nor an array of them"
        self._object += b"{"
        self._depth = 1
        return found.end()

    def _read_object(self, data: bytes, at: int) -> int:
        """Read up to and including the next byte that matters."""
        if self._escaped:
            self._escaped = False
            self._object += data[at : at + 1]
            return at + 1
        found = (_IN_STRING if self._in_string else _STRUCTURE).search(data, at)
        end = found.end() if found else len(data)
        self._object += data[at:end]
        if len(self._object) > self._limit:
            self.broken = "an object of the stream is longer than 8 MiB"
        elif found:
            self._step(found[0])
        return end

    def _step(self, byte: bytes) -> None:
        match byte:
            case b'"':
                self._in_string = not self._in_string
            case b"\\":
                self._escaped = True
            case b"{" | b"[":
                self._depth += 1
            case _:
                self._depth -= 1
