"""How many connections are opened before a run begins, so that its first requests do not pay for them (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil, inf
from typing import Final

from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.wire.http1 import Destination, Invalid, route
from lens_gate.providers.base import Endpoint, TlsChoice

WARM_FOR_S: Final = 0.25
"""The requests of this time find a connection each."""

MOST_WARM: Final = 1000
"""Connections in all: the first quarter of a second of 4,000 requests per second, more than one process sends."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Connections to open to where `url` leads."""

    url: str
    tls: TlsChoice | None
    count: int


def warm_ups(endpoints: Sequence[Endpoint], settings: ScheduleSettings, *, most: int = MOST_WARM) -> tuple[WarmUp, ...]:
    """Return what to open, `most` in all, for a run that sends to `endpoints` in equal shares (two to one named twice).

    Nothing in a closed loop, where only the first request of each slot opens a connection, and nothing for a run that
    is not sure to use them.
    """
    if settings.rate is None:
        return ()
    shares: Counter[Destination] = Counter()
    urls: dict[Destination, str] = {}
    for endpoint in endpoints:
        with suppress(Invalid):
            there = route(endpoint.base_url, endpoint.tls).destination
            shares[there] += 1
            urls.setdefault(there, endpoint.base_url)
    soon = settings.rate / settings.share.of * WARM_FOR_S / max(1, len(endpoints))
    each = most // max(1, len(shares))
    found = tuple(WarmUp(urls[there], there.tls, min(each, ceil(soon * share))) for there, share in shares.items())
    return (
        found if sum(one.count for one in found) <= _most_requests(settings, settings.rate) / settings.share.of else ()
    )


def _most_requests(settings: ScheduleSettings, rate: float) -> float:
    by_time = inf if settings.duration_s is None else rate * settings.duration_s
    return min(by_time, inf if settings.requests is None else settings.requests)
