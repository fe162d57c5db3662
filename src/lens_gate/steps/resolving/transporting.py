"""What a run asks of its transport (pure)."""

from __future__ import annotations

from lens_gate.load.wire.choice import TransportOrder
from lens_gate.steps.resolving.arms import Arms
from lens_gate.steps.resolving.scheduling import settings_of


def transport_order(arms: Arms) -> TransportOrder:
    """Return the transport that the candidate's configuration asks for, and what both arms need of it.

    The rate is that of one process.
    """
    profiler, rate = arms.candidate_side.config.profiler, settings_of(arms).requests_per_second
    both = [arm for arm in (arms.candidate, arms.base) if arm is not None]
    endpoints = [series.endpoint for arm in both for series in arm.series]
    return TransportOrder(
        kind=profiler.transport,
        urls=tuple(dict.fromkeys(one.base_url for one in endpoints)),
        certificates=tuple(dict.fromkeys(one.tls for one in endpoints if one.base_url.startswith("https:"))),
        http2=tuple(dict.fromkeys(one.base_url for one in endpoints if one.http2)),
        stamping=profiler.kernel_timestamps,
        rate=None if rate is None else rate / profiler.processes,
    )
