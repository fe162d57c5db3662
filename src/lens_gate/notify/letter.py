"""One message, ready to be sent: what every place makes of a notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

_CUT: Final = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """The body and headers of one POST request. The address is a secret in most places, and so is never shown."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


def json_letter(url: str, document: object, *, secrets: tuple[str, ...] = ()) -> Letter:
    """Return a letter with a JSON document."""
    return Letter(
        url=url,
        body=orjson.dumps(document),
        headers={"Content-Type": "application/json; charset=utf-8"},
        secrets=(url, *secrets),
    )


def cut(text: str, limit: int) -> str:
    """Return the text in at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - len(_CUT)] + _CUT
