"""Reading JSON that nobody vouches for: every accessor takes any value and returns a plain one."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson
from pydantic import JsonValue

_SURROGATES = re.compile(
    rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_LARGEST_COUNT = 2**53


class NotJson(ValueError):
    """The bytes are not JSON; the message says where, and quotes nothing of them."""


def parse(data: bytes) -> JsonValue:
    """Read one JSON document. Raises NotJson.

    Servers that cut text between two chunks in the middle of a character send half a surrogate pair or half a UTF-8
    sequence; each is read as U+FFFD, as a browser would, because the answer is sound otherwise.
    """
    try:
        return _loads(data)
    except orjson.JSONDecodeError as problem:
        repaired = _SURROGATES.sub(_keep_pairs, data.decode("utf-8", "replace").encode())
        if repaired == data:
            raise NotJson(str(problem)) from None
    try:
        return _loads(repaired)
    except orjson.JSONDecodeError as problem:
        raise NotJson(str(problem)) from None


def member(value: JsonValue, *path: str) -> JsonValue:
    """Follow `path` through nested objects; None where it leads nowhere."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def items(value: JsonValue) -> Sequence[JsonValue]:
    """Return the elements of an array, or nothing."""
    return value if isinstance(value, list) else ()


def text(value: JsonValue) -> str:
    """Return a string, or the empty one for anything else."""
    return value if isinstance(value, str) else ""


def count(value: JsonValue) -> int | None:
    """Return a number of tokens: a whole number from 0 to 2^53, else None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _LARGEST_COUNT and value == int(value) else None


def total(*counts: int | None) -> int | None:
    """Add the counts that are known; None where none is."""
    summed = None
    for known in counts:
        if known is not None:
            summed = known if summed is None else summed + known
    return summed


def written(value: JsonValue) -> str:
    """Return `value` as JSON text; what is nested too deep to be written becomes an ellipsis."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return "…"


def _loads(data: bytes) -> JsonValue:
    value: JsonValue = orjson.loads(data)
    return value


def _keep_pairs(found: re.Match[bytes]) -> bytes:
    return found[1] or rb"\ufffd"
