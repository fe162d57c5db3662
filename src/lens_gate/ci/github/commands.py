"""What a step writes for GitHub's runner: workflow commands on standard output, and the file of outputs (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lens_gate.vocabulary.publishing import Annotation, Level

PER_LEVEL = 10
"""The runner shows so many annotations of one level for each step, and drops the others without a word."""

_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})
_OUTPUT_NAME = re.compile(r"[a-z][a-z0-9-]*")


def annotation_commands(annotations: Sequence[Annotation]) -> tuple[str, ...]:
    """Return one workflow command a line; of each level as many as are shown, the last of which says how many more."""
    return tuple(
        line for level in Level for line in _of_level([one for one in annotations if one.level is level], level)
    )


def _of_level(annotations: Sequence[Annotation], level: Level) -> list[str]:
    if len(annotations) <= PER_LEVEL:
        return [_command(one) for one in annotations]
    shown = annotations[: PER_LEVEL - 1]
    more = Annotation(
        level=level,
        title="lens-gate",
        message=f"{len(annotations) - len(shown)} more of this kind stand in the summary.",
    )
    return [_command(one) for one in (*shown, more)]


def _command(one: Annotation) -> str:
    where = {"file": one.path, "line": str(one.line) if one.line else None} if one.path else {}
    properties = {**where, "title": one.title}
    told = ",".join(f"{name}={value.translate(_PROPERTY)}" for name, value in properties.items() if value)
    return f"::{one.level} {told}::{one.message.translate(_MESSAGE)}"


def output_lines(values: Mapping[str, str], delimiter: str) -> str:
    """Return outputs for the file GITHUB_OUTPUT; raises ValueError for a name or a value that would end the block.

    `delimiter` is drawn anew each time, so that no value can know it.
    """
    for name, value in values.items():
        if not _OUTPUT_NAME.fullmatch(name) or delimiter in value:
            msg = f"the output {name!r} cannot be written"
            raise ValueError(msg)
    return "".join(f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in values.items())
