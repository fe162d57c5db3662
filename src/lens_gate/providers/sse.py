"""Server-sent events, sans-IO: section 9.2 of the HTML standard (https://html.spec.whatwg.org).

Two liberties, both for servers that are seen in the wild. An event that lacks its closing blank line at the end of the
body is given out as torn. Lines that are no field at all (an error written as plain JSON into the stream, an HTML page
under the wrong content type) are collected and given out at the end as a frame of their own.
"""

from __future__ import annotations

from lens_gate.providers.framing import MAX_FRAME_BYTES, Frame, Lines

_FIELDS = (b"data:", b"event:", b"id:", b"retry:")
_EVENT_ENDS = (b"\n\n", b"\r\n\r\n")
_FOREIGN_LIMIT = 64 * 1024


class SseDecoder:
    """Cuts an event stream into frames; holds at most `limit` bytes of one event."""

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        self.broken = ""
        self.between = True
        self._limit = limit
        self._lines = Lines(limit)
        self._data = bytearray()
        self._has_data = False
        self._event = b""
        self._foreign = bytearray()
        self._any_frame = False

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes and return the events that they complete."""
        if self.between and data.endswith(_EVENT_ENDS):
            plain = _plain_events(data, self._limit)
            if plain is not None:
                self._lines.pass_over()
                self._any_frame = True
                return plain
        frames = [frame for line in self._lines.feed(data) for frame in self._line(line)]
        if self._lines.too_long:
            self.broken = self.broken or "a line of the stream is longer than 8 MiB"
        self.between = self._lines.between and not (self._has_data or self._event or self.broken)
        return frames

    def close(self) -> list[Frame]:
        """Return the event that the body's end left open, and what was no event at all."""
        line = self._lines.close()
        # A cut inside a field's name is a cut, not a foreign line.
        if line and not any(name.startswith(line) for name in _FIELDS):
            self._line(line)
        frames = self._dispatch(torn=True)
        if self._foreign.strip():
            frames.append(Frame(bytes(self._foreign), torn=self._any_frame))
        return frames

    def _line(self, line: bytes) -> list[Frame]:
        if self.broken:
            return []
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        match name:
            case b"data":
                self._append(value.removeprefix(b" "))
            case b"event":
                self._event = value.removeprefix(b" ")
            case b"" | b"id" | b"retry":
                pass  # a comment (often a keep-alive), or a field about reconnecting
            case _:
                self._foreign += (line + b"\n")[: _FOREIGN_LIMIT - len(self._foreign)]
        return []

    def _append(self, value: bytes) -> None:
        if self._has_data:
            self._data += b"\n"
        self._has_data = True
        self._data += value
        if len(self._data) > self._limit:
            self.broken = "an event of the stream is longer than 8 MiB"

    def _dispatch(self, *, torn: bool = False) -> list[Frame]:
        frame = Frame(bytes(self._data), self._event.decode("utf-8", "replace"), torn)
        had_data = self._has_data
        self._data.clear()
        self._has_data = False
        self._event = b""
        self._any_frame = self._any_frame or had_data
        return [frame] if had_data else []


def _plain_events(data: bytes, limit: int) -> list[Frame] | None:
    """Cut whole events of one line of data each, maybe under a name, at once; None where anything else is among them.

    Nearly every read is of this shape, and going through it line by line takes four times as long.
    """
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    if b"\r" in data or len(data) > limit:
        return None
    frames = []
    for event in data[:-2].split(b"\n\n"):
        name, line = b"", event
        if event.startswith(b"event:"):
            name, _, line = event[6:].partition(b"\n")
        if not line.startswith(b"data:") or b"\n" in line:
            return None
        frames.append(Frame(line[5:].removeprefix(b" "), name.removeprefix(b" ").decode("utf-8", "replace")))
    return frames
