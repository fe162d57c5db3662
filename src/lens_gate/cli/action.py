"""`lens-gate action`: what `action.yml` calls, with its inputs in one variable; for no one else, so help hides it."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Mapping
from pathlib import Path

import click

from lens_gate.ci.checkout import fetch_base
from lens_gate.ci.github.event import runs_without_secrets
from lens_gate.ci.platform import Platform
from lens_gate.cli.action_inputs import command_line
from lens_gate.cli.app import app
from lens_gate.cli.publishing import platform_of
from lens_gate.cli.wiring import environment, world
from lens_gate.errors import MissingVariable, UsageProblem
from lens_gate.reports.escape import markdown_text
from lens_gate.vocabulary.outcomes import ExitCode, Outcome
from lens_gate.vocabulary.publishing import Annotation, Level

INPUTS = "LENS_GATE_INPUTS"


@click.command(hidden=True)
def action() -> int:
    """Fetch what the pull request is compared with, and run the command that the inputs ask for."""
    inputs = _inputs()
    os.chdir(inputs.get("working-directory") or ".")
    words = command_line(inputs, expanded)
    here, platform = world(), platform_of(environment(), click.echo)
    here.say(f"lens-gate {' '.join(words)}")
    if here.repository is not None:
        fetch_base(here.repository, here.trusted_ref, environment(), here.say)
    if platform is not None:
        # What is published later replaces it; where nothing gets so far, it is the truth.
        platform.write_outputs({"verdict": Outcome.NOT_MEASURED.value})
    try:
        result = app.main(args=words, prog_name="lens-gate", standalone_mode=False)
    except MissingVariable as error:
        if inputs.get("without-secrets") == "fail" or platform is None or not _without_secrets(environment()):
            raise
        return _skipped(error, platform)
    return int(result) if isinstance(result, int) else ExitCode.OK


def expanded(word: str) -> list[str]:
    """Return the files that a pattern finds, the word itself where it finds none, as a shell would."""
    return sorted(glob.glob(word)) or [word]  # noqa: PTH207 the pattern may be absolute


def _inputs() -> dict[str, str]:
    """Take the inputs out of the environment: they hold the token, which no server under test is to see."""
    text = os.environ.pop(INPUTS, None)
    if text is None:
        raise UsageProblem(f"{INPUTS} is not set", hint="Only `action.yml` calls this; type `lens-gate ci`.")
    return {name: str(value) for name, value in json.loads(text).items()}


def _without_secrets(around: Mapping[str, str]) -> bool:
    payload = around.get("GITHUB_EVENT_PATH")
    return runs_without_secrets(around, Path(payload).read_bytes() if payload else b"")


def _skipped(error: MissingVariable, platform: Platform) -> int:
    """Say loudly that nothing was measured, and why that fails nothing."""
    why = (
        "Nothing was measured: GitHub gives no secrets to pull requests from forks and to those of Dependabot. "
        "Somebody who may see them can run this from a branch of this repository."
    )
    platform.annotate([Annotation(level=Level.WARNING, title="lens-gate: not measured", message=f"{why}\n{error}")])
    platform.write_summary(f"### ○ lens-gate: not measured\n\n{why}\n\n> {markdown_text(error.message)}")
    platform.write_outputs({"regressions": "0"})
    click.echo(f"lens-gate: outcome={Outcome.NOT_MEASURED} exit={int(ExitCode.OK)}", err=True)
    return ExitCode.OK
