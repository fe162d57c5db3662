"""`report --format pdf`: the HTML report, printed by a browser that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lens_gate.errors import UsageProblem
from lens_gate.steps.rendering.paper import printed
from lens_gate.steps.rendering.render import Format, chosen_format
from lens_gate.steps.world import World
from lens_gate.stores.files import write_named

PDF = "pdf"


def wants_pdf(options: dict[str, Any]) -> bool:
    """Whether a report is asked for as PDF, by its format or the ending of its output."""
    by_ending = options["form"] is None and str(options["output"] or "").endswith(f".{PDF}")
    return options["form"] == PDF or by_ending


def form_of(options: dict[str, Any]) -> Format:
    """Return what a report is rendered as; a PDF is printed from HTML, and goes into a file."""
    if not wants_pdf(options):
        if options["template"] and options["form"]:
            raise UsageProblem("--format says nothing beside --template", hint="Leave one of them out.")
        return chosen_format(options["form"], options["output"], Format.TEXT)
    if options["output"] is None:
        raise UsageProblem("a PDF goes into a file", hint="Name it: --output report.pdf.")
    if options["template"]:
        raise UsageProblem(
            "a template makes no PDF", hint="Leave --template out, or write HTML with it and print that."
        )
    return Format.HTML


def print_to(text: str, output: str, here: World) -> None:
    """Print a page into a file, and log it."""
    write_named(Path(output), printed(text))
    here.log.note("info", "written", path=output)
