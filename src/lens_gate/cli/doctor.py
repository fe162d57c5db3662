"""`lens-gate doctor`: how noisy an endpoint is, measured by sending the same requests twice at the same time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lens_gate.artifacts.doctor import DoctorReport
from lens_gate.artifacts.run import Run
from lens_gate.cli.forecast import forecast_text
from lens_gate.cli.judging import emit
from lens_gate.cli.live import watching
from lens_gate.cli.options import REPORT_FORMATS, config_options, log_options, request_options
from lens_gate.cli.running import order_of
from lens_gate.cli.wiring import logged, read_sources, screen, timestamp, world
from lens_gate.errors import UsageProblem
from lens_gate.reports.console import run_machine_line
from lens_gate.steps.doctor import examination, examine, examine_run
from lens_gate.steps.judging.judge import rules
from lens_gate.steps.line import attempted
from lens_gate.steps.rendering.render import Format, chosen_format, render_report
from lens_gate.steps.resolving.order import ITSELF
from lens_gate.steps.running.foreseen import preview
from lens_gate.steps.running.measure import exit_code_of
from lens_gate.vocabulary.outcomes import ExitCode, most_important

DEFAULT_PAIRS = 100


@click.command()
@config_options
@click.option("--input", "-i", "earlier", type=click.Path(), help="Look at this run instead of sending anything.")
@click.option("--pairs", type=click.IntRange(min=2), help=f"Pairs of requests for each model; default {DEFAULT_PAIRS}.")
@request_options
@click.option("--dry-run", is_flag=True, help="Send nothing; print requests, tokens and dollars.")
@log_options
@click.option("--save-run", type=click.Path(), help="Where the run goes; default results/doctor-TIME.json.")
@click.option("--output", "-o", type=click.Path(), help="Where the report goes; standard output without it.")
@click.option("--format", "form", type=click.Choice(REPORT_FORMATS), help="Default: text, or what the ending means.")
def doctor(**options: Any) -> int:
    """Measure the noise of your endpoint, and say what a gate can see of it.

    Sends the configured requests as both versions at the same time. Since nothing differs, what does is noise: reported
    are spreads, drift, load waves, the cache, the smallest change that shows with how many pairs, and how often the
    rules of other gates would have raised a false alarm.
    """
    form = chosen_format(options["form"], options["output"], Format.TEXT)
    here = world(fetches=not options["dry_run"])
    if options["earlier"]:
        run, report = examine_run(Path(options["earlier"]), rules(read_sources(options["configs"]), here))
        return _told(run, report, form, options["output"], code=_looked_at(run))
    order = order_of(options, here, against=ITSELF)
    asked = examination(order, _pairs(options), here)
    if options["dry_run"]:
        click.echo(forecast_text(preview(asked.arms, here), asked.arms))
        return ExitCode.OK
    judged_by = rules(order.sources, here)
    path = Path(options["save_run"] or f"results/doctor-{timestamp(here)}.json")
    with logged(asked.arms, options, here, printed=None if options["output"] else form) as logging_here:
        with watching(logging_here, asked.arms) as watcher:
            measured, report = examine(asked, judged_by, path, logging_here, watcher)
        logging_here.say(f"The run is kept in {path}")
    return _told(measured.run, report, form, options["output"], code=exit_code_of(measured.run))


def _pairs(options: dict[str, Any]) -> int | None:
    """Return the pairs asked for, None where the length of the run is told otherwise."""
    otherwise = [name for name in ("requests", "duration") if options[name] is not None]
    if options["pairs"] is not None and otherwise:
        raise UsageProblem(
            f"--pairs and --{otherwise[0]} both say how long to measure",
            hint="Give one of them; --pairs is for each model.",
        )
    return None if otherwise else options["pairs"] or DEFAULT_PAIRS


def _looked_at(run: Run) -> ExitCode:
    """Return the code for an earlier run: an invalid one says nothing, however it ended otherwise."""
    measured = run.validity.valid and run.summary.successful_requests > 0
    return ExitCode.OK if measured else ExitCode.COULD_NOT_MEASURE


def _told(run: Run, report: DoctorReport, form: Format, output: str | None, *, code: ExitCode) -> int:
    """Write the report, print the line for machines last, and return the exit code."""
    text = render_report(report, form, screen())
    failed = attempted(lambda: emit(text, output))
    for failure in failed:
        click.echo(f"lens-gate: {failure}", err=True)
    code = most_important([code, *(ExitCode.PUBLISH_FAILED for _ in failed)])
    click.echo(run_machine_line(run, code), err=True)
    return code
