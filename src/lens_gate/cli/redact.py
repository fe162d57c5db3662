"""The last barrier between a secret and a terminal: the values of variables that are named like one."""

from __future__ import annotations

from collections.abc import Mapping

from lens_gate.vocabulary.secrets import blotting, names_a_secret


def redacted(text: str, environment: Mapping[str, str]) -> str:
    """Return `text` without the values of variables whose names say that they are secret."""
    return blotting(secret_values(environment))(text)


def secret_values(environment: Mapping[str, str]) -> list[str]:
    """Return the values of variables whose names say that they are secret."""
    return [value for name, value in environment.items() if names_a_secret(name)]
