"""`lens-gate explain`: why a gate decided as it did, in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lens_gate.cli.wiring import screen, show, world
from lens_gate.reports.story import story_markdown, story_text
from lens_gate.steps.judging.explaining import explanation_of
from lens_gate.stores.files import write_named


@click.command()
@click.argument("file", type=click.Path())
@click.option("--series", help="Only this model: as PROVIDER/MODEL, or as reports name it.")
@click.option("--metric", help="Only this metric or question, in depth.")
@click.option("--format", "form", type=click.Choice(["text", "markdown"]), help="Default: text, or as --output ends.")
@click.option("--output", "-o", type=click.Path(), help="Where to write; standard output without it.")
def explain(file: str, series: str | None, metric: str | None, **options: Any) -> None:
    """Retell why a gate decided as it did, from a verdict or an analysis alone, for readers without statistics.

    With --series and --metric one finding is told in depth. A run that nobody has judged says so.
    """
    story = explanation_of(Path(file), world(), series=series, metric=metric)
    output, shown = options["output"], screen()
    if options["form"] == "markdown" or (options["form"] is None and output and Path(output).suffix == ".md"):
        text = story_markdown(story)
    else:
        text = story_text(story, width=shown.width, unicode=shown.unicode or bool(output)) + "\n"
    if output:
        write_named(Path(output), text.encode("utf-8"))
    else:
        show(text)
