"""Connections opened before a run begins."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from lens_gate.load.pace import ScheduleSettings
from lens_gate.load.plan import ArmPlan
from lens_gate.load.transport import Transport, TransportFailure
from lens_gate.load.warming import WarmUp, warm_ups

LIMIT_S = 1.0
"""How long a run waits for its connections; what is not open by then, its requests open themselves."""


async def warm(transport: Transport, candidate: ArmPlan, base: ArmPlan | None, settings: ScheduleSettings) -> None:
    """Open the connections that the first requests of both arms will use, where the transport can.

    A failure is none of the run: its own requests will meet it, and tell.
    """
    endpoints = [series.endpoint for arm in (candidate, base) if arm is not None for series in arm.series]
    await asyncio.gather(*(_opened(transport, one) for one in warm_ups(endpoints, settings)))


async def _opened(transport: Transport, one: WarmUp) -> None:
    with suppress(TransportFailure):
        await transport.warm(one.url, one.count, tls=one.tls, limit_s=LIMIT_S)
