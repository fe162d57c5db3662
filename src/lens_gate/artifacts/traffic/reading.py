"""From the pieces of a file to its lines, rows and JSON objects, each with its place, in bounded memory."""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import orjson

from lens_gate.artifacts.compressed import MAGIC
from lens_gate.errors import ArtifactCorrupt

LONGEST_BYTES = 16 * 1024**2
"""No line and no JSON object of a log is longer."""

DAMAGED = "Copy the file again: what a log holds is never repaired."

_GZIP_WINDOW = 31  # 15 bits of window, and 16 for the gzip head and trailer
_BOM = b"\xef\xbb\xbf"
_STRUCTURE = re.compile(rb'\\.|["{}\[\]\n]', re.DOTALL)
_BETWEEN = b" \t\r\n,[]"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file, or a JSON object that begins in it; `place` is `file:line`."""

    place: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first line of a file that is not blank, what else was read with it, and all pieces of the file."""

    line: bytes
    seen: bytes
    pieces: Iterator[bytes]


def unpacked(pieces: Iterable[bytes], *, name: str) -> Iterator[bytes]:
    """Yield what the pieces hold, unpacked where they are gzipped. Raises ArtifactCorrupt."""
    rest = iter(pieces)
    first = next(rest, b"")
    if not first.startswith(MAGIC):
        yield from chain([first], rest)
        return
    decoder = zlib.decompressobj(_GZIP_WINDOW)
    for piece in chain([first], rest):
        data = piece
        while data:
            if decoder.eof:
                decoder = zlib.decompressobj(_GZIP_WINDOW)
            try:
                yield decoder.decompress(data)
            except zlib.error as error:
                raise ArtifactCorrupt(f"the gzip data is damaged ({error})", place=name, hint=DAMAGED) from error
            data = decoder.unused_data
    if not decoder.eof:
        raise ArtifactCorrupt("the gzip data is cut short", place=name, hint=DAMAGED)


def begun(pieces: Iterable[bytes], *, name: str) -> Beginning:
    """Read as far as the end of the first line that is not blank. Raises ArtifactCorrupt where there is none."""
    rest = iter(pieces)
    seen = next(rest, b"").removeprefix(_BOM)
    for piece in rest:
        if b"\n" in seen.lstrip() or len(seen) > LONGEST_BYTES:
            rest = chain([piece], rest)
            break
        seen += piece
    line = seen.lstrip().partition(b"\n")[0].strip()
    if not line:
        raise ArtifactCorrupt("the file is empty", place=name, hint=DAMAGED)
    return Beginning(line=line, seen=seen, pieces=chain([seen], rest))


def lines(pieces: Iterable[bytes], *, name: str) -> Iterator[Line]:
    """Yield the lines that are not blank, without their ends. Raises ArtifactCorrupt at one that is too long."""
    parts: list[bytes] = []
    number = size = 0
    for piece in chain(pieces, [b"\n"]):
        first, *others = piece.split(b"\n")
        parts.append(first)
        size += len(first)
        if size > LONGEST_BYTES:
            raise _too_long("line", f"{name}:{number + 1}")
        for other in others:
            number += 1
            whole = b"".join(parts).strip()
            if whole:
                yield Line(f"{name}:{number}", whole)
            parts, size = [other], len(other)


def rows(found: Iterable[Line], needed: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a CSV with their places, by the names of its head. Raises ArtifactCorrupt."""
    head: list[str] = []
    for line in found:
        cells = _cells(line)
        if not head:
            head = cells
            if missing := [name for name in needed if name not in head]:
                raise ArtifactCorrupt(f"there is no column {', '.join(missing)}", place=line.place, hint=DAMAGED)
        elif len(cells) != len(head):
            raise ArtifactCorrupt(
                f"the line has {len(cells)} cells, and the head {len(head)}", place=line.place, hint=DAMAGED
            )
        else:
            yield line.place, dict(zip(head, cells, strict=True))


def _cells(line: Line) -> list[str]:
    try:
        text = line.data.decode("utf-8")
        cells = next(csv.reader([text])) if '"' in text else text.split(",")
    except (UnicodeDecodeError, csv.Error) as error:
        raise ArtifactCorrupt(f"this is no line of a table: {error}", place=line.place, hint=DAMAGED) from error
    return [cell.strip() for cell in cells]


def documents(beginning: Beginning, *, name: str) -> Iterator[Line]:
    """Yield JSON objects: one a line, or one after another, or in an array, however they are laid out.

    Raises ArtifactCorrupt where there is anything else.
    """
    if _is_whole(beginning.line):
        return lines(beginning.pieces, name=name)
    return _objects(beginning.pieces, name=name)


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _objects(pieces: Iterable[bytes], *, name: str) -> Iterator[Line]:
    """Yield the outermost objects, found by counting brackets outside strings."""
    found = _Objects(name)
    held = b""
    for piece in pieces:
        data = held + piece
        # What a backslash escapes may lie in the next piece.
        whole = data.rstrip(b"\\")
        held = data[len(whole) :]
        yield from found.feed(whole)
    found.close(held)


class _Objects:
    def __init__(self, name: str) -> None:
        self._name = name
        self._line = self._begun = 1
        self._depth = 0
        self._in_string = False
        self._kept = bytearray()

    def feed(self, data: bytes) -> Iterator[Line]:
        start = 0
        for match in _STRUCTURE.finditer(data):
            outside = self._depth == 0
            self._step(match[0])
            if outside and self._depth:
                self._require_nothing(data[start : match.start()])
                start, self._begun = match.start(), self._line
            elif not outside and self._depth == 0:
                yield Line(f"{self._name}:{self._begun}", bytes(self._kept + data[start : match.end()]))
                self._kept.clear()
                start = match.end()
        self._keep(data[start:])

    def _step(self, byte: bytes) -> None:
        match byte:
            case b"\n":
                self._line += 1
            case b'"':
                self._in_string = not self._in_string
            case b"{" if not self._in_string:
                self._depth += 1
            case b"[" if self._depth and not self._in_string:
                self._depth += 1
            case b"}" | b"]" if self._depth and not self._in_string:
                self._depth -= 1
            case _:
                pass

    def _keep(self, rest: bytes) -> None:
        if self._depth == 0:
            self._require_nothing(rest)
            return
        self._kept += rest
        if len(self._kept) > LONGEST_BYTES:
            raise _too_long("JSON object", f"{self._name}:{self._begun}")

    def close(self, held: bytes) -> None:
        if self._depth or held:
            raise ArtifactCorrupt("the JSON is cut short", place=f"{self._name}:{self._begun}", hint=DAMAGED)

    def _require_nothing(self, between: bytes) -> None:
        if between.strip(_BETWEEN):
            raise ArtifactCorrupt(
                "this is neither a JSON object nor an array of them", place=f"{self._name}:{self._line}", hint=DAMAGED
            )


def _too_long(what: str, place: str) -> ArtifactCorrupt:
    return ArtifactCorrupt(
        f"the {what} is longer than {LONGEST_BYTES // 1024**2} MiB",
        place=place,
        hint="Write one request a line (JSON lines).",
    )
