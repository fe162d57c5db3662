"""How long a server asks to be left alone, as its headers say it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def asked_wait_s(headers: Mapping[str, str], *, now_s: float) -> float | None:
    """Return the seconds until the moment that `Retry-After` names as an HTTP date (RFC 9110, 10.2.3); else None.

    The server's own `Date` says what it takes for now, so that its clock may be wrong; without one, `now_s` does
    (seconds of Unix time). A moment that has passed is a wait of 0. Numbers of seconds are read by the providers, which
    also know the places in a body where some servers write the wait.
    """
    until = http_date_s(headers.get("retry-after"))
    if until is None:
        return None
    return max(0.0, until - server_time_s(headers, now_s=now_s))


def server_time_s(headers: Mapping[str, str], *, now_s: float) -> float:
    """Return what the server takes for now, in seconds of Unix time."""
    told = http_date_s(headers.get("date"))
    return now_s if told is None else told


def http_date_s(text: str | None) -> float | None:
    """Read an HTTP date as seconds of Unix time; None where it is none."""
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return _with_zone(moment).timestamp()


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
