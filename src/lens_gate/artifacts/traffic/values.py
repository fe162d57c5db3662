"""Numbers and instants as logs write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from lens_gate.artifacts.foreign.reading import problem
from lens_gate.artifacts.traffic.reading import DAMAGED, Line
from lens_gate.errors import ArtifactCorrupt

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_TOKENS = 2**31
_LONGEST_S = 4e9
_UNITS_NS = ((1e11, 1e9), (1e14, 1e6), (1e17, 1e3), (1e20, 1.0))
"""Epochs in seconds, milliseconds, microseconds and nanoseconds are told apart by their size."""

_Kind = TypeVar("_Kind", bound=BaseModel)


def read_as(kind: type[_Kind], line: Line) -> _Kind:
    """Read a JSON object as `kind`. Raises ArtifactCorrupt."""
    try:
        return kind.model_validate_json(line.data)
    except ValidationError as error:
        raise problem(error, place=line.place, lacking=DAMAGED) from error


def count(text: str, name: str, place: str) -> int:
    """Read a number of tokens. Raises ArtifactCorrupt."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number <= _MOST_TOKENS:
        raise ArtifactCorrupt(f"`{name}`: {text!r} is no number of tokens", place=place, hint=DAMAGED)
    return number


def seconds_ns(text: str, name: str, place: str) -> int:
    """Read seconds since the beginning of a log as nanoseconds. Raises ArtifactCorrupt."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_S:
        raise ArtifactCorrupt(f"`{name}`: {text!r} is no number of seconds", place=place, hint=DAMAGED)
    return round(seconds * 1e9)


def instant_ns(moment: datetime) -> int:
    """Return a moment as nanoseconds since the epoch."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def any_instant_ns(value: JsonValue) -> int:
    """Read an RFC 3339 time (UTC where it names no zone), or an epoch in s, ms, µs or ns. Raises ValueError."""
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return instant_ns(moment.replace(tzinfo=moment.tzinfo or UTC))
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        for limit, unit_ns in _UNITS_NS:
            if 0 <= value < limit:
                return value * int(unit_ns) if isinstance(value, int) else round(value * unit_ns)
    msg = "this is neither an RFC 3339 time nor a number of seconds since 1970"
    raise ValueError(msg)
