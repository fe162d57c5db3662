"""A log that is kept in memory."""

from __future__ import annotations

import logging
from typing import Any

from typing_extensions import override

from lens_gate.reports.log_lines import Level
from lens_gate.steps.log import LEVELS, Log


class Heard(logging.Handler):
    """Keeps what was logged at `level` and above: messages in their order, with their fields."""

    def __init__(self, level: Level) -> None:
        super().__init__()
        self.entries: list[tuple[str, dict[str, Any]]] = []
        logger = logging.Logger("heard", level=LEVELS[level])  # noqa: LOG001 - a logger of this test alone
        logger.addHandler(self)
        self.log = Log(logger)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.entries.append((str(record.msg), record.__dict__["fields"]))

    @property
    def messages(self) -> list[str]:
        """The messages alone."""
        return [message for message, _ in self.entries]

    def all_of(self, message: str) -> list[dict[str, Any]]:
        """The fields of every entry with this message."""
        return [fields for found, fields in self.entries if found == message]
