"""Text for the log of a pipeline, whose runner takes some lines for commands (pure, and free of everything heavy)."""

from __future__ import annotations

import re
from collections.abc import Mapping

_COMMAND = re.compile(r"((?:\A|[\r\n])\s*)::")
_OLD_COMMAND = "##["
_ZERO_WIDTH_SPACE = "\u200b"


def in_log(text: str, environment: Mapping[str, str]) -> str:
    """Return text as it may stand in this pipeline's log: on GitHub no line of it is a command to the runner.

    That one reads `::command::` where a line begins, behind any white space, and the older `##[command]` anywhere.
    """
    if environment.get("GITHUB_ACTIONS") != "true":
        return text
    disarmed = text.replace(_OLD_COMMAND, f"##{_ZERO_WIDTH_SPACE}[")
    return _COMMAND.sub(rf"\1{_ZERO_WIDTH_SPACE}::", disarmed)
