"""What is secret, by the name of what holds it or by its value, and how it is taken out of a text. Pure.

What is secret by its shape alone is in `key_shapes`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.parse import parse_qsl, quote, unquote_plus, urlsplit

from lens_gate.vocabulary.key_shapes import without_keys

REDACTED: Final = "[redacted]"

SHORTEST: Final = 6
"""Characters; a shorter value would blot out ordinary words, and is no key of any provider."""

_NAME = re.compile(
    r"auth|cookie|credential|key|passphrase|passw|secret|session|signature|token|(?<![a-z])(?:pwd|sig)(?![a-z])",
    re.IGNORECASE,
)


_FOLDERS = frozenset({"PWD", "OLDPWD"})


def names_a_secret(name: str) -> bool:
    """Say whether what has this name (a header, a key, a parameter, a variable) is to be taken for a secret."""
    return _NAME.search(name) is not None


def holds_a_secret(variable: str) -> bool:
    """Say whether a variable of the environment is to be taken for a secret: the shell's own folders are none."""
    return variable not in _FOLDERS and names_a_secret(variable)


def in_address(url: str) -> Iterator[str]:
    """Yield what may be secret in an address: its user, its password, and each value of its query, whatever its name.

    An address that cannot be read is yielded whole.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        yield url
        return
    yield from (text for text in (parts.username, parts.password) if text)
    yield from (item.partition("=")[2] for item in parts.query.split("&"))
    yield from (value for _, value in parse_qsl(parts.query))


def address_of(url: str) -> str:
    """Return an address without user, password and query."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def pieces_of(secrets: Iterable[str]) -> tuple[str, ...]:
    """Return all that secrets are looked for by, the longest first.

    A value of several lines or words is looked for piece by piece as well: a traceback may indent it, and of
    `Bearer KEY` the key alone may be quoted. So is what an address or a JSON text makes of it.
    """
    parts = {part.strip() for value in secrets for part in (value, *value.splitlines(), *value.split())}
    spelled = {form for part in parts if len(part) >= SHORTEST for form in _spellings(part)}
    return tuple(sorted((form for form in spelled if len(form) >= SHORTEST), key=lambda one: (-len(one), one)))


def _spellings(text: str) -> tuple[str, ...]:
    return text, quote(text, safe="", errors="replace"), unquote_plus(text), json.dumps(text, ensure_ascii=False)[1:-1]


def blotting(secrets: Iterable[str], *, shapes: bool = False) -> Callable[[str], str]:
    """Return what takes secrets out of a text, and with `shapes` also whatever has the shape of a provider's key."""
    known = pieces_of(secrets)

    def blot(text: str) -> str:
        for piece in known:
            text = text.replace(piece, REDACTED)
        return without_keys(text) if shapes else text

    return blot


def blotting_excerpts(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return what takes secrets out of a text that was cut, perhaps in the middle of one."""
    known = pieces_of(secrets)
    blot = blotting(known)

    def blot_excerpt(text: str) -> str:
        whole = blot(text)
        begun = max((_begun(whole, piece) for piece in known), default=0)
        return f"{whole[:-begun]}{REDACTED}" if begun else whole

    return blot_excerpt


def _begun(text: str, secret: str) -> int:
    """Return with how many characters of a secret a text ends, 0 for too few to tell."""
    longest = min(len(secret) - 1, len(text))
    return next((size for size in range(longest, SHORTEST - 1, -1) if text.endswith(secret[:size])), 0)
