"""What the keys of providers look like, so that one that nobody told us about is found as well."""

from __future__ import annotations

import re

_KEY_SHAPED = re.compile(
    r"\b(?:(?:sk|pk|gsk|xai|nvapi|hf|key)[-_]|AIza|Bearer\s+)(?=[\w.~+/=-]*[\d*])[\w.*~+/=-]{6,}", re.IGNORECASE
)


def without_keys(text: str) -> str:
    """Return the text with everything taken out that has the shape of a provider's key."""
    return _KEY_SHAPED.sub("[redacted]", text)
