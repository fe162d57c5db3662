"""The samples of a run in blocks: the journal while it is measured, and the sidecar `*.samples.jsonl.gz` after it.

The first line is the head, each further line a block of columns, or a note of what no sample tells. Every line is a
gzip member of its own, so that bytes can be appended at any time and a file that a kill cut short loses nothing but its
last line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import orjson
from pydantic import JsonValue

from lens_gate.artifacts.codec import read_version
from lens_gate.artifacts.columns import decode, encode, encode_cells
from lens_gate.artifacts.compressed import MAGIC, Packing, TornMember, beginning, compress, members
from lens_gate.artifacts.migrations import STEPS, Document, Steps, migrate, oldest_version
from lens_gate.artifacts.samples import SAMPLE_HINTS, Attempt, Sample, Samples, SamplesBuilder
from lens_gate.errors import ArtifactCorrupt

BLOCK_REQUESTS = 4096
SAMPLES_KIND = "samples"
SAMPLES_VERSION = 1

_BEGINNING = orjson.dumps({"kind": SAMPLES_KIND})[:-1]

_HINT = "Give the *.samples.jsonl.gz file that `lens-gate run` wrote."


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalHeader:
    """Whose samples these are; `run_head` is whatever the writer needs to rebuild the run after a kill."""

    run: str
    run_head: JsonValue = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One stretch of sending: its first note (None for the run's first stretch), and its requests.

    `through` tells that requests below this index may have been sent; 0 where nobody promised so.
    """

    note: JsonValue
    requests: int
    through: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalContents:
    """What could be read; `truncated` says that the file ends inside a line, which was left out.

    `attempts` are rows as Run holds them. `end` is what the writer said of the end, None where it was killed before.
    """

    header: JournalHeader
    samples: Samples
    attempts: tuple[dict[str, JsonValue], ...]
    truncated: bool
    stretches: tuple[Stretch, ...] = ()
    looks: tuple[JsonValue, ...] = ()
    end: JsonValue = None


def encode_header(*, run: str, run_head: JsonValue = None) -> bytes:
    """Return the first line: the id of the run, and JSON of the writer's own."""
    return compress(
        orjson.dumps({"kind": SAMPLES_KIND, "schema_version": SAMPLES_VERSION, "run": run, "run_head": run_head})
        + b"\n"
    )


def encode_block(samples: Samples, *, attempts: Sequence[Attempt | dict[str, JsonValue]] = ()) -> bytes:
    """Return one line: at most BLOCK_REQUESTS requests, and the single attempts of those that were retried."""
    if len(samples) > BLOCK_REQUESTS:
        raise ValueError(f"a block holds at most {BLOCK_REQUESTS} requests, not {len(samples)}")
    block = {"requests": len(samples), "columns": encode(samples), "attempts": list(attempts)}
    return compress(orjson.dumps(block) + b"\n")


class BlockPacking:
    """Packs the line that `encode_block` would return, a column at each step, so that no step holds others up."""

    def __init__(self, rows: Sequence[Sample], attempts: Sequence[Attempt] = ()) -> None:
        self.rows = rows
        self.attempts = attempts
        self._packing = Packing()
        self._left = iter(SAMPLE_HINTS)
        self._before = b'{"requests":%d,"columns":{' % len(rows)

    def step(self) -> bytes | None:
        """Go on, and return the whole line once it is packed. Raises ValueError as `encode` does."""
        name = next(self._left, None)
        if name is None:
            self._packing.add(b'},"attempts":' + orjson.dumps(list(self.attempts)) + b"}\n")
            return self._packing.end()
        self._packing.add(self._before + b'"%b":' % name.encode() + orjson.dumps(encode_cells(name, self.rows)))
        self._before = b","
        return None


def encode_promise(through: int) -> bytes:
    """Return a line that says, before it is so, that requests below this index may have been sent."""
    return _note({"sent": through})


def encode_segment(segment: JsonValue) -> bytes:
    """Return a line that begins another stretch of sending, after an interruption."""
    return _note({"segment": segment})


def encode_look(look: JsonValue) -> bytes:
    """Return a line that says that the run was looked at, before anybody knows what the look says."""
    return _note({"look": look})


def encode_end(end: JsonValue) -> bytes:
    """Return the last line, which says how the run ended."""
    return _note({"end": end})


def _note(note: JsonValue) -> bytes:
    return compress(orjson.dumps(note) + b"\n")


def is_journal(data: bytes) -> bool:
    """Say whether a file begins as a journal does; whether it can be read, `decode_journal` tells."""
    return beginning(data, len(_BEGINNING)) == _BEGINNING


def encode_blocks(samples: Samples, *, attempts: Sequence[dict[str, JsonValue]] = ()) -> Iterator[bytes]:
    """Yield the lines of any number of requests; all their attempts are in the first one."""
    for start in range(0, len(samples), BLOCK_REQUESTS):
        yield encode_block(samples.where(slice(start, start + BLOCK_REQUESTS)), attempts=() if start else attempts)


def decode_journal(data: bytes | Iterable[bytes], *, name: str, steps: Steps = STEPS) -> JournalContents:
    """Read a journal or sidecar, packed or plain, whole or in pieces; `name` is the file, for messages.

    A last line that was cut is left out and told by `truncated`. Raises ArtifactCorrupt where the head is missing or a
    complete line is foreign, and ArtifactTooNew for a newer version.
    """
    reader = _Reader(name, steps)
    try:
        for line in _lines(_texts(data, name)):
            reader.take(line)
    except TornMember:
        reader.truncated = True
    return reader.contents()


class _Reader:
    """Collects the lines of a journal in their order."""

    def __init__(self, name: str, steps: Steps) -> None:
        self.name = name
        self.steps = steps
        self.version = SAMPLES_VERSION
        self.header: JournalHeader | None = None
        self.samples = SamplesBuilder()
        self.attempts: list[dict[str, JsonValue]] = []
        self.truncated = False
        self.stretches: list[Stretch] = [Stretch(note=None, requests=0, through=0)]
        self.looks: list[JsonValue] = []
        self.end: JsonValue = None

    def take(self, line: bytes) -> None:
        document = _parsed(line)
        if document is None and not line.endswith(b"\n"):
            self.truncated = True
        elif document is None:
            raise self.corrupt("a line is no JSON object")
        elif self.header is None:
            self.header = self.read_header(document)
        else:
            self.read_line(document)

    def read_line(self, document: Document) -> None:
        match document:
            case {"sent": int() as through}:
                self.stretches[-1] = replace(self.stretches[-1], through=through)
            case {"segment": note}:
                self.stretches.append(Stretch(note=note, requests=0, through=0))
                self.end = None
            case {"look": look}:
                self.looks.append(look)
            case {"end": end}:
                # Who came to the end knows what became of every request.
                self.stretches[-1] = replace(self.stretches[-1], through=0)
                self.end = end
            case _:
                self.read_block(document)

    def read_header(self, document: Document) -> JournalHeader:
        if document.get("kind") != SAMPLES_KIND:
            raise self.corrupt("the first line is not the head of a samples file")
        oldest = oldest_version(SAMPLES_KIND, current=SAMPLES_VERSION, steps=self.steps)
        self.version = read_version(document, name=self.name, oldest=oldest, current=SAMPLES_VERSION)
        run = document.get("run")
        if not isinstance(run, str):
            raise self.corrupt("the head names no run")
        return JournalHeader(run=run, run_head=document.get("run_head"))

    def read_block(self, document: Document) -> None:
        current = migrate(document, kind=SAMPLES_KIND, version=self.version, current=SAMPLES_VERSION, steps=self.steps)
        match current:
            case {"requests": int() as requests, "columns": dict() as columns, "attempts": list() as attempts}:
                samples = decode(columns, name=self.name)
                rows = [row for row in attempts if isinstance(row, dict)]
            case _:
                raise self.corrupt("a line is no block of samples")
        if len(samples) != requests or len(rows) != len(attempts):
            raise self.corrupt("a block does not hold what it says")
        self.samples.add(samples)
        self.attempts.extend(rows)
        self.stretches[-1] = replace(self.stretches[-1], requests=self.stretches[-1].requests + requests)

    def contents(self) -> JournalContents:
        if self.header is None:
            raise ArtifactCorrupt(
                "the file is empty, or cut inside its first line",
                place=self.name,
                hint="A run that was killed before its first request leaves such a file: nothing was measured.",
            )
        return JournalContents(
            header=self.header,
            samples=self.samples.samples(),
            attempts=tuple(self.attempts),
            truncated=self.truncated,
            stretches=tuple(self.stretches),
            looks=tuple(self.looks),
            end=self.end,
        )

    def corrupt(self, message: str) -> ArtifactCorrupt:
        return ArtifactCorrupt(message, place=self.name, hint=_HINT)


def _parsed(line: bytes) -> Document | None:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def _texts(data: bytes | Iterable[bytes], name: str) -> Iterator[bytes]:
    """Unpack if the data is packed."""
    pieces = iter([data] if isinstance(data, bytes) else data)
    start = b""
    while len(start) < len(MAGIC) and (piece := next(pieces, None)) is not None:
        start += piece
    whole = chain([start], pieces)
    return members(whole, name=name) if start.startswith(MAGIC) else whole


def _lines(texts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines with their breaks; the last one may lack it."""
    rest = b""
    for text in texts:
        *lines, rest = (rest + text).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest
