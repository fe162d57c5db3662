"""Connections opened before a run begins."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from lens_gate.load.arms.plan import ArmPlan
from lens_gate.load.engine.warming import MOST_WARM, WarmUp, warm_ups
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.wire.descriptors import raised_limit
from lens_gate.load.wire.transport import Transport, TransportFailure

LIMIT_S: Final = 1.0
"""How long a run waits for its connections; what is not open by then, its requests open themselves."""

_PART: Final = 4
"""Of what may be open, one in so many at most is a connection that was opened before the run: it opens more itself."""


async def warm(transport: Transport, candidate: ArmPlan, base: ArmPlan | None, settings: ScheduleSettings) -> None:
    """Open the connections that the first requests of both arms will use, where the transport can.

    A failure is none of the run: its own requests will meet it, and tell.
    """
    endpoints = [series.endpoint for arm in (candidate, base) if arm is not None for series in arm.series]
    most = min(MOST_WARM, raised_limit() // _PART)
    await asyncio.gather(*(_opened(transport, one) for one in warm_ups(endpoints, settings, most=most)))


async def _opened(transport: Transport, one: WarmUp) -> None:
    with suppress(TransportFailure):
        await transport.warm(one.url, one.count, tls=one.tls, limit_s=LIMIT_S)
