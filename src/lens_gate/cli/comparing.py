"""`compare`: several models or configurations at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from lens_gate.artifacts.analysis import Analysis
from lens_gate.cli.forecast import forecast_text
from lens_gate.cli.live import watching
from lens_gate.cli.options import (
    config_options,
    pace_of,
    pace_options,
    provider_option,
    sending_options,
    threshold_option,
)
from lens_gate.cli.running import ended, warn
from lens_gate.cli.wiring import logged, quick_source, read_sources, screen, timestamp, world
from lens_gate.config.load import Source, load_config
from lens_gate.errors import UsageProblem
from lens_gate.reports.compare import comparison_view
from lens_gate.reports.console import comparison_machine_line, console
from lens_gate.reports.csv_rows import comparison_rows
from lens_gate.reports.view import run_view
from lens_gate.steps.judging.judge import Chosen, Rules, analyze_run, rules
from lens_gate.steps.line import attempted
from lens_gate.steps.rendering.outputs import write_outputs
from lens_gate.steps.rendering.render import Format, chosen_format, render
from lens_gate.steps.resolving.alternatives import Alternative, file_names, resolve_alternatives
from lens_gate.steps.resolving.arms import RunOrder
from lens_gate.steps.resolving.model_names import ModelName, named_models
from lens_gate.steps.running.foreseen import preview
from lens_gate.steps.running.intent import MeasureOptions
from lens_gate.steps.running.measure import exit_code_of, measure
from lens_gate.steps.world import World
from lens_gate.stores.files import write_named
from lens_gate.vocabulary.outcomes import ExitCode

FORMATS = [form.value for form in (Format.JSON, Format.MARKDOWN, Format.CSV, Format.TEXT)]


@click.command()
@click.option("--models", multiple=True, help="A,B,C or PROVIDER/A,PROVIDER/B; default: all of the configuration.")
@click.option("--configs", "files", multiple=True, help="Configurations of one model each: ONE.yaml,TWO.yaml.")
@config_options
@provider_option
@pace_options
@threshold_option
@sending_options
@click.option("--output", "-o", type=click.Path(), help="Where it goes; default results/comparison-TIME.json.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: JSON, or what the output's ending means.")
def compare(**options: Any) -> int:
    """Measure several models or configurations at the same time, and put them in order.

    Every prompt goes to all of them in one block of neighbouring slots, in random order. Written are the comparison
    and beside it the run (NAME.run.json), which `report`, `analyze` and `gate` read. This is no gate: it exits with 0
    whatever differs. Of several configurations the first one sets rate, length, limits and thresholds.
    """
    here = world(fetches=not options["dry_run"])
    form = form_of(options)
    alternatives = alternatives_of(options, here)
    arms = resolve_alternatives(alternatives, here)
    if arms.candidate_side.config.profiler.until_decided:
        here.say("warning: `until_decided` is for two versions; a comparison of several models sends everything")
    if options["dry_run"]:
        click.echo(forecast_text(preview(arms, here), arms))
        return ExitCode.OK
    chosen = Chosen(threshold=options["threshold"])
    judged_by = replace(rules(alternatives[0].order.sources, here, chosen), baselines=())
    output = Path(options["output"] or f"results/comparison-{timestamp(here)}.json")
    how = MeasureOptions(save_chunks=options["save_chunks"])
    with logged(arms, options, here) as logging_here:
        with watching(logging_here, arms) as watcher:
            measured = measure(arms, run_beside(output), logging_here, watcher, how)
        analysis = analyze_run(measured.run, measured.samples, judged_by, here)
        failed = attempted(
            lambda: write_named(output, _text(analysis, output, form, judged_by, here).encode("utf-8")),
            lambda: write_outputs(measured, arms, logging_here),
        )
    page = run_view(measured.run, str(measured.path)) if analysis.ranking is None else comparison_view(analysis)
    shown = screen()
    text = console(page, colour=shown.colour, width=shown.width, unicode=shown.unicode)
    return ended(
        f"{text}\nWritten to {output}, the run to {measured.path}",
        exit_code_of(measured.run),
        failed,
        line=lambda code: comparison_machine_line(measured.run, analysis.ranking, code),
    )


def form_of(options: dict[str, Any]) -> Format:
    """Return the format of the output; a comparison checks nothing that JUnit could show."""
    form = chosen_format(options["form"], options["output"], Format.JSON)
    if form.value not in FORMATS:
        raise UsageProblem(f"a comparison is not written as {form}", hint=f"It can be: {', '.join(FORMATS)}.")
    return form


def alternatives_of(options: dict[str, Any], here: World) -> tuple[Alternative, ...]:
    """Read what is to be compared: models of one configuration, or of known providers, and configurations."""
    names, files = _split(options["models"]), _split(options["files"])
    models = _models(names, options) if names or not files else ()
    configurations = (
        Alternative(order=_order(read_sources([file]), options), name=name)
        for file, name in zip(files, file_names(files), strict=True)
    )
    found = (*models, *configurations)
    for sources in dict.fromkeys(one.order.sources for one in found):
        warn(sources, here)
    return found


def _models(names: Sequence[str], options: dict[str, Any]) -> tuple[Alternative, ...]:
    sources = read_sources(options["configs"])
    found = named_models(names, load_config(sources).config if sources else None, options["provider"])
    return tuple(
        Alternative(order=_order(sources or (quick_source(one.provider, one.model),), options, one)) for one in found
    )


def _order(sources: tuple[Source, ...], options: dict[str, Any], model: ModelName | None = None) -> RunOrder:
    pace = pace_of(options)
    overrides = (
        replace(pace, provider=options["provider"])
        if model is None
        else replace(pace, provider=model.provider, model=model.model)
    )
    return RunOrder(sources=sources, overrides=overrides, strict_env=options["strict_env"])


def _split(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


def run_beside(output: Path) -> Path:
    """Return where the run of a comparison lies: beside it, under its name."""
    return output.with_name(f"{Path(output.name.removesuffix('.gz')).stem}.run.json")


def _text(analysis: Analysis, output: Path, form: Format, judged_by: Rules, here: World) -> str:
    """Return what is written; a table without rows where nothing could be compared."""
    if form is Format.CSV:
        return comparison_rows(analysis.ranking)
    return render(analysis, output, form, rules=judged_by, world=here, screen=screen())
