"""docs/commands.md, written from the commands' own help, so that the two cannot drift apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import click

from lens_gate.cli.app import COMMANDS, app

WIDTH = 100


def generated_help() -> Mapping[str, Callable[[], str]]:
    """Return the generated file with the function that writes it."""
    return {"docs/commands.md": commands_markdown}


def commands_markdown() -> str:
    """Return every command's help, as `--help` prints it."""
    root = click.Context(app, info_name="lens-gate")
    parts = [
        "# Commands\n",
        "Written by `make docs` from the commands' own help; `llm-lens` is an alias of `lens-gate`.\n",
    ]
    for name in COMMANDS:
        command = app.get_command(root, name)
        if command is not None:
            parts.extend(_sections(command, click.Context(command, info_name=name, parent=root)))
    return "\n".join(parts)


def _sections(command: click.Command, context: click.Context) -> Iterator[str]:
    context.terminal_width = context.max_content_width = WIDTH
    level = "#" * (context.command_path.count(" ") + 1)
    yield f"{level} {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from _sections(child, click.Context(child, info_name=name, parent=context))
