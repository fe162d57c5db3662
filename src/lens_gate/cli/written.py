"""What `report` makes of artifacts, on its way to a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lens_gate.artifacts.codec import Artifact
from lens_gate.cli.printing import form_of, print_to, wants_pdf
from lens_gate.cli.wiring import screen
from lens_gate.errors import LensGateError
from lens_gate.steps.judging.judge import Rules
from lens_gate.steps.rendering.render import render_all
from lens_gate.steps.rendering.templating import templated, told_of
from lens_gate.steps.world import World
from lens_gate.stores.files import write_named


def reported(
    found: Sequence[tuple[Artifact, Path]], judged_by: Rules, options: dict[str, Any], here: World
) -> tuple[str | None, LensGateError | None]:
    """Render what was read, and write it; return what is left for standard output, and what that failed by.

    A report that cannot be made must not hide the verdicts that it tells of.
    """
    try:
        return _kept(_rendered(found, judged_by, options, here), options, here), None
    except LensGateError as error:
        return None, error


@contextmanager
def raising_after(error: LensGateError | None) -> Iterator[None]:
    """Do the block whatever happens, then raise what a report failed by, where it did."""
    try:
        yield
    finally:
        if error is not None:
            raise error


def _rendered(found: Sequence[tuple[Artifact, Path]], judged_by: Rules, options: dict[str, Any], here: World) -> str:
    """Return the report on what was read, in the form that was asked for."""
    if options["template"]:
        parts = [told_of(artifact, path, judged_by, here) for artifact, path in found]
        return templated(Path(options["template"]), parts, here, output=options["output"])
    return render_all(found, form_of(options), rules=judged_by, world=here, screen=screen())


def _kept(text: str, options: dict[str, Any], here: World) -> str | None:
    """Write a report to its file, printed where PDF is asked for; return what is left for standard output."""
    if not wants_pdf(options):
        return filed(text, options["output"], here)
    print_to(text, options["output"], here)
    return None


def filed(text: str, output: str | None, here: World) -> str | None:
    """Write to a file and log it; without one, return what is left for standard output, after the log."""
    if output is None:
        return text
    write_text(text, output, here)
    return None


def write_text(text: str, output: str, here: World) -> None:
    """Write to a file, and log it. Raises PublishFailed."""
    write_named(Path(output), text.encode("utf-8"))
    here.log.note("info", "written", path=output)
