"""The port to the log: a message of constant words, and what belongs to it as named fields."""

from __future__ import annotations

import logging
from typing import Final

from lens_gate.reports.log_lines import Field, Level

LEVELS: Final[dict[Level, int]] = {
    "trace": 5,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}


class Log:
    """Writes to a logger, in microseconds: another thread puts what it was handed into words.

    `trace` is for what happens with every request, `debug` for what happens on the way, `info` for what happens once in
    a run, `warn` for what somebody should look at, `error` for what ended the work. Text from outside (a server, a
    model, a branch) belongs into a field. `told` says that the terminal shows the same already, so that it goes to the
    file only.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def hears(self, level: Level) -> bool:
        """Say whether what is logged at this level is written."""
        return self._logger.isEnabledFor(LEVELS[level])

    def note(self, level: Level, message: str, *, told: bool = False, **fields: Field) -> None:
        """Log a message, if anybody hears this level."""
        self._logger.log(LEVELS[level], message, extra={"fields": fields, "told": told})


SILENT: Final = Log(logging.Logger("lens_gate", level=logging.CRITICAL + 1))  # noqa: LOG001 - nobody is to switch it on
"""Writes nothing, and costs next to nothing."""
