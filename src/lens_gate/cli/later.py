"""Commands of later modes: they parse anything, and say that they are not available yet."""

from __future__ import annotations

import click

from lens_gate.errors import NotAvailableYet


def later_command(name: str, summary: str, *, path: str | None = None) -> click.Command:
    """Return a command that accepts any arguments and answers `not available yet` with exit code 2.

    `path` is how it is called, where it is not a command of its own.
    """

    def answer(rest: tuple[str, ...]) -> None:
        words = " ".join((path or name, *(word for word in rest[:1] if word.isalpha())))
        raise NotAvailableYet(
            f"`lens-gate {words}` is not available yet", hint="`lens-gate --help` lists what this version can do."
        )

    return click.Command(
        name,
        callback=answer,
        params=[click.Argument(["rest"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        help=f"{summary} Not available yet.",
    )
