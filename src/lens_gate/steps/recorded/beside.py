"""The files beside the samples of a run: how they are called, and how a run that goes on takes over those so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson

from lens_gate.artifacts.compressed import Packing, TornMember, whole_members
from lens_gate.artifacts.run import Beside
from lens_gate.stores.files import JournalFile, read_pieces

_ENDING = ".jsonl.gz"
_SAMPLES = (f".journal{_ENDING}", f".samples{_ENDING}")


def beside(output: Path, name: str) -> Path:
    """Return where the file of this name lies beside an artifact."""
    return output.with_name(f"{output.name.split('.')[0]}.{name}{_ENDING}")


def found_beside(kept: Sequence[Beside], path: Path) -> dict[Beside, Path]:
    """Return those of the files that a run kept which are there; `path` is its journal, samples file, or artifact."""
    named = {kind: _of_the_same_part(path, kind) for kind in kept}
    return {kind: file for kind, file in named.items() if file.is_file()}


def _of_the_same_part(path: Path, kind: Beside) -> Path:
    for ending in _SAMPLES:
        if path.name.endswith(ending):
            return path.with_name(f"{path.name.removesuffix(ending)}.{kind}{_ENDING}")
    return beside(path, kind)


class BesideFiles:
    """The files of one part of a run, each made when it is first asked for."""

    def __init__(self, path_of: Callable[[Beside], Path]) -> None:
        self._path_of = path_of
        self._files: dict[Beside, JournalFile] = {}

    @property
    def kinds(self) -> tuple[Beside, ...]:
        """What is kept."""
        return tuple(self._files)

    @property
    def files(self) -> Mapping[Beside, JournalFile]:
        """The files so far."""
        return self._files

    def file(self, kind: Beside) -> JournalFile:
        """Return the file of a kind."""
        if kind not in self._files:
            self._files[kind] = JournalFile(self._path_of(kind))
        return self._files[kind]

    def adopt(self, earlier: Mapping[Beside, Path], say: Callable[[str], None]) -> None:
        """Copy what the earlier parts kept; the end that a kill cut off is left out, and told by `say`."""
        for kind, path in earlier.items():
            file = self.file(kind)
            try:
                for member in whole_members(read_pieces(path)):
                    file.append(member)
            except TornMember:
                say(f"{path}: its end was cut off while it was written, and is left out")


class ChunksFile:
    """The raw times of every chunk: JSON lines `{"index": request, "chunks": [[ns, bytes], …]}` in gzip members."""

    def __init__(self, file: JournalFile) -> None:
        self._file = file
        self._packing: Packing | None = None
        self._packed = b""

    def take(self, index: int, chunks: tuple[tuple[int, int], ...]) -> None:
        """Keep the chunks of one request: nanoseconds from the run's anchor, and bytes."""
        self._packing = self._packing or Packing()
        self._packing.add(orjson.dumps({"index": index, "chunks": chunks}) + b"\n")

    def flush(self) -> None:
        """Bring what waits in memory to the file."""
        if self._packing is not None:
            self._packed += self._packing.end()
            self._packing = None
        if self._packed:
            self._file.append(self._packed)
            self._packed = b""
