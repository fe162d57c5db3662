"""How requests leave, in the words of the configuration and the command line."""

from __future__ import annotations

from enum import StrEnum


class TransportKind(StrEnum):
    """`auto` is `fast`, except where a proxy must be used, which only `httpx` can."""

    AUTO = "auto"
    FAST = "fast"
    HTTPX = "httpx"
