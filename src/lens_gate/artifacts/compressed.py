"""Gzip in bounded memory: members one by one, so that a journal which was cut short keeps what came before the cut."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from lens_gate.errors import ArtifactCorrupt

MAGIC = b"\x1f\x8b"
MAX_BYTES = 2 * 1024**3
"""No artifact unpacks to more than this."""
MAX_RATIO = 200
"""Artifacts pack 5 to 30 times; deflate itself ends at about 1,000, which only a bomb comes near."""
FREE_BYTES = 64 * 1024**2
"""Below this size the ratio does not matter: a short file of equal values may pack as tightly as deflate can."""

_GZIP_WINDOW = 31  # 15 bits of window, and 16 for the gzip head and trailer
_STEP_BYTES = 1024**2
_FAST = 1  # a third of the time of the default level, and a tenth more bytes: a run packs while it measures


class TornMember(Exception):
    """The bytes end, or stop making sense, inside a gzip member; all members before it were good."""


def compress(data: bytes) -> bytes:
    """Pack into one complete gzip member; equal bytes give equal members, since no time is written."""
    packing = Packing()
    packing.add(data)
    return packing.end()


class Packing:
    """A gzip member that is packed bit by bit."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(_FAST, zlib.DEFLATED, _GZIP_WINDOW)
        self._packed: list[bytes] = []

    def add(self, data: bytes) -> None:
        """Pack more."""
        self._packed.append(self._packer.compress(data))

    def end(self) -> bytes:
        """Return the complete member; call it once."""
        return b"".join([*self._packed, self._packer.flush()])


def decompress(data: bytes, *, name: str) -> bytes:
    """Unpack all members; `name` is for the message.

    Raises ArtifactCorrupt if the data is cut, damaged, or unpacks to more than an artifact can hold.
    """
    try:
        return b"".join(members([data], name=name))
    except TornMember as error:
        raise ArtifactCorrupt(
            f"the gzip data is cut short or damaged ({error})",
            place=name,
            hint="Copy or download the file again, or repeat the step that wrote it.",
        ) from error


def beginning(data: bytes, size: int) -> bytes:
    """Return the first bytes of a file, unpacked where it is packed; nothing where it cannot be unpacked."""
    if not data.startswith(MAGIC):
        return data[:size]
    try:
        return zlib.decompressobj(_GZIP_WINDOW).decompress(data, size)
    except zlib.error:
        return b""


def members(pieces: Iterable[bytes], *, name: str) -> Iterator[bytes]:
    """Yield what each member holds, once its checksum was found right.

    Raises TornMember at a member that is cut or damaged, and ArtifactCorrupt at a bomb.
    """
    meter = _Meter(name)
    member = _Member()
    for piece in pieces:
        meter.packed += len(piece)
        rest = piece
        while rest:
            rest = member.feed(rest, meter)
            if member.complete:
                yield b"".join(member.parts)
                member = _Member()
    if member.started:
        raise TornMember("it ends inside a member")


def whole_members(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each member as it is packed, once its checksum was found right, for a copy that nobody unpacks.

    Raises TornMember at a member that is cut or damaged. What a member unpacks to is not kept, so it may be anything.
    """
    decoder = zlib.decompressobj(_GZIP_WINDOW)
    packed: list[bytes] = []
    for piece in pieces:
        rest = piece
        while rest:
            unused = _passed_over(rest, decoder)
            packed.append(rest[: len(rest) - len(unused)])
            rest = unused
            if decoder.eof:
                yield b"".join(packed)
                decoder, packed = zlib.decompressobj(_GZIP_WINDOW), []
    if packed:
        raise TornMember("it ends inside a member")


def _passed_over(data: bytes, decoder: zlib._Decompress) -> bytes:
    """Unpack bit by bit and forget it; return the bytes after the end of the member."""
    while data:
        try:
            decoder.decompress(data, _STEP_BYTES)
        except zlib.error as error:
            raise TornMember(str(error)) from error
        if decoder.eof:
            return decoder.unused_data
        data = decoder.unconsumed_tail
    return data


class _Meter:
    """Counts what goes in and comes out, and stops a bomb before it fills the memory."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.packed = 0
        self.unpacked = 0

    def count(self, size: int) -> None:
        self.unpacked += size
        allowed = min(MAX_BYTES, max(FREE_BYTES, MAX_RATIO * self.packed))
        if self.unpacked > allowed:
            raise ArtifactCorrupt(
                f"the gzip data unpacks to more than {allowed // 1024**2} MiB, which no artifact of its size does",
                place=self.name,
                hint="Check where the file comes from: lens-gate did not write it.",
            )


class _Member:
    """One gzip member while it is read."""

    def __init__(self) -> None:
        self.decoder = zlib.decompressobj(_GZIP_WINDOW)
        self.parts: list[bytes] = []
        self.started = False

    @property
    def complete(self) -> bool:
        return self.decoder.eof

    def feed(self, data: bytes, meter: _Meter) -> bytes:
        """Unpack at most a step, and return the bytes that were not used yet."""
        self.started = True
        try:
            part = self.decoder.decompress(data, _STEP_BYTES)
        except zlib.error as error:
            raise TornMember(str(error)) from error
        meter.count(len(part))
        self.parts.append(part)
        return self.decoder.unused_data if self.decoder.eof else self.decoder.unconsumed_tail
