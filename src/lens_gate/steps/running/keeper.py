"""Keeps what was measured: in a journal on disk while the run goes on, in its final place afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from pydantic import JsonValue

from lens_gate.artifacts.assemble import INLINE_LIMIT, sidecar_of
from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.columns import encode
from lens_gate.artifacts.journal import (
    BlockPacking,
    decode_journal,
    encode_blocks,
    encode_end,
    encode_header,
    encode_look,
    encode_promise,
    encode_segment,
)
from lens_gate.artifacts.run import Beside, InlineSamples, Look, Run, Sidecar
from lens_gate.artifacts.run_head import RunHead
from lens_gate.artifacts.samples import Attempt, Sample, Samples, SamplesBuilder
from lens_gate.errors import PublishFailed
from lens_gate.load.record.personal import PersonalRules
from lens_gate.reports.numbers import plural
from lens_gate.steps.recorded.beside import BesideFiles, ChunksFile, beside
from lens_gate.steps.recorded.resuming import Earlier
from lens_gate.steps.running.bodies import BodiesFile
from lens_gate.stores.files import JournalFile, write_named

BLOCK = 256
"""Requests that a kill may lose beside those in flight: those that wait, and those that are being packed."""

_PACKED_AT = 200
"""Requests in a block of the journal. While it is packed, one column for each request that follows, others wait."""

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperOptions:
    """What else a keeper is to do; see Keeper."""

    save_chunks: bool = False
    remember: bool = False
    part: int = 1
    on_failure: Callable[[PublishFailed], None] = lambda _: None


class Keeper:
    """Takes samples as they end. A kill loses fewer than BLOCK of them, and none from before the last `bring`.

    The run calls that every second. Packing a block at once would hold up the event loop, so it goes by small steps.
    `output` is where the artifact will lie; the journal beside it becomes the sidecar of a large run and is removed
    after a small one. Until `publish` is through it stays, and `say` tells people where it lies. Samples leave the
    memory for the journal, unless it is to `remember` them for a look now and then; `part` counts the journals of a run
    that was resumed. Where the journal cannot be written any more, `failure` says why, `on_failure` learns it, and what
    came since stays in memory.
    """

    def __init__(
        self, output: Path, *, run_id: str, say: Callable[[str], None], options: KeeperOptions = KeeperOptions()
    ) -> None:
        if output.is_dir():
            raise PublishFailed("this is a folder, not a file", place=str(output), hint="Name a file in it.")
        self.output = output
        self.head: RunHead | None = None
        self.began: tuple[str, int] | None = None
        self.failure: PublishFailed | None = None
        self._run_id = run_id
        self._say = say
        self._on_failure = options.on_failure
        self._waiting: list[Sample] = []
        self._waiting_attempts: list[Attempt] = []
        self._packing: BlockPacking | None = None
        self._attempts: list[dict[str, JsonValue]] = []
        self._remembered = SamplesBuilder() if options.remember else None
        self._taken = 0
        self._published = False
        name = self._unused_name(options.part)
        self._journal = JournalFile(beside(output, f"{name}.journal"))
        self._beside = BesideFiles(lambda kind: beside(output, f"{name}.{kind}"))
        self._chunks = ChunksFile(self._beside.file("chunks")) if options.save_chunks else None
        self._bodies: BodiesFile | None = None

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

    def begin(self, head: RunHead) -> None:
        """Write the head of the journal: all that is known of the run before its first request."""
        self.head = head
        self._journal.append(encode_header(run=self._run_id, run_head=head.model_dump(mode="json")))

    def _unused_name(self, part: int) -> str:
        """Return a name for the files of this part: what a kill left of an earlier attempt at it stays as it is."""
        if part == 1:
            return self._run_id
        names = (f"{self._run_id}-{number}" for number in count(part))
        return next(name for name in names if not beside(self.output, f"{name}.journal").exists())

    @property
    def kept(self) -> tuple[Beside, ...]:
        """What is kept in files beside the samples."""
        return self._beside.kinds

    def adopt_beside(self, earlier: Earlier) -> None:
        """Copy what an earlier part of this run kept beside its samples; what is not there is told."""
        self._beside.adopt(earlier.kept, self._say)
        for kind in earlier.run.kept:
            if kind not in earlier.kept:
                self._say(f"warning: the {kind} of the earlier part do not lie beside {earlier.path}, and are left out")

    def adopt(self, earlier: Earlier) -> None:
        """Write down what an earlier part of this run measured, so that its file is needed no more."""
        start = 0
        attempts = earlier.attempts
        for stretch in earlier.stretches:
            if stretch.note is not None:
                self._journal.append(encode_segment(stretch.note))
            if stretch.through:
                self._journal.append(encode_promise(stretch.through))
            rows = earlier.samples.where(slice(start, start + stretch.requests))
            start += stretch.requests
            for block in encode_blocks(rows, attempts=attempts):
                self._journal.append(block)
                attempts = ()
        self._attempts.extend(earlier.attempts)
        self._taken += start

    def segment(self, start_time: str, begin_ns: int) -> None:
        """Write down that another stretch of sending begins."""
        self.began = (start_time, begin_ns)
        self._written(lambda: self._journal.append(encode_segment({"start_time": start_time, "begin_ns": begin_ns})))

    def take(self, sample: Sample) -> None:
        """Keep one sample."""
        self._taken += 1
        self._waiting.append(sample)
        if self._packing is not None:
            self._written(self._step)
        elif len(self._waiting) >= _PACKED_AT and self.failure is None:
            self._pack()

    def take_attempts(self, attempts: Sequence[Attempt]) -> None:
        """Keep the attempts of one request, whose sample is taken next."""
        self._waiting_attempts.extend(attempts)

    @property
    def take_chunks(self) -> Callable[[int, tuple[tuple[int, int], ...]], None] | None:
        """What keeps the raw times of a request's chunks; None where nobody asked for them."""
        return self._chunks.take if self._chunks else None

    def promise(self, through: int) -> bool:
        """Write down that requests below this index may be sent from now on; False where that cannot be written."""
        return self._written(lambda: self._journal.append(encode_promise(through)))

    def look(self, look: Look) -> None:
        """Write down that the run is looked at."""
        self._written(lambda: self._journal.append(encode_look(look.model_dump(mode="json"))))

    def end(self, tail: JsonValue) -> None:
        """Write the last line of the journal: how the run ended."""
        self._written(lambda: self._journal.append(encode_end(tail)))

    def keep_bodies(self, rules: PersonalRules, executor: Executor) -> None:
        """From now on also keep requests and answers, which `executor` cleans by the rules before they are written."""
        self._bodies = BodiesFile(self._beside.file("bodies"), rules, executor)
        self._bodies.warm_up()

    @property
    def take_body(self) -> Callable[[int, bytes, str], None] | None:
        """What keeps a request and its answer; None where nobody asked for them."""
        return self._bodies.take if self._bodies else None

    async def bring(self) -> None:
        """Bring what waits in memory to the journal, as `flush` does, but let others run after each step."""
        if self.failure is None:
            self._pack()
        while self._packing is not None:
            self._written(self._step)
            await asyncio.sleep(0)
        self._written(self._flush_beside)

    def flush(self) -> None:
        """Bring what waits in memory to the journal; what could not be written still waits."""
        while self._packing is not None or self._waiting:
            self._pack()
            if not self._written(self._step):
                break
        self._written(self._flush_beside)

    def _pack(self) -> None:
        """Begin to pack what waits, unless something is being packed."""
        if self._packing is None and self._waiting:
            self._packing = BlockPacking(self._waiting, self._waiting_attempts)
            self._waiting, self._waiting_attempts = [], []

    def _step(self) -> None:
        """Pack one more column, and write the block once it is whole; what cannot be written waits again."""
        packing = self._packing
        if packing is None:
            return
        try:
            line = packing.step()
            if line is None:
                return
            self._journal.append(line)
        except (PublishFailed, ValueError):
            self._packing = None
            self._waiting = [*packing.rows, *self._waiting]
            self._waiting_attempts = [*packing.attempts, *self._waiting_attempts]
            raise
        self._packing = None
        if self._taken <= INLINE_LIMIT:
            self._attempts.extend(map(asdict, packing.attempts))
        else:
            self._attempts.clear()  # the artifact of so many samples leaves them in the journal
        if self._remembered is not None:
            self._remembered.add(Samples.of(packing.rows))

    def _flush_beside(self) -> None:
        """Bring to their files what is kept beside the samples."""
        if self._chunks:
            self._chunks.flush()
        if self._bodies:
            self._bodies.flush()

    def _written(self, write: Callable[[], None]) -> bool:
        """Say whether it could be written; the first failure is told: a run must not go on without its journal."""
        try:
            write()
        except PublishFailed as failure:
            if self.failure is None:
                self.failure = failure
                self._on_failure(failure)
            return False
        return True

    def samples(self) -> Samples:
        """Return everything that was taken, in the order in which the requests ended."""
        self.flush()
        kept = self._in_journal() if self._remembered is None else self._remembered.samples()
        return Samples.concatenate([kept, Samples.of(self._waiting)]) if self._waiting else kept

    def _in_journal(self) -> Samples:
        if self._taken == len(self._waiting):
            return Samples.of([])
        with self._journal.path.open("rb") as written:
            return decode_journal(_pieces(written), name=str(self._journal.path)).samples

    def reference(self, samples: Samples) -> InlineSamples | Sidecar:
        """Return what the artifact says of its samples; many of them stay in the journal, which becomes the sidecar.

        Raises PublishFailed where the journal does not hold them all.
        """
        if len(samples) <= INLINE_LIMIT:
            return InlineSamples(requests=len(samples), columns=encode(samples))
        if self._waiting and self.failure is not None:
            raise self.failure
        with self._journal.path.open("rb") as written:
            return sidecar_of(_pieces(written), file=beside(self.output, "samples").name, requests=len(samples))

    def attempts(self, samples: Samples) -> tuple[dict[str, JsonValue], ...]:
        """Return what the artifact holds of single attempts; those of many samples stay in the sidecar with them."""
        kept = [*self._attempts, *map(asdict, self._waiting_attempts)]
        return tuple(kept) if len(samples) <= INLINE_LIMIT else ()

    def publish(self, run: Run) -> None:
        """Give the samples and then the artifact their final names; the journal goes only after both are safe."""
        large = isinstance(run.samples, Sidecar)
        if large:
            self._journal.keep_as(beside(self.output, "samples"))
        write_named(self.output, dumps(run))
        if not large:
            self._journal.discard()
        self._published = True
        if self._bodies:
            self._written(self._bodies.finish)
        for kind, file in self._beside.files.items():
            file.keep_as(beside(self.output, kind))

    def _close(self) -> None:
        """Close what `publish` did not, and leave no file in which nothing stands."""
        if self._published:
            return
        if self._bodies:
            self._written(self._bodies.finish)
        for file in (self._journal, *self._beside.files.values()):
            if self._taken:
                file.close()
            else:
                file.discard()
        if self._taken:
            without = f", but for the last {plural(len(self._waiting), 'request')}" if self._waiting else ""
            self._say(f"what was measured is kept in {self._journal.path}{without}")


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(_READ_BYTES), b"")
