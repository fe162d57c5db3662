"""What is left of a provider's allowance, as the headers of its answers say it. Pure.

OpenAI and those that follow it: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, the reset as a span (`1m30s`,
`12ms`). Anthropic: `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`, the
reset as a moment (RFC 3339). Both say by the reset when all of the allowance will be there again, and both refill
evenly, so that one unit takes the time to the reset divided by what is missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lens_gate.load.limits.waits import server_time_s

_SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?", re.ASCII)
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_NAMES: Final = (
    "x-ratelimit-{what}-{resource}",
    "anthropic-ratelimit-{resource}-{what}",
)
_TOKENS: Final = ("tokens", "input-tokens", "output-tokens")


@dataclass(frozen=True, slots=True)
class Gauge:
    """What is left of `limit`, and the seconds until all of it is there again."""

    limit: float
    remaining: float
    reset_s: float

    @property
    def refill_s(self) -> float:
        """How many seconds one unit takes to come back."""
        missing = self.limit - self.remaining
        return self.reset_s / missing if missing > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What a provider says is left; None where it says nothing. Of several kinds of tokens it is the scarcest."""

    requests: Gauge | None = None
    tokens: Gauge | None = None


def standing_of(headers: Mapping[str, str], *, now_s: float) -> Standing:
    """Read the headers of an answer; `now_s` (seconds of Unix time) stands in for a missing `Date`.

    What cannot be read, or cannot be true (a limit of 0, less than nothing left), was not said.
    """
    now_s = server_time_s(headers, now_s=now_s)
    tokens = [gauge for name in _TOKENS if (gauge := _gauge(headers, name, now_s)) is not None]
    return Standing(_gauge(headers, "requests", now_s), min(tokens, key=lambda gauge: gauge.remaining, default=None))


def _gauge(headers: Mapping[str, str], resource: str, now_s: float) -> Gauge | None:
    for form in _NAMES:
        told = [headers.get(form.format(what=what, resource=resource), "") for what in ("limit", "remaining", "reset")]
        limit, remaining, reset_s = _number(told[0]), _number(told[1]), _until_s(told[2], now_s)
        if limit and remaining is not None and reset_s is not None and remaining <= limit:
            return Gauge(limit, remaining, reset_s)
    return None


def _number(text: str) -> float | None:
    found = _NUMBER.fullmatch(text.strip())
    return None if found is None else float(found.group())


def _until_s(text: str, now_s: float) -> float | None:
    """Read a span, a bare number of seconds, or a moment, as seconds from now."""
    text = text.strip()
    seconds = _number(text)
    if seconds is not None:
        return seconds
    span = _SPAN.fullmatch(text) if text else None
    if span is not None:
        hours, minutes, whole, milliseconds = (float(part or 0) for part in span.groups())
        return 3600 * hours + 60 * minutes + whole + milliseconds / 1000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else max(0.0, moment.timestamp() - now_s)
