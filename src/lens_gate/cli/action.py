"""`lens-gate action`: what `action.yml` calls, with its inputs in one variable; for no one else, so help hides it."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from lens_gate.ci.board import digest
from lens_gate.ci.checkout import fetch_base
from lens_gate.cli.action_inputs import command_line
from lens_gate.cli.app import app
from lens_gate.cli.publishing import ended_later, platform_of
from lens_gate.cli.running import ci, rules_of_ci
from lens_gate.cli.wiring import environment, read_sources, world
from lens_gate.errors import UsageProblem
from lens_gate.vocabulary.outcomes import ExitCode, Outcome

INPUTS = "LENS_GATE_INPUTS"


@click.command(hidden=True)
@click.option("--end", is_flag=True, help="Only end the check that a cancelled `ci` left open.")
def action(*, end: bool) -> int:
    """Fetch what the pull request is compared with, and run the command that the inputs ask for."""
    text = _inputs()
    inputs = {name: str(value) for name, value in json.loads(text).items()}
    os.chdir(inputs.get("working-directory") or ".")
    begun = _begun(text)
    if end:
        return _ended(inputs, begun)
    words = command_line(inputs, expanded)
    _prepare(words)
    if begun and _measures(words):
        begun.touch()
    result = _run(words, begun)
    return int(result) if isinstance(result, int) else ExitCode.OK


def _run(words: Sequence[str], begun: Path | None) -> object:
    """Run the command. Who is stopped in it may have left a check open: the last step of the action ends that."""
    try:
        result = app.main(args=words, prog_name="lens-gate", standalone_mode=False)
    except click.Abort:
        raise
    except Exception:
        _forget(begun)
        raise
    _forget(begun)
    return result


def _forget(begun: Path | None) -> None:
    if begun:
        begun.unlink(missing_ok=True)


def _begun(inputs: str) -> Path | None:
    """Return the file that says that a step of the action with these inputs has begun to measure."""
    folder = environment().get("RUNNER_TEMP")
    return Path(folder) / f"lens-gate-begun-{digest(inputs)}" if folder else None


def _ended(inputs: Mapping[str, str], begun: Path | None) -> int:
    """End the check of a step that was stopped; one that did not begin has none."""
    words = command_line(inputs, expanded)
    if begun is None or not begun.exists() or not _measures(words):
        return ExitCode.OK
    since = begun.stat().st_mtime
    begun.unlink()
    options, here = ci.make_context("ci", words[1:]).params, world(fetches=False)
    return ended_later(options, rules_of_ci(read_sources(options["configs"]), options, here), here, since=since)


def _measures(words: Sequence[str]) -> bool:
    """Say whether a command measures and reaches a verdict."""
    return words[:1] == ["ci"]


def _prepare(words: Sequence[str]) -> None:
    """Say what will run, fetch what it is compared with, and set the verdict that stands until there is another."""
    here, platform = world(), platform_of(environment(), click.echo)
    here.say(f"lens-gate {' '.join(words)}")
    if here.repository is not None:
        fetch_base(here.repository, here.trusted_ref, here.runner.place, environment(), here.say)
    if platform is not None and _measures(words):
        platform.write_outputs({"verdict": Outcome.NOT_MEASURED.value})


def expanded(word: str) -> list[str]:
    """Return the files that a pattern finds, the word itself where it finds none, as a shell would."""
    return sorted(glob.glob(word)) or [word]  # noqa: PTH207 the pattern may be absolute


def _inputs() -> str:
    """Take the inputs out of the environment: they hold the token, which no server under test is to see."""
    text = os.environ.pop(INPUTS, None)
    if text is None:
        raise UsageProblem(f"{INPUTS} is not set", hint="Only `action.yml` calls this; type `lens-gate ci`.")
    return text
