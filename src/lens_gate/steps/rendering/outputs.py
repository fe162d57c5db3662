"""The files that the configuration asks for after a run (`output.files`)."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from lens_gate.analysis.exhibits import exhibits
from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.run import Sidecar
from lens_gate.config.output import OutputFile
from lens_gate.reports.csv_rows import csv_rows
from lens_gate.reports.html.report import run_html
from lens_gate.reports.junit import junit
from lens_gate.reports.markdown import run_markdown
from lens_gate.reports.view import run_view
from lens_gate.steps.rendering.templating import templated, told_run
from lens_gate.steps.resolving.arms import Arms
from lens_gate.steps.running.measure import Measured
from lens_gate.steps.world import World
from lens_gate.stores.files import read_file, write_file, write_named


def write_outputs(measured: Measured, arms: Arms, world: World) -> None:
    """Write every configured file; `{{timestamp}}` in a path is the start of the run."""
    stamp = measured.run.benchmark.start_time.replace("-", "").replace(":", "")
    for wanted in arms.candidate_side.config.output.files:
        text = _text(wanted, measured, world)
        path = world.directory / wanted.path.replace("{{timestamp}}", stamp)
        write_named(path, text)
        _bring_samples(measured, wanted, path.parent)
        world.say(f"written to {path}")


def _bring_samples(measured: Measured, wanted: OutputFile, folder: Path) -> None:
    """Put the samples of a large run beside its copy too: a run finds them in its own folder only."""
    samples, home = measured.run.samples, measured.path.parent
    if wanted.type == "json" and isinstance(samples, Sidecar) and folder.resolve() != home.resolve():
        write_file(folder / samples.file, read_file(home / samples.file))


def _text(wanted: OutputFile, measured: Measured, world: World) -> bytes:
    if wanted.template is not None:
        told = [told_run(measured.run, measured.path)]
        return templated(world.directory / wanted.template, told, world, output=wanted.path).encode("utf-8")
    return _rendered(wanted, measured).encode("utf-8")


def _rendered(wanted: OutputFile, measured: Measured) -> str:
    run = measured.run
    match wanted.type:
        case "json":
            return dumps(run, pretty=wanted.pretty).decode("utf-8")
        case "csv":
            return csv_rows(measured.samples, run, delimiter=wanted.delimiter)
        case "markdown":
            return run_markdown(run_view(run, str(measured.path)))
        case "junit":
            return junit(run)
        case "html":
            return run_html(run, str(measured.path), exhibits(measured.samples))
        case _ as never:
            assert_never(never)
