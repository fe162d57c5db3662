"""The whole line in one call: run, analyze, gate, report, each leaving its file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lens_gate.analysis.baseline import Missing, Stored
from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.verdict import PipelineJob, Verdict
from lens_gate.errors import LensGateError, PublishFailed
from lens_gate.reports.html.report import verdict_html
from lens_gate.reports.junit import junit
from lens_gate.reports.markdown import markdown
from lens_gate.reports.view import view
from lens_gate.steps.judging.judge import Rules, analyze_run, checked_after, judge
from lens_gate.steps.resolving.arms import RunOrder, resolve
from lens_gate.steps.running.measure import Measured, measure
from lens_gate.steps.running.watcher import Watcher
from lens_gate.steps.world import World
from lens_gate.stores.files import write_file

UNMEASURED_FILE = "unmeasured.json"
"""What a job leaves instead of all that where it is excused from measuring."""

_ABOUT_A_RUN = ("analysis.json", "verdict.json", "report.md", "report.html", "junit.xml", UNMEASURED_FILE)
"""What `judged` writes beside the run, and what stands for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict, and the files that could not be written: they must not hide it."""

    verdict: Verdict
    failed: tuple[PublishFailed, ...]


def whole_line(order: RunOrder, judged_by: Rules, folder: Path, world: World, watcher: Watcher) -> Judged:
    """Measure and judge; run.json, analysis.json, verdict.json, report.md, report.html and junit.xml go to `folder`."""
    measured = measure(resolve(order, world), folder / "run.json", world, watcher)
    return judged(measured, judged_by, folder, world)


def judged(
    measured: Measured,
    judged_by: Rules,
    folder: Path,
    world: World,
    *,
    stored: Stored | Missing | None = None,
    job: PipelineJob | None = None,
) -> Judged:
    """Judge a run that lies in `folder`, and write what was found beside it; `job` is the one that does so."""
    usable = checked_after(stored, measured.run, judged_by, world)
    analysis = analyze_run(measured.run, measured.samples, judged_by, world, stored=usable)
    verdict = judge(analysis, judged_by, world).model_copy(update={"job": job})
    page = view(verdict, str(folder / "verdict.json"))
    failed = attempted(
        lambda: write_file(folder / "analysis.json", dumps(analysis)),
        lambda: write_file(folder / "verdict.json", dumps(verdict)),
        lambda: write_file(folder / "report.md", markdown(page).encode("utf-8")),
        lambda: write_file(folder / "report.html", verdict_html(verdict, str(folder / "verdict.json")).encode("utf-8")),
        lambda: write_file(folder / "junit.xml", junit(verdict).encode("utf-8")),
    )
    return Judged(verdict=verdict, failed=failed)


def without_earlier(folder: Path) -> None:
    """Take away the verdict of an earlier run: until there is one of this run, nobody shall find another's.

    Raises PublishFailed where that cannot be done, since no new one could be written either.
    """
    for name in _ABOUT_A_RUN:
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise PublishFailed(
                f"a file of an earlier run cannot be replaced: {error.strerror}", place=str(folder / name)
            ) from error


def attempted(*writes: Callable[[], object]) -> tuple[PublishFailed, ...]:
    """Do every write, and return how those failed that did."""
    return tuple(failure for write in writes if (failure := _failure_of(write)) is not None)


def attempt_all(*writes: Callable[[], object]) -> None:
    """Do every write, then raise what the first of those that failed has failed by."""
    for failure in attempted(*writes):
        raise failure


def _failure_of(write: Callable[[], object]) -> PublishFailed | None:
    try:
        write()
    except PublishFailed as failure:
        return failure
    return None


@contextmanager
def publishing(what: str, *, hint: str) -> Iterator[None]:
    """Say of any error that something could not be published: what comes after a verdict must not hide it."""
    try:
        yield
    except PublishFailed:
        raise
    except LensGateError as error:
        raise PublishFailed(f"{what}: {error.message}", place=error.place, hint=hint) from error
