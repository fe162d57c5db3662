"""Keeps what was measured: in a journal on disk while the run goes on, in its final place afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson
from pydantic import JsonValue

from lens_gate.artifacts.assemble import INLINE_LIMIT, sidecar_of
from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.columns import encode
from lens_gate.artifacts.compressed import compress
from lens_gate.artifacts.journal import encode_block, encode_header
from lens_gate.artifacts.run import InlineSamples, Run, Sidecar
from lens_gate.artifacts.samples import Attempt, Sample, Samples
from lens_gate.errors import PublishFailed
from lens_gate.stores.files import JournalFile, write_named

BLOCK = 256
"""Requests in a block of the journal: it is packed on the event loop, and 256 take about 2 ms."""

_READ_BYTES = 1 << 20


class Keeper:
    """Takes samples as they end. A kill loses what came after the last `flush`, which the run calls every second.

    `output` is where the artifact will lie; the journal beside it becomes the sidecar of a large run and is removed
    after a small one. Until `publish` is through it stays, and `say` tells people where it lies.
    """

    def __init__(self, output: Path, *, run_id: str, say: Callable[[str], None], save_chunks: bool = False) -> None:
        if output.is_dir():
            raise PublishFailed("this is a folder, not a file", place=str(output), hint="Name a file in it.")
        self.output = output
        self._run_id = run_id
        self._say = say
        self._waiting: list[Sample] = []
        self._waiting_attempts: list[Attempt] = []
        self._attempts: list[Attempt] = []
        self._blocks: list[Samples] = []
        self._published = False
        self._journal = JournalFile(self._beside(f"{run_id}.journal"))
        self._chunks = ChunksFile(self._beside(f"{run_id}.chunks")) if save_chunks else None

    def __enter__(self) -> Self:
        """Return the keeper; its files are closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep the journal unless the run was published, or nothing was measured."""
        try:
            if not self._published:
                self.flush()
        finally:
            self._close()

    def begin(self, head: JsonValue) -> None:
        """Write the head of the journal: all that is known of the run before its first request."""
        self._journal.append(encode_header(run=self._run_id, run_head=head))

    def take(self, sample: Sample) -> None:
        """Keep one sample."""
        self._waiting.append(sample)
        if len(self._waiting) >= BLOCK:
            self.flush()

    def take_attempts(self, attempts: Sequence[Attempt]) -> None:
        """Keep the attempts of one request, whose sample is taken next."""
        self._waiting_attempts.extend(attempts)

    @property
    def take_chunks(self) -> Callable[[int, tuple[tuple[int, int], ...]], None] | None:
        """What keeps the raw times of a request's chunks; None where nobody asked for them."""
        return self._chunks.take if self._chunks else None

    def flush(self) -> None:
        """Bring what waits in memory to the journal; what could not be written still waits."""
        if self._waiting:
            block = Samples.of(self._waiting)
            self._journal.append(encode_block(block, attempts=self._waiting_attempts))
            self._blocks.append(block)
            self._attempts.extend(self._waiting_attempts)
            self._waiting, self._waiting_attempts = [], []
        if self._chunks:
            self._chunks.flush()

    def samples(self) -> Samples:
        """Return everything that was taken, in the order in which the requests ended."""
        self.flush()
        return Samples.concatenate(self._blocks)

    def reference(self, samples: Samples) -> InlineSamples | Sidecar:
        """Return what the artifact says of its samples; many of them stay in the journal, which becomes the sidecar."""
        if len(samples) <= INLINE_LIMIT:
            return InlineSamples(requests=len(samples), columns=encode(samples))
        with self._journal.path.open("rb") as written:
            pieces = iter(lambda: written.read(_READ_BYTES), b"")
            return sidecar_of(pieces, file=self._beside("samples").name, requests=len(samples))

    def attempts(self, samples: Samples) -> tuple[Attempt, ...]:
        """Return what the artifact holds of single attempts; those of many samples stay in the sidecar with them."""
        return tuple(self._attempts) if len(samples) <= INLINE_LIMIT else ()

    def publish(self, run: Run) -> None:
        """Give the samples and then the artifact their final names; the journal goes only after both are safe."""
        large = isinstance(run.samples, Sidecar)
        if large:
            self._journal.keep_as(self._beside("samples"))
        write_named(self.output, dumps(run))
        if not large:
            self._journal.discard()
        self._published = True
        if self._chunks:
            self._chunks.file.keep_as(self._beside("chunks"))

    def _beside(self, name: str) -> Path:
        return self.output.with_name(f"{self.output.name.split('.')[0]}.{name}.jsonl.gz")

    def _close(self) -> None:
        """Close what `publish` did not, and leave no file in which nothing stands."""
        if self._published:
            return
        for file in (self._journal, *([self._chunks.file] if self._chunks else [])):
            if self._blocks:
                file.close()
            else:
                file.discard()
        if self._blocks:
            self._say(f"what was measured is kept in {self._journal.path}")


class ChunksFile:
    """The raw times of every chunk: JSON lines `{"index": request, "chunks": [[ns, bytes], …]}` in gzip members."""

    def __init__(self, path: Path) -> None:
        self.file = JournalFile(path)
        self._waiting: list[bytes] = []

    def take(self, index: int, chunks: tuple[tuple[int, int], ...]) -> None:
        """Keep the chunks of one request: nanoseconds from the run's anchor, and bytes."""
        self._waiting.append(orjson.dumps({"index": index, "chunks": chunks}) + b"\n")

    def flush(self) -> None:
        """Bring what waits in memory to the file."""
        if self._waiting:
            self.file.append(compress(b"".join(self._waiting)))
            self._waiting = []
