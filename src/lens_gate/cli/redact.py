"""The last barrier between a secret and a terminal or a log: what looks like a key is blotted out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from lens_gate.vocabulary.key_shapes import without_keys

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
_SHORTEST = 6
"""Characters; a shorter value would blot out ordinary words, and is no key of any provider."""


def redacted(text: str, environment: Mapping[str, str]) -> str:
    """Return `text` without the values of variables whose names say that they are secret."""
    return blotting(secret_values(environment))(text)


def secret_values(environment: Mapping[str, str]) -> list[str]:
    """Return the values of variables whose names say that they are secret."""
    return [value for name, value in environment.items() if _SECRET_NAME.search(name)]


def blotting(secrets: Iterable[str], *, shapes: bool = False) -> Callable[[str], str]:
    """Return what takes secrets out of a text, and with `shapes` also whatever has the shape of a provider's key.

    A value of several lines or words is looked for piece by piece as well: a traceback may indent it, and of
    `Bearer KEY` the key alone may be quoted.
    """
    pieces = {piece.strip() for value in secrets for piece in (value, *value.splitlines(), *value.split())}
    known = sorted((piece for piece in pieces if len(piece) >= _SHORTEST), key=len, reverse=True)

    def blot(text: str) -> str:
        for piece in known:
            text = text.replace(piece, "[redacted]")
        return without_keys(text) if shapes else text

    return blot
