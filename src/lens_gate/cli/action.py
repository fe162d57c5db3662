"""`lens-gate action`: what `action.yml` calls, with its inputs in one variable; for no one else, so help hides it."""

from __future__ import annotations

import json
import os

import click

from lens_gate.ci.checkout import fetch_base
from lens_gate.cli.action_inputs import command_line
from lens_gate.cli.app import app
from lens_gate.cli.wiring import environment, world
from lens_gate.errors import UsageProblem

INPUTS = "LENS_GATE_INPUTS"


@click.command(hidden=True)
def action() -> int:
    """Fetch what the pull request is compared with, and run the command that the inputs ask for."""
    inputs = _inputs()
    os.chdir(inputs.get("working-directory") or ".")
    words = command_line(inputs)
    click.echo(f"lens-gate {' '.join(words)}", err=True)
    here = world()
    if here.repository is not None:
        fetch_base(here.repository, here.trusted_ref, environment(), here.say)
    result = app.main(args=words, prog_name="lens-gate", standalone_mode=False)
    return int(result) if isinstance(result, int) else 0


def _inputs() -> dict[str, str]:
    """Take the inputs out of the environment: they hold the token, which no server under test is to see."""
    text = os.environ.pop(INPUTS, None)
    if text is None:
        raise UsageProblem(
            f"{INPUTS} is not set", hint="`action.yml` calls this; on a command line use `lens-gate ci`."
        )
    return {name: str(value) for name, value in json.loads(text).items()}
