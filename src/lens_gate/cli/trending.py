"""`trend`: the history of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lens_gate.artifacts.trend import TrendRule
from lens_gate.cli.judging import all_inputs, formats, input_options, inputs_argument, show_rest
from lens_gate.cli.options import config_options, log_options
from lens_gate.cli.wiring import logged_judging, read_sources, screen, world
from lens_gate.cli.written import filed
from lens_gate.steps.archived.store_address import reaching
from lens_gate.steps.judging.judge import rules
from lens_gate.steps.judging.judgebook import note_trend
from lens_gate.steps.judging.trend import TrendOrder, trend_of
from lens_gate.steps.rendering.render import Format, chosen_format, render
from lens_gate.trends.policy import DEFAULT_METRIC, MAX_CREEP_PERCENT, RECENT_RUNS, THRESHOLD_PERCENT, TrendChoices


@click.command()
@input_options
@inputs_argument
@click.option(
    "--history",
    "stores",
    multiple=True,
    metavar="ADDRESS",
    help="A store, whose newest runs are read from its index; repeatable (docs/baselines.md).",
)
@click.option("--last", type=click.IntRange(min=1), default=100, show_default=True, help="So many runs of each store.")
@config_options
@click.option("--metric", "metrics", multiple=True, help=f"Metric to follow; repeatable. Default: {DEFAULT_METRIC}.")
@click.option(
    "--method",
    "methods",
    multiple=True,
    type=click.Choice([rule.value for rule in TrendRule]),
    help="How to judge; repeatable. Default: change_points, and what the configuration names.",
)
@click.option("--window", type=click.IntRange(min=3), help="Slopes: over the last N runs (default 10; theil_sen 30).")
@click.option("--max-slope", type=click.FloatRange(min=0), help="linear_regression: growth a run allowed (0.05 = 5 %).")
@click.option(
    "--threshold",
    type=click.FloatRange(min=0),
    default=THRESHOLD_PERCENT,
    show_default=True,
    help="Smallest change that matters, in percent.",
)
@click.option(
    "--anchor", metavar="PATH|NAME", help="A run, or a baseline of the store, that creep is measured against."
)
@click.option(
    "--max-creep",
    type=click.FloatRange(min=0),
    default=MAX_CREEP_PERCENT,
    show_default=True,
    help="creep: change against the anchor that is allowed, in percent.",
)
@click.option(
    "--recent",
    type=click.IntRange(min=1),
    default=RECENT_RUNS,
    show_default=True,
    help="change_points: how many runs a shift stays an alarm.",
)
@click.option("--branch", help="Only runs of this branch.")
@log_options
@click.option("--output", "-o", type=click.Path(), help="Where to write; standard output without it.")
@click.option("--format", "form", type=click.Choice(formats), help="Default: JSON, or what the output's ending means.")
def trend(**options: Any) -> None:
    """Find shifts, slopes and creep in a history of runs: `lens-gate trend results/*.json`."""
    form = chosen_format(options["form"], options["output"], Format.JSON)
    here = world()
    judged_by = rules(read_sources(options["configs"]), here)
    here = reaching(here, judged_by.config)
    stores = tuple(here.store(address) for address in options["stores"])
    named = bool(stores) and not options["inputs"] and not options["more"]
    paths = () if named else tuple(all_inputs(options["inputs"], options["more"]))
    order = TrendOrder(
        paths=paths,
        stores=stores,
        last=options["last"],
        anchor=options["anchor"],
        choices=_choices(options),
        regression=judged_by.config.regression,
    )
    with logged_judging(judged_by, options, here, printed=form) as logging_here:
        found = trend_of(order, logging_here)
        note_trend(logging_here.log, found)
        text = render(
            found,
            Path(stores[0].place) if named else paths[0],
            form,
            rules=judged_by,
            world=logging_here,
            screen=screen(),
        )
        left = filed(text, options["output"], logging_here)
    show_rest(left)


def _choices(options: dict[str, Any]) -> TrendChoices:
    return TrendChoices(
        rules=tuple(TrendRule(name) for name in options["methods"]),
        metrics=options["metrics"],
        window=options["window"],
        max_slope=options["max_slope"],
        threshold_percent=options["threshold"],
        max_creep_percent=options["max_creep"],
        recent_runs=options["recent"],
        branch=options["branch"],
    )
