"""The last barrier between a secret and a terminal: values of the environment that look like keys are blotted out."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
_SHORTEST = 6
"""Characters; a shorter value would blot out ordinary words, and is no key of any provider."""


def redacted(text: str, environment: Mapping[str, str]) -> str:
    """Return `text` without the values of variables whose names say that they are secret.

    A value of several lines is looked for line by line as well, since a traceback may indent it.
    """
    values = (value for name, value in environment.items() if _SECRET_NAME.search(name))
    parts = {part.strip() for value in values for part in (value, *value.splitlines())}
    for part in sorted((part for part in parts if len(part) >= _SHORTEST), key=len, reverse=True):
        text = text.replace(part, "[redacted]")
    return text
