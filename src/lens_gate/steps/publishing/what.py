"""Which verdicts are published: found in a folder, read, and with the files that lie beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.codec import Artifact, loads
from lens_gate.artifacts.compressed import MAGIC
from lens_gate.artifacts.numbers_only import numbers_only
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.unmeasured import UnmeasuredJob
from lens_gate.artifacts.verdict import Verdict
from lens_gate.errors import UsageProblem
from lens_gate.reports.view import VERDICT_FILE
from lens_gate.steps.judging.judge import Rules, verdict_of
from lens_gate.steps.line import UNMEASURED_FILE
from lens_gate.steps.publishing.excused import unmeasured_of, unvouched
from lens_gate.steps.publishing.names import suite_names
from lens_gate.steps.publishing.places import Places, no_places
from lens_gate.steps.publishing.publish import Finished
from lens_gate.steps.publishing.unmeasured import Unmeasured
from lens_gate.steps.world import World
from lens_gate.stores.files import read_start
from lens_gate.vocabulary.outcomes import ExitCode

UNTRUSTED_BYTES = 5_000_000
"""A verdict on ten models is a twentieth of that."""

UNTRUSTED_VERDICTS = 256
"""A matrix has no more jobs, and each verdict takes requests that GitHub counts for the whole repository."""

_STARTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""Where the steps of a job start."""

_OUTPUTS = {"report": "report.md", "junit": "junit.xml"}
"""Outputs of a step by the file that `ci` writes beside the verdict."""


def left_in(path: Path) -> list[Path]:
    """Return what jobs have left in a folder: their verdicts, or that they had no secrets. Another path is itself.

    A download of several uploads gives each a folder of its name; one alone lies in the folder itself. A verdict stands
    for all of its folder.
    """
    alone = path / VERDICT_FILE
    if not path.is_dir():
        return [path]
    return [alone] if alone.exists() else [*_several_in(path)] or [alone]


def _several_in(path: Path) -> Iterator[Path]:
    there = path / UNMEASURED_FILE
    if there.exists():
        yield there
    found = {file.parent: file for name in (UNMEASURED_FILE, VERDICT_FILE) for file in path.glob(f"*/{name}")}
    yield from (found[folder] for folder in sorted(found))


def one_file(paths: Sequence[Path]) -> bool:
    """Whether these name no folder and no second file; a name without an ending, of nothing there, is a folder's."""
    return len(paths) <= 1 and not any(path.is_dir() or not (path.suffix or path.exists()) for path in paths)


def finished_of(
    found: Sequence[tuple[Artifact, Path]],
    judged_by: Rules,
    world: World,
    *,
    suites: Sequence[str],
    places: Places,
    exit_zero: bool,
) -> tuple[Finished | Unmeasured, ...]:
    """Return the verdicts in, or on, artifacts, and which jobs have none since they were excused.

    Raises UsageProblem for what has no verdict, and for odd names of suites.
    """
    left = [(_left(artifact, path, judged_by, world), path) for artifact, path in found]

    def result(name: str, one: Verdict | UnmeasuredJob, path: Path) -> Finished | Unmeasured:
        if isinstance(one, UnmeasuredJob):
            return unmeasured_of(one, name)
        code = ExitCode.OK if exit_zero else one.exit_code
        files = files_in(path.parent, world)
        return Finished(suite=name, verdict=one, path=str(path), code=code, files=files, places=places)

    return tuple(result(name, *one) for name, one in zip(suite_names(left, suites), left, strict=True))


def untrusted(finished: Finished) -> Finished:
    """Return a verdict of which nothing is believed but that it has the right form: no words, no files, no lines."""
    artifacts = dict.fromkeys(finished.files, "")
    return replace(finished, untrusted=True, files=artifacts, places=no_places)


def believed(result: Finished | Unmeasured, excuse: str) -> Finished | Unmeasured:
    """Return what is believed of a result of another's run.

    `excuse` is what the platform says of that run's secrets, empty where it may have had them.
    """
    return untrusted(result) if isinstance(result, Finished) else unvouched(result, excuse)


def require_few(paths: Sequence[Path]) -> None:
    """Raise UsageProblem for more verdicts than another's run can have measured."""
    if len(paths) > UNTRUSTED_VERDICTS:
        raise UsageProblem(
            f"{len(paths)} verdicts were given, and of another's run at most {UNTRUSTED_VERDICTS} are taken",
            hint="Download one verdict.json of each job, and nothing else.",
        )


def read_untrusted(path: Path) -> Verdict | UnmeasuredJob:
    """Read a verdict that another's run has uploaded, or that it has none, and leave its numbers and names.

    Raises UsageProblem for a file that is too large, is packed, or holds no verdict.
    """
    data = read_start(path, UNTRUSTED_BYTES + 1)
    if len(data) > UNTRUSTED_BYTES or data[: len(MAGIC)] == MAGIC:
        raise UsageProblem(
            f"a verdict from another's run is taken up to {UNTRUSTED_BYTES:,} bytes, and not packed",
            place=str(path),
            hint="Upload the verdict.json alone, as `lens-gate ci` wrote it.",
        )
    artifact = loads(data, name=str(path))
    if not isinstance(artifact, Verdict | UnmeasuredJob):
        raise UsageProblem(
            f"from another's run only a verdict is taken, and this is of kind `{artifact.kind}`",
            place=str(path),
            hint="Upload the verdict.json that `lens-gate ci` wrote: nothing is measured or judged anew here.",
        )
    return numbers_only(artifact)


def files_in(folder: Path, world: World) -> dict[str, str]:
    """Return the outputs that name files: what `ci` left in a folder, empty where it did not.

    Later steps start where the job does, whatever folder we run in: paths are from there.
    """
    there = {name: folder / file for name, file in _OUTPUTS.items()}
    found = {name: path if path.is_file() else None for name, path in there.items()} | {"artifacts": folder}
    return {name: _from_start(path, world) if path else "" for name, path in found.items()}


def _from_start(path: Path, world: World) -> str:
    variables = (world.environment.get(name) for name in _STARTS)
    start = next((Path(value).resolve() for value in variables if value), None)
    if start is None:
        return str(path)
    whole = (world.directory / path).resolve()
    return str(whole.relative_to(start) if whole.is_relative_to(start) else whole)


def _left(artifact: Artifact, path: Path, judged_by: Rules, world: World) -> Verdict | UnmeasuredJob:
    match artifact:
        case Verdict() | UnmeasuredJob():
            return artifact
        case Run() | Analysis():
            return verdict_of(artifact, path, judged_by, world)
        case _:
            raise UsageProblem(
                f"there is no verdict to publish in an artifact of kind `{artifact.kind}`",
                place=str(path),
                hint="Name the verdict.json that `lens-gate gate` or `lens-gate ci` wrote.",
            )
