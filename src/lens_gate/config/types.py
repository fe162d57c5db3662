"""The typed scalars of the configuration: durations, sizes, percentiles, addresses and headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from lens_gate.vocabulary.slo import parse_slo

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KIB": 1024, "MIB": 1024**2, "GIB": 1024**3}
_NUMBER = r"(\d{1,15}(?:\.\d{1,9})?)"
_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}|\{port\}))?(?:[/?][^\s\\#]*)?",
    re.IGNORECASE | re.ASCII,
)
_PATH = re.compile(r"(?:/(?![/\\])[^\s\\#]*)?", re.ASCII)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_OWN_HEADERS = {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"}


def parse_duration(value: object) -> object:
    """Read `300s`, `5m`, `1.5h`, `250ms`, `90d` or a bare number of seconds; leave anything else to the type check."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(rf"\s*{_NUMBER}\s*(ms|s|m|h|d)?\s*", value, flags=re.ASCII)
    if match is None:
        msg = f"{value!r} is not a duration; write it like 30s, 5m, 250ms or 90d"
        raise ValueError(msg)
    return float(match[1]) * _SECONDS[match[2] or "s"]


_FREQUENCIES = {"always": 0.0, "hourly": 3600.0, "daily": 86400.0, "weekly": 7 * 86400.0, "monthly": 30 * 86400.0}


def parse_frequency(value: str) -> float:
    """Return the seconds of `daily`, `weekly` and the like (`always`: 0) or of a duration; ValueError otherwise."""
    known = _FREQUENCIES.get(value.strip().lower())
    if known is not None:
        return known
    try:
        return float(str(parse_duration(value)))
    except ValueError:
        msg = f"{value!r} is no frequency; write always, hourly, daily, weekly, monthly, or a duration such as 3d"
        raise ValueError(msg) from None


def _ip_address(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        msg = f"{value!r} is no IP address; write 127.0.0.1 for this machine alone, 0.0.0.0 for all"
        raise ValueError(msg) from None


def _frequency(value: str) -> str:
    parse_frequency(value)
    return value


Frequency = Annotated[str, AfterValidator(_frequency)]
"""How often something is done; `parse_frequency` reads it."""


def parse_size(value: object) -> object:
    """Read `100MB`, `4GB`, `512KiB` or a bare number of bytes; leave anything else to the type check."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(rf"\s*{_NUMBER}\s*([KMG]?i?B)?\s*", value, flags=re.IGNORECASE | re.ASCII)
    unit = (match[2] or "B").upper() if match else ""
    if match is None or unit not in _BYTES:
        msg = f"{value!r} is not a size; write it like 100MB or 4GB"
        raise ValueError(msg)
    return int(float(match[1]) * _BYTES[unit])


def origin_of(url: str) -> str | None:
    """Return `scheme://host:port` in lower case with the port written out, or None where `url` is no plain address.

    Plain means: http or https, no user information, no backslash, blank, fragment or letter outside ASCII, so that
    every URL parser agrees about the host. The port may be the literal `{port}` of a target.
    """
    match = _ORIGIN.fullmatch(url)
    if match is None:
        return None
    scheme = match["scheme"].lower()
    port = match["port"] or {"http": "80", "https": "443"}[scheme]
    return f"{scheme}://{match['host'].lower()}:{port}"


def _plain_address(value: str) -> str:
    if "${" not in value and origin_of(value) is None:
        msg = "expected an http:// or https:// address without user name, blanks or fragment"
        raise ValueError(msg)
    return value


def _relative_path(value: str) -> str:
    if _PATH.fullmatch(value) is None:
        msg = "expected a path that begins with one slash; the host belongs into `endpoint`"
        raise ValueError(msg)
    return value


def _plain_headers(value: Mapping[str, str]) -> Mapping[str, str]:
    for name, text in value.items():
        if _HEADER_NAME.fullmatch(name) is None or name.lower() in _OWN_HEADERS:
            msg = f"the header {name!r} is malformed, or one that lens-gate sets itself"
            raise ValueError(msg)
        if any(character in text for character in "\r\n\0"):
            msg = f"the header {name!r} must be one line of text"
            raise ValueError(msg)
    return value


def _readable_objectives(value: str) -> str:
    if "${" not in value:
        parse_slo(value)
    return value


_SCALAR = str | float

Seconds = Annotated[float, BeforeValidator(parse_duration, json_schema_input_type=_SCALAR), Field(ge=0)]
"""A duration in seconds, written `300s`, `5m` or as a number."""

Bytes = Annotated[int, BeforeValidator(parse_size, json_schema_input_type=_SCALAR), Field(ge=0)]
"""A size in bytes, written `100MB` or as a number."""

Percentile = Annotated[float, Field(gt=0, lt=100)]
"""A percentile between 0 and 100, exclusive."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A fraction between 0 and 1."""

Port = Annotated[int, Field(gt=0, lt=65536)]
"""A TCP port."""

IpAddress = Annotated[str, AfterValidator(_ip_address)]
"""An address of a machine, without a name that somebody else could resolve."""

Address = Annotated[str, AfterValidator(_plain_address)]
"""An http(s) address about whose host all parsers agree."""

UrlPath = Annotated[str, AfterValidator(_relative_path)]
"""Empty, or a path that cannot change the host it is appended to."""

Headers = Annotated[dict[str, str], AfterValidator(_plain_headers)]
"""HTTP headers that can neither forge a line nor redirect a request."""

Objectives = Annotated[str, AfterValidator(_readable_objectives)]
"""Service level objectives of a request, such as `ttft < 500ms and tpot < 30ms`."""
