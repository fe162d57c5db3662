"""The typed scalars of the configuration: durations, sizes and percentiles."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KIB": 1024, "MIB": 1024**2, "GIB": 1024**3}


def parse_duration(value: object) -> object:
    """Read `300s`, `5m`, `1.5h`, `250ms`, `90d` or a bare number of seconds; leave anything else to the type check."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?\s*", value)
    if match is None:
        msg = f"{value!r} is not a duration; write it like 30s, 5m, 250ms or 90d"
        raise ValueError(msg)
    return float(match[1]) * _SECONDS[match[2] or "s"]


def parse_size(value: object) -> object:
    """Read `100MB`, `4GB`, `512KiB` or a bare number of bytes; leave anything else to the type check."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]?i?B)?\s*", value, flags=re.IGNORECASE)
    if match is None:
        msg = f"{value!r} is not a size; write it like 100MB or 4GB"
        raise ValueError(msg)
    return int(float(match[1]) * _BYTES[(match[2] or "B").upper()])


Seconds = Annotated[float, BeforeValidator(parse_duration), Field(ge=0)]
"""A duration in seconds, written `300s`, `5m` or as a number."""

Bytes = Annotated[int, BeforeValidator(parse_size), Field(ge=0)]
"""A size in bytes, written `100MB` or as a number."""

Percentile = Annotated[float, Field(gt=0, lt=100)]
"""A percentile between 0 and 100, exclusive."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A fraction between 0 and 1."""
