"""Lines of a log: for people, as `name=value`, or JSON. Whatever text they hold, each stays one line. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Final, Literal, TypeAlias, assert_never

from lens_gate.reports.escape import shortened

Field: TypeAlias = str | int | float | bool | None
LogFormat: TypeAlias = Literal["json", "pretty", "compact"]
Level: TypeAlias = Literal["trace", "debug", "info", "warn", "error"]

LONGEST: Final = 2000
"""Characters of a text in a log; a model's answer may be of any length."""

_BARE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:+$%@,")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Something that happened: when (UTC), how much it matters, in words, and what belongs to it.

    The names of `fields` are our own; their values, and the message, may come from anywhere.
    """

    at: datetime
    level: Level
    message: str
    fields: Mapping[str, Field]


def log_line(entry: LogEntry, form: LogFormat) -> str:
    """Return an entry as one line, without a line break.

    Nothing in it moves a cursor or begins another line. A value in `pretty` and `compact` that is not made of letters,
    digits and a few signs stands in quotes, so that it cannot pass for another field.
    """
    match form:
        case "json":
            return _json(entry)
        case "pretty":
            parts = [f"{entry.at:%H:%M:%S}.{entry.at.microsecond // 1000:03d} {entry.level:<5} {_shown(entry.message)}"]
            return "  ".join([*parts, *_pairs(entry.fields)])
        case "compact":
            return " ".join([f"time={_time(entry.at)} level={entry.level}", *_pairs({"message": entry.message}),
                             *_pairs(entry.fields)])  # fmt: skip
        case _ as never:
            assert_never(never)


def _json(entry: LogEntry) -> str:
    head = {"time": _time(entry.at), "level": entry.level, "message": shortened(entry.message, LONGEST)}
    text = json.dumps(head | {name: _finite(value) for name, value in entry.fields.items()})
    return text.replace("\x7f", "\\u007f")  # the one control character that JSON leaves as it is


def _finite(value: Field) -> Field:
    if isinstance(value, str):
        return shortened(value, LONGEST)
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _pairs(fields: Mapping[str, Field]) -> list[str]:
    return [f"{name}={_value(value)}" for name, value in fields.items() if value is not None]


def _value(value: Field) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.6g}"
        case str() if not value or not _BARE.issuperset(value):
            quoted = shortened(value, LONGEST).replace("\\", "\\\\").replace('"', '\\"')
            return f'"{_visible(quoted)}"'
        case str():
            return shortened(value, LONGEST)
        case _:
            return str(value)


def _shown(message: str) -> str:
    return _visible(shortened(message, LONGEST))


def _visible(text: str) -> str:
    """Write whatever cannot be printed as Python escapes it: line breaks, terminal sequences, direction marks."""
    return text if text.isprintable() else "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
