"""What each of several processes is told of a run (pure)."""

from __future__ import annotations

from dataclasses import replace

from lens_gate.load.schedule.script import Script
from lens_gate.load.schedule.share import Share
from lens_gate.steps.resolving.arms import Arms
from lens_gate.steps.resolving.scheduling import series_asked
from lens_gate.steps.resolving.transporting import transport_order
from lens_gate.steps.running.foreseen import deferred_bytes
from lens_gate.steps.running.intent import Intent
from lens_gate.steps.wire import Assignment


def processes_of(arms: Arms) -> int:
    """Return how many processes are to send."""
    return arms.candidate_side.config.profiler.processes


def assignments(
    arms: Arms, intent: Intent, secrets: frozenset[str], *, keep_chunks: bool, keep_bodies: bool
) -> tuple[Assignment, ...]:
    """Deal a run out: `arms` as they are pointed at their targets, the money in equal parts."""
    config, processes = arms.candidate_side.config, processes_of(arms)
    waiting = deferred_bytes(arms, looks=False)
    dealt = []
    for number in range(processes):
        share = Share(number, processes)
        settings = replace(intent.settings, share=share)
        script = Script(candidate=arms.candidate, base=arms.base, settings=settings, log=arms.log)
        one = Assignment(
            script=script,
            series=series_asked(arms),
            secrets=secrets,
            resilience=config.resilience,
            order=transport_order(arms),
            prices=intent.prices,
            cap_usd=share.usd(intent.account.cap_usd),
            warm_connections=config.profiler.warm_connections,
            defer_bytes=None if waiting is None else waiting // processes,
            keep_chunks=keep_chunks,
            keep_bodies=keep_bodies,
            cost_cap=intent.account.cap_name,
        )
        dealt.append(one)
    return tuple(dealt)
