"""The last barrier between a secret and a terminal: what was fetched, and variables that are named like a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lens_gate.vocabulary.secrets import blotting, holds_a_secret

_FETCHED: Final[set[str]] = set()
"""What secret managers gave this process: the last resort, which sees a crash, has nothing else left to ask."""


def note_fetched(secret: str) -> None:
    """Take a secret out of everything that is printed from now on."""
    _FETCHED.add(secret)


def redacted(text: str, environment: Mapping[str, str]) -> str:
    """Return `text` without fetched secrets, and the values of variables whose names say that they are secret."""
    return blotting([*_FETCHED, *secret_values(environment)])(text)


def secret_values(environment: Mapping[str, str]) -> list[str]:
    """Return the values of variables whose names say that they are secret."""
    return [value for name, value in environment.items() if holds_a_secret(name)]
