"""Artifacts and the samples beside them, read from files."""

from __future__ import annotations

from pathlib import Path

from lens_gate.artifacts.assemble import samples_of
from lens_gate.artifacts.codec import Artifact, loads
from lens_gate.artifacts.journal import decode_journal, is_journal
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Samples
from lens_gate.errors import ArtifactCorrupt
from lens_gate.steps.recorded.recovered import recovered
from lens_gate.stores.files import read_file


def read_artifact(path: Path) -> Artifact:
    """Read one artifact from a file, gzipped or not; the journal of a run is taken for the run."""
    data = read_file(path)
    if is_journal(data):
        return recovered(decode_journal(data, name=str(path)), data, name=str(path))
    return loads(data, name=str(path))


def samples_beside(run: Run, path: Path) -> Samples:
    """Return the run's samples, from inside the artifact or from the sidecar beside it, which is no link elsewhere."""
    return samples_of(run, lambda name: _read_beside(path.parent.resolve(), name))


def _read_beside(folder: Path, name: str) -> bytes:
    beside = (folder / name).resolve()
    if beside.parent != folder:
        raise ArtifactCorrupt(
            "the run names a samples file that does not lie beside it",
            place=name,
            hint="Keep the samples file of the same run in its folder, as a file.",
        )
    return read_file(beside)
