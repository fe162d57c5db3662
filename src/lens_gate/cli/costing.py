"""`lens-gate cost`: what runs cost, and would cost by another price list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lens_gate.cli.judging import all_inputs, emit, input_options, inputs_argument
from lens_gate.cli.options import REPORT_FORMATS
from lens_gate.cli.wiring import screen
from lens_gate.steps.rendering.costing import CostOrder, costed
from lens_gate.steps.rendering.render import Format, chosen_format, render_report

FORMATS = (*REPORT_FORMATS, Format.CSV.value)


@click.command()
@input_options
@inputs_argument
@click.option("--pricing", type=click.Path(), help="Price list (YAML, JSON or TOML); without it, what was paid.")
@click.option("--currency", help="Currency of the report; default: that of the price list, else USD.")
@click.option(
    "--exchange-rate",
    type=click.FloatRange(min=0, min_open=True),
    help="How much of that currency one US dollar is; default: what the price list says.",
)
@click.option("--output", "-o", type=click.Path(), help="Where to write; standard output without it.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: text, or what the ending means.")
def cost(**options: Any) -> None:
    """Say what runs cost, and would cost by another price list; several runs are added up.

    The tokens are those that the servers counted. Nothing is sent or fetched, exchange rates neither.
    """
    form = chosen_format(options["form"], options["output"], Format.TEXT)
    order = CostOrder(
        runs=all_inputs(options["inputs"], options["more"]),
        pricing=Path(options["pricing"]) if options["pricing"] else None,
        currency=options["currency"],
        per_usd=options["exchange_rate"],
    )
    emit(render_report(costed(order), form, screen()), options["output"])
