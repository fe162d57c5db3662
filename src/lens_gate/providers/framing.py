"""Cutting a body into documents: what a frame is, and the two framings that need no syntax of their own."""

from __future__ import annotations

from typing import NamedTuple, Protocol

MAX_FRAME_BYTES = 8 * 1024 * 1024
"""No API sends a frame of this size; a server that does gets no more memory than this."""

_BOM = b"\xef\xbb\xbf"


class Frame(NamedTuple):
    """One document of a body, with the name of its event where the framing has names.

    A `torn` frame may be incomplete because the body ended first: it counts only if it can be read.
    """

    data: bytes
    event: str = ""
    torn: bool = False


class Framer(Protocol):
    """Cuts bytes into frames; any split of the same bytes gives the same frames."""

    broken: str
    """Why nothing more can be read from this body; empty while all is well."""

    @property
    def between(self) -> bool:
        """Whether the bytes so far ended with a frame, so that nothing of the next one is held."""
        ...

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes and return the frames that they complete."""
        ...

    def close(self) -> list[Frame]:
        """Return what was still held back when the body ended."""
        ...


class Lines:
    """Cuts bytes at CR, LF or CRLF, and drops a byte order mark; a line is given out at its first end byte."""

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        self.too_long = False
        self._limit = limit
        self._rest = bytearray()
        self._after_cr = False
        self._at_start = True

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, without their ends; after a line beyond the limit, nothing."""
        if not data or self.too_long:
            return []
        if self._after_cr:
            data = data.removeprefix(b"\n")
        self._after_cr = data.endswith(b"\r")
        lines = []
        for piece in data.splitlines(keepends=True):
            content = piece.rstrip(b"\r\n")
            self._rest += content
            if len(self._rest) > self._limit:
                self.too_long = True
                break
            if len(content) < len(piece):
                lines.append(self._take())
        return lines

    @property
    def between(self) -> bool:
        """Whether no line is open, and no line end may be half seen."""
        return not self._rest and not self._after_cr

    def pass_over(self) -> None:
        """Take note of whole lines that were read without us."""
        self._at_start = False

    def close(self) -> bytes:
        """Return the line that the body's end left open."""
        return b"" if self.too_long else self._take()

    def _take(self) -> bytes:
        line = bytes(self._rest)
        self._rest.clear()
        if self._at_start:
            self._at_start = False
            return line.removeprefix(_BOM)
        return line


class LineFrames:
    """Newline-delimited JSON: each line that is not blank is a frame."""

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        self.broken = ""
        self._lines = Lines(limit)

    @property
    def between(self) -> bool:
        """Whether no line is open."""
        return self._lines.between

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes and return the frames that they complete."""
        frames = [Frame(line) for line in self._lines.feed(data) if line.strip()]
        if self._lines.too_long:
            self.broken = "a line of the stream is longer than 8 MiB"
        return frames

    def close(self) -> list[Frame]:
        """Return the last line, which may lack its end."""
        line = self._lines.close()
        return [Frame(line, torn=True)] if line.strip() else []


class WholeBody:
    """A body that is one document, read when it has ended."""

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        self.broken = ""
        self._limit = limit
        self._body = bytearray()

    @property
    def between(self) -> bool:
        """Never: the one frame ends with the body."""
        return False

    def feed(self, data: bytes) -> list[Frame]:
        """Keep the next bytes, up to the limit."""
        if not self.broken:
            self._body += data
        if len(self._body) > self._limit:
            self.broken = "the body is longer than 8 MiB"
        return []

    def close(self) -> list[Frame]:
        """Return the body."""
        body = bytes(self._body).removeprefix(_BOM)
        return [Frame(body)] if body.strip() else []
