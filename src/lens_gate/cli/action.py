"""`lens-gate action`: what `action.yml` calls, with its inputs in one variable; for no one else, so help hides it."""

from __future__ import annotations

import glob
import json
import os

import click

from lens_gate.ci.checkout import fetch_base
from lens_gate.cli.action_inputs import command_line, ending_line
from lens_gate.cli.app import app
from lens_gate.cli.publishing import platform_of
from lens_gate.cli.wiring import environment, world
from lens_gate.errors import UsageProblem
from lens_gate.vocabulary.outcomes import ExitCode, Outcome

INPUTS = "LENS_GATE_INPUTS"


@click.command(hidden=True)
@click.option("--end", is_flag=True, help="Only end the check that a cancelled `ci` left open.")
def action(*, end: bool) -> int:
    """Fetch what the pull request is compared with, and run the command that the inputs ask for."""
    inputs = _inputs()
    os.chdir(inputs.get("working-directory") or ".")
    words = ending_line(inputs) if end else command_line(inputs, expanded)
    if words is None:
        return ExitCode.OK
    if not end:
        _prepare(words)
    result = app.main(args=words, prog_name="lens-gate", standalone_mode=False)
    return int(result) if isinstance(result, int) else ExitCode.OK


def _prepare(words: list[str]) -> None:
    """Say what will run, fetch what it is compared with, and set the verdict that stands until there is another."""
    here, platform = world(), platform_of(environment(), click.echo)
    here.say(f"lens-gate {' '.join(words)}")
    if here.repository is not None:
        fetch_base(here.repository, here.trusted_ref, environment(), here.say)
    if platform is not None:
        platform.write_outputs({"verdict": Outcome.NOT_MEASURED.value})


def expanded(word: str) -> list[str]:
    """Return the files that a pattern finds, the word itself where it finds none, as a shell would."""
    return sorted(glob.glob(word)) or [word]  # noqa: PTH207 the pattern may be absolute


def _inputs() -> dict[str, str]:
    """Take the inputs out of the environment: they hold the token, which no server under test is to see."""
    text = os.environ.pop(INPUTS, None)
    if text is None:
        raise UsageProblem(f"{INPUTS} is not set", hint="Only `action.yml` calls this; type `lens-gate ci`.")
    return {name: str(value) for name, value in json.loads(text).items()}
