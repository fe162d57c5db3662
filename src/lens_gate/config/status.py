"""What a key may be: effective, refused because it would falsify a measurement, or of a later mode."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

SENDING = frozenset({"run", "ci"})
JUDGING = frozenset({"analyze", "gate", "ci"})
REPORTING = frozenset({"run", "ci", "report"})
EVERY: frozenset[str] = frozenset()
"""No command in particular: all of them."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The key does something now: `text` says what, `room` which part of lens-gate does it."""

    room: str
    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The key loads, but a run refuses it: it would measure something else than the endpoint.

    `off` are the values that ask for nothing.
    """

    text: str
    off: tuple[JsonValue, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """The key loads and says when used that it does nothing yet.

    It is used unless its value is one of `off`, or, with `only`, if that expression matches its value; a section
    with a `switch` key is used unless that key has the value `off_when`.
    """

    text: str
    commands: frozenset[str]
    off: tuple[JsonValue, ...] = ()
    only: str = ""
    switch: str = "enabled"
    off_when: JsonValue = False


Status = Effect | Refused | Later
