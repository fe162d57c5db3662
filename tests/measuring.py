"""Reading back the evidence of a run that a test made."""

from __future__ import annotations

from pathlib import Path

from lens_gate.artifacts.assemble import samples_of
from lens_gate.artifacts.codec import loads
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Samples


def run_in(path: Path) -> Run:
    """Return the run artifact at `path`."""
    run = loads(path.read_bytes(), name=path.name)
    assert isinstance(run, Run)
    return run


def samples_in(path: Path) -> Samples:
    """Return the samples of the run at `path`, wherever they lie."""
    return samples_of(run_in(path), lambda name: (path.parent / name).read_bytes())


def texts(samples: Samples, column: str, **where: str) -> set[str | None]:
    """Return the different values of a text column among the rows whose columns hold the values of `where`."""
    for name, value in where.items():
        samples = samples.where(samples.texts[name].equals(value))
    assert len(samples) > 0, f"no row has {where}"
    return set(samples.texts[column].strings())
