"""The name that each verdict goes by among the others on its commit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from lens_gate.artifacts.unmeasured import UnmeasuredJob
from lens_gate.artifacts.verdict import PipelineJob, Verdict
from lens_gate.ci.board import digest
from lens_gate.ci.platform import Platform
from lens_gate.errors import PublishFailed, UsageProblem
from lens_gate.reports.escape import plain, shortened

LONGEST_SUITE = 100
_LONGEST_SHARED = 80
"""Leaves room for what tells several of one name apart."""

_UPLOADED = re.compile(r"lens-gate-(?P<suite>.+)-(?:[0-9]+\.)?[0-9a-f]{8}")
"""The name that `Platform.artifact_name` gives, and a download makes a folder of."""

Found = tuple[Verdict | UnmeasuredJob, Path]


def job_of(suite: str, platform: Platform | None, *, named: bool) -> PipelineJob | None:
    """Return what a verdict keeps of the job that reaches it; None where no pipeline says which that is.

    `named` is whether the suite was given to this job alone.
    """
    if platform is None:
        return None
    try:
        step = platform.step
    except PublishFailed:
        return None
    return PipelineJob(suite=suite, job=digest(step.job), run_id=step.run_id, attempt=step.attempt, named=named)


def suite_names(verdicts: Sequence[Found], given: Sequence[str]) -> list[str]:
    """Return one name for each verdict: those that were given, else the one that its job gave it, else its benchmark's.

    What stands for a verdict, since its job was excused from measuring, has its own.

    What goes by one name then is told apart, by folders or by numbers.
    """
    if given and len(given) != len(verdicts):
        raise UsageProblem(
            f"--suite names {len(given)} and there are {len(verdicts)} verdicts",
            hint="Give --suite once for each verdict in their order, or not at all.",
        )
    if not given:
        return _apart([bounded(_own_name(left, path)) for left, path in verdicts], [path for _, path in verdicts])
    names = [bounded(name) for name in given]
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise UsageProblem(
            f"two verdicts go by the name {twice[0]!r}", hint="Give each its own name: --suite NAME, once a verdict."
        )
    return names


def bounded(name: str) -> str:
    """Return the name of a suite as it is published, wherever it comes from: no longer than there is room for."""
    return shortened(plain(name), LONGEST_SUITE) or "lens-gate"


def _own_name(left: Verdict | UnmeasuredJob, path: Path) -> str:
    if isinstance(left, UnmeasuredJob):
        return left.suite
    if left.job is not None:
        return left.job.suite
    uploaded = _UPLOADED.fullmatch(_folder(path))
    return uploaded["suite"] if uploaded else left.analysis.benchmark.name


def _apart(names: Sequence[str], paths: Sequence[Path]) -> list[str]:
    """Return names that differ: of those that are alike each has its folder beside it, or a number."""
    often = Counter(names)
    taken = {name for name, times in often.items() if times == 1}
    told = []
    for name, path in zip(names, paths, strict=True):
        one = name if often[name] == 1 else next(one for one in _variants(name, path) if one not in taken)
        taken.add(one)
        told.append(one)
    return told


def _variants(name: str, path: Path) -> Iterator[str]:
    """Return names for one of several that go by the same: a folder whose name we have drawn says nothing."""
    shared, folder = shortened(name, _LONGEST_SHARED), _folder(path)
    if not _UPLOADED.fullmatch(folder):
        yield bounded(f"{shared} ({folder.removeprefix(f'{name}-')})")
    yield from (f"{shared} ({number})" for number in count(1))


def _folder(path: Path) -> str:
    return path.resolve().parent.name
