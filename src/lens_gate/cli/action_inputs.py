"""The inputs of `action.yml`: its own, and one for each option of a command; and the words that they stand for.

A composite action hands everything on as text. So each input is checked here, all of them at once, before the command
line is made from them.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import click

from lens_gate.cli.app import app
from lens_gate.errors import UsageProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """An input that is no option of any command."""

    description: str
    default: str = ""


OWN: Mapping[str, Own] = {
    "command": Own(
        description="What to run: ci, or a single step such as report; the other inputs are its options.", default="ci"
    ),
    "args": Own(
        description="Further words of the command line, quoted as in a shell; names of files stand here, and patterns "
        "of names."
    ),
    "working-directory": Own(description="The folder to run in, where the configuration lies.", default="."),
    "extras": Own(
        description="`all` also installs the clients of buckets, databases and secret managers; nothing, what a "
        "verdict and its pull request need."
    ),
    "github-token": Own(
        description="What comments, checks and a fetch of the base are authorized by.", default="${{ github.token }}"
    ),
}


DEFAULTS: Mapping[str, str] = {"publish": "auto"}
"""What an option is given unless the caller says otherwise, in those commands that have it."""


def command_line(inputs: Mapping[str, str], expanded: Callable[[str], list[str]] = lambda word: [word]) -> list[str]:
    """Return the words after `lens-gate` that the inputs of the action ask for; raises UsageProblem.

    `expanded` returns the files that a word of `args` stands for.
    """
    words = shlex.split(inputs.get("command", "")) or ["ci"]
    try:
        further = [file for word in shlex.split(inputs.get("args", "")) for file in expanded(word)]
    except ValueError as error:
        raise UsageProblem(f"`args` cannot be split into words: {error}", place="args") from error
    return [*words, *_words_of(options_of(words), inputs, " ".join(words)), *further]


def options_of(words: list[str]) -> Mapping[str, click.Option]:
    """Return the options of a command by the names of their inputs; none where there is no such command."""
    command: click.Command | None = app
    for word in words:
        command = command.get_command(click.Context(command), word) if isinstance(command, click.Group) else None
    found = command.params if command else ()
    return {_input_name(option): option for option in found if isinstance(option, click.Option)}


def _input_name(option: click.Option) -> str:
    return max(option.opts, key=len).removeprefix("--")


def _words_of(options: Mapping[str, click.Option], inputs: Mapping[str, str], command: str) -> list[str]:
    """Return the inputs that are given as options; raises UsageProblem with everything that is wrong with them."""
    given = {name: text.strip() for name, text in inputs.items() if name not in OWN and text.strip()}
    foreign = [name for name, text in given.items() if name not in options and DEFAULTS.get(name) != text]
    problems = [f"`{name}`: `lens-gate {command}` has no such option" for name in foreign]
    known = {name: text for name, text in given.items() if name in options}
    problems += [
        f"`{name}`: it is true or false, not {text!r}"
        for name, text in known.items()
        if options[name].is_flag and text not in {"true", "false"}
    ]
    if problems:
        raise UsageProblem("\n  ".join(["the inputs of the action cannot be used:", *problems]), place="with")
    return [word for name, text in known.items() for word in _as_words(options[name], name, text)]


def _as_words(option: click.Option, name: str, text: str) -> Iterator[str]:
    """Spell one option; several values stand on lines of their own."""
    if option.is_flag:
        yield from [f"--{name}"] if text == "true" else []
        return
    values = [line.strip() for line in text.splitlines()] if option.multiple else [text]
    yield from (f"--{name}={value}" for value in values if value)
