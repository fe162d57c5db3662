"""`lens-gate plan`: what an answer would take, before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lens_gate.analysis.planning import Asked, gated_hypothesis
from lens_gate.cli.judging import emit
from lens_gate.cli.options import (
    REPORT_FORMATS,
    against_options,
    chosen_of,
    config_options,
    request_options,
    threshold_option,
)
from lens_gate.cli.running import order_of
from lens_gate.cli.wiring import screen, world
from lens_gate.steps.judging.judge import rules
from lens_gate.steps.planning import PlanOrder, planned
from lens_gate.steps.rendering.render import Format, chosen_format, render_report

EFFECT = click.FloatRange(min=0, min_open=True)


@click.command()
@config_options
@click.option("--from", "earlier", type=click.Path(), help="A run that knows the noise; without it, what is typical.")
@click.option("--effect", "effects", type=EFFECT, multiple=True, help="A change to see, in percent; repeatable.")
@click.option(
    "--points", type=EFFECT, multiple=True, help="The same for shares (errors, late first tokens), in points."
)
@click.option(
    "--power",
    type=click.FloatRange(min=0.5, max=1, min_open=True, max_open=True),
    default=0.9,
    show_default=True,
    help="How often the planned pairs should be enough.",
)
@click.option("--metric", "metrics", multiple=True, help="Only this metric; repeatable. Default: all that are gated.")
@threshold_option
@request_options
@against_options
@click.option("--output", "-o", type=click.Path(), help="Where to write; standard output without it.")
@click.option("--format", "form", type=click.Choice(REPORT_FORMATS), help="Default: text, or what the ending means.")
def plan(**options: Any) -> None:
    """Say how many pairs, requests, dollars and minutes an answer would take; nothing is sent.

    Takes a configuration as `run` does. Without --effect and --points it plans for the changes that matter by the
    configuration; --max-cost also says what that money can see.
    """
    form = chosen_format(options["form"], options["output"], Format.TEXT)
    here = world(fetches=False)
    asked = Asked(
        power=options["power"],
        percents=options["effects"],
        points=options["points"],
        hypotheses=tuple(dict.fromkeys(map(gated_hypothesis, options["metrics"]))),
    )
    run = order_of(options, here)
    wanted = PlanOrder(
        run=run,
        judged_by=rules(run.sources, here, chosen_of(options)),
        asked=asked,
        earlier=Path(options["earlier"]) if options["earlier"] else None,
    )
    emit(render_report(planned(wanted, here), form, screen()), options["output"])
