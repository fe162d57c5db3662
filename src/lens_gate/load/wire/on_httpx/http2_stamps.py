"""When the parts of each answer were read, where one HTTP/2 connection carries many of them (RFC 9113, section 4.1).

The engine gives parts of a body to whoever waits for them, sometimes long after they were read, and says not when. So
the heads of frames are read here beside it, by which each part belongs to a stream, and to a read.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

_HEAD_BYTES: Final = 9
_DATA, _HEADERS, _RESET, _CONTINUATION = 0x00, 0x01, 0x03, 0x09
_END_STREAM: Final = 0x01


@dataclass(slots=True)
class StreamStamps:
    """The stamps of one answer: of its head, of each frame of its body in their order, and of its end."""

    head_ns: int = 0
    body_ns: deque[int] = field(default_factory=deque)
    end_ns: int = 0

    def next_ns(self) -> int:
        """Return, and forget, the stamp of the next part of the body."""
        return self.body_ns.popleft()


class FrameStamps:
    """Follows what is read from one connection; a frame carries the time of the read that completed it."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._missing = 0
        self._streams: dict[int, StreamStamps | None] = {}

    def of(self, stream_id: int) -> StreamStamps:
        """Return the stamps of a stream until now; later ones are added to them."""
        return self._streams.setdefault(stream_id, StreamStamps()) or StreamStamps()

    def forget(self, stream_id: int) -> None:
        """Keep no more stamps of a stream, however much still comes."""
        known = self._streams.get(stream_id)
        if known is not None and known.end_ns:
            del self._streams[stream_id]
        else:
            self._streams[stream_id] = None

    def take(self, data: bytes, read_ns: int) -> None:
        """Follow what was read at `read_ns`."""
        at = 0
        while at < len(data):
            if len(self._head) < _HEAD_BYTES:
                piece = data[at : at + _HEAD_BYTES - len(self._head)]
                self._head += piece
                at += len(piece)
                self._missing = int.from_bytes(self._head[:3])
            else:
                piece_bytes = min(self._missing, len(data) - at)
                self._missing -= piece_bytes
                at += piece_bytes
            if len(self._head) == _HEAD_BYTES and not self._missing:
                self._completed(read_ns)
                self._head.clear()

    @property
    def known(self) -> int:
        """Return how many streams take memory."""
        return len(self._streams)

    def _completed(self, read_ns: int) -> None:
        kind, flags = self._head[3], self._head[4]
        stream_id = int.from_bytes(self._head[5:]) & 0x7FFFFFFF
        if kind not in {_DATA, _HEADERS, _RESET, _CONTINUATION}:
            return
        ends = kind == _RESET or (bool(flags & _END_STREAM) and kind != _CONTINUATION)
        stamps = self._streams.setdefault(stream_id, StreamStamps())
        if stamps is not None:
            _stamp(stamps, kind, read_ns, ends=ends)
        elif ends:
            del self._streams[stream_id]


def _stamp(stamps: StreamStamps, kind: int, read_ns: int, *, ends: bool) -> None:
    if kind == _DATA:
        stamps.body_ns.append(read_ns)
    elif kind != _RESET and not stamps.body_ns and not stamps.end_ns:
        stamps.head_ns = read_ns
    if ends:
        stamps.end_ns = read_ns
