"""How requests leave, in the words of the configuration and the command line."""

from __future__ import annotations

from enum import StrEnum


class TransportKind(StrEnum):
    """`auto` is `fast`, except where a proxy or HTTP/2 must be used, which only `httpx` can."""

    AUTO = "auto"
    FAST = "fast"
    HTTPX = "httpx"


class KernelStamping(StrEnum):
    """Whether bytes carry the kernel's stamps; `auto` where the system has them and the rate is moderate."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"
