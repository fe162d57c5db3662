"""Which verdicts are published, and the name that each goes by among the others on the same commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.codec import Artifact
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.verdict import Verdict
from lens_gate.errors import UsageProblem
from lens_gate.reports.escape import plain, shortened
from lens_gate.steps.judge import Rules, verdict_of
from lens_gate.steps.publish import Finished
from lens_gate.steps.publish_places import Places
from lens_gate.steps.world import World

LONGEST_SUITE = 100

_OUTPUTS = {"report": "report.md", "junit": "junit.xml"}
"""Outputs of a step by the file that `ci` writes beside the verdict."""


def finished_of(
    found: Sequence[tuple[Artifact, Path]], judged_by: Rules, world: World, *, suites: Sequence[str], places: Places
) -> tuple[Finished, ...]:
    """Return the verdicts in, or on, artifacts. Raises UsageProblem for what has none, and for odd names of suites."""
    verdicts = [(_verdict(artifact, path, judged_by, world), path) for artifact, path in found]
    names = suite_names(verdicts, suites)
    return tuple(
        Finished(suite=name, verdict=verdict, code=verdict.exit_code, files=files_in(path.parent), places=places)
        for name, (verdict, path) in zip(names, verdicts, strict=True)
    )


def suite_names(verdicts: Sequence[tuple[Verdict, Path]], given: Sequence[str]) -> list[str]:
    """Return one name for each verdict: those that were given, else of its benchmark.

    Where two benchmarks are called alike the folder of the file stands beside the name: what the legs of a matrix
    upload is downloaded into one folder each.
    """
    if given and len(given) != len(verdicts):
        raise UsageProblem(
            f"--suite names {len(given)} and there are {len(verdicts)} verdicts",
            hint="Give --suite once for each verdict in their order, or not at all.",
        )
    names = list(given) or _own_names(verdicts)
    names = [shortened(plain(name), LONGEST_SUITE) or "lens-gate" for name in names]
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise UsageProblem(
            f"two verdicts go by the name {twice[0]!r}", hint="Give each its own name: --suite NAME, once a verdict."
        )
    return names


def _own_names(verdicts: Sequence[tuple[Verdict, Path]]) -> list[str]:
    names = [verdict.analysis.benchmark.name for verdict, _ in verdicts]
    often = Counter(names)
    return [
        f"{name} ({path.resolve().parent.name})" if often[name] > 1 else name
        for name, (_, path) in zip(names, verdicts, strict=True)
    ]


def files_in(folder: Path) -> dict[str, str]:
    """Return the outputs that name files: what `ci` left in a folder, empty where it did not."""
    there = {name: folder / file for name, file in _OUTPUTS.items()}
    return {name: str(path) if path.is_file() else "" for name, path in there.items()} | {"artifacts": str(folder)}


def _verdict(artifact: Artifact, path: Path, judged_by: Rules, world: World) -> Verdict:
    match artifact:
        case Verdict():
            return artifact
        case Run() | Analysis():
            return verdict_of(artifact, path, judged_by, world)
        case _:
            raise UsageProblem(
                f"there is no verdict to publish in an artifact of kind `{artifact.kind}`",
                place=str(path),
                hint="Name the verdict.json that `lens-gate gate` or `lens-gate ci` wrote.",
            )
