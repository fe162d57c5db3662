"""Stored runs, read from files and folders: one at a time, and of all but the newest only what a history needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from lens_gate.analysis.baseline import Stored
from lens_gate.analysis.past import Judged, PastRun, usable_runs
from lens_gate.artifacts.codec import Artifact
from lens_gate.artifacts.run import Run
from lens_gate.errors import ArtifactProblem, NoBaseline
from lens_gate.reports.escape import plain, shortened
from lens_gate.reports.numbers import plural
from lens_gate.reports.words import listed
from lens_gate.steps.recorded.reading import read_artifact, samples_beside

ENDINGS = (".json", ".json.gz")
_NAMED_AT_MOST = 3
_LONGEST_NAME = 60
_HINT = "Store a run of the main branch there, or compare two versions at once with --against-ref."


@dataclass(frozen=True, slots=True)
class _Found:
    """A file that may hold a stored run; `named` says that somebody named this very file."""

    path: Path
    named: bool


def read_stored(
    sources: Sequence[str], directory: Path, *, series: Collection[str], judged: Judged | None
) -> Stored | None:
    """Read the stored runs in these files and folders, None where none is named.

    `series` are those that are to be compared, `judged` the run that is judged, where it was made already. Raises
    NoBaseline where a source is missing or holds no run that can be compared with, and ArtifactProblem for a named file
    that is no run.
    """
    if not sources:
        return None
    found = [one for source in sources for one in _files(directory / source)]
    if len(found) == 1 and found[0].named:
        return _stored(found[0].path)
    paths: dict[str, Path] = {}
    past: list[PastRun] = []
    others: list[Path] = []
    for one in found:
        run = _read_run(one)
        if run is None:
            others.append(one.path)
        else:
            past.append(PastRun.of(run))
            paths[run.benchmark.id] = one.path
    usable = usable_runs(past, series=series, judged=judged)
    if not usable.runs:
        message = usable.note() or "no run is stored"
        raise NoBaseline(message[0].lower() + message[1:].rstrip("."), place=", ".join(sources), hint=_HINT)
    notes = tuple(note for note in (usable.note(), _ignored(others)) if note is not None)
    return _stored(paths[usable.runs[-1].id], earlier=usable.runs[:-1], notes=notes)


def _ignored(others: Sequence[Path]) -> str | None:
    """Say which files were left aside; None where there are none."""
    if not others:
        return None
    names = [shortened(plain(path.name), _LONGEST_NAME) for path in others[:_NAMED_AT_MOST]]
    more = [f"{len(others) - _NAMED_AT_MOST} more"] if len(others) > _NAMED_AT_MOST else []
    holds = "holds no run, and was ignored" if len(others) == 1 else "hold no run, and were ignored"
    return f"{plural(len(others), 'file')} beside the stored runs {holds}: {listed([*names, *more])}."


def _files(path: Path) -> list[_Found]:
    if path.is_dir():
        return [_Found(file, named=False) for file in sorted(path.iterdir()) if _may_be_run(file)]
    if not path.exists():
        raise NoBaseline("there is no baseline file", place=str(path), hint=_HINT)
    return [_Found(path, named=True)]


def _may_be_run(path: Path) -> bool:
    return path.name.endswith(ENDINGS) and path.is_file()


def _read_run(found: _Found) -> Run | None:
    """Return the run in a file; None for another file of a folder."""
    try:
        artifact = read_artifact(found.path)
    except ArtifactProblem:
        if found.named:
            raise
        return None
    return _as_run(artifact, found.path) if found.named or isinstance(artifact, Run) else None


def _as_run(artifact: Artifact, path: Path) -> Run:
    if isinstance(artifact, Run):
        return artifact
    raise ArtifactProblem(
        f"a baseline is a run, and this is an artifact of kind {artifact.kind}",
        place=str(path),
        hint="Give the run.json that the analysis was made from.",
    )


def _stored(path: Path, *, earlier: tuple[PastRun, ...] = (), notes: tuple[str, ...] = ()) -> Stored:
    run = _as_run(read_artifact(path), path)
    return Stored(run=run, samples=samples_beside(run, path), earlier=earlier, notes=notes)
