"""`lens-gate import`: measurements made elsewhere become runs that the gate can judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lens_gate.artifacts.foreign.formats import Format
from lens_gate.artifacts.foreign.recording import Names
from lens_gate.cli.wiring import show, world
from lens_gate.errors import UsageProblem
from lens_gate.reports.imported import imported_lines
from lens_gate.steps.importing import ImportOrder, import_files

formats = [form.value for form in Format]


@click.command("import")
@click.argument("files", nargs=-1, type=click.Path())
@click.option("--base", multiple=True, type=click.Path(), help="File of the other version; repeatable.")
@click.option("--format", "form", type=click.Choice(formats), help="Format of the files; told from them without it.")
@click.option(
    "--output", "-o", type=click.Path(), default="run.json", show_default=True, help="Where to write the run."
)
@click.option("--provider", help="What to call the provider, instead of what the files say.")
@click.option("--model", help="What to call the model, or what it is where the files do not say.")
@click.option("--part", type=click.IntRange(min=1), help="Which benchmark of a file that holds several, from 1.")
def import_(**options: Any) -> None:
    """Turn results of guidellm, aiperf, vLLM bench serve, llmperf, or a CSV into a run.

    With both versions (two arms in a CSV, or --base) the result is one run of pairs where the files say which requests
    belong together and these were sent next to each other, in random order. Otherwise it is two runs, of which the
    second (NAME-base.json) can be the stored baseline of the first.
    """
    if not options["files"]:
        raise UsageProblem("there is nothing to import", hint="Name result files, for instance benchmarks.json.")
    order = ImportOrder(
        files=tuple(map(Path, options["files"])),
        base=tuple(map(Path, options["base"])),
        form=Format(options["form"]) if options["form"] else None,
        names=Names(provider=options["provider"], model=options["model"]),
        part=options["part"],
    )
    done = import_files(order, Path(options["output"]), world())
    show("\n".join(imported_lines({str(path): run for path, run in done.runs.items()}, apart=done.apart)))
