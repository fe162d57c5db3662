"""How a run is played, read from its configuration: what every process of it is told alike (pure)."""

from __future__ import annotations

from functools import partial

from lens_gate.config.resilience import Resilience
from lens_gate.load.engine.contract import RunnerSettings
from lens_gate.load.limits.failure_rules import failure_rules
from lens_gate.load.schedule.settings import ScheduleSettings, phase_at
from lens_gate.load.wire.transport import Timeouts


def runner_settings(settings: ScheduleSettings, rules: Resilience) -> RunnerSettings:
    """Return limits, loop and failure rules of a run; those who wait after a failure wait differently by share."""
    closed, limits = settings.concurrency is not None, rules.timeouts
    return RunnerSettings(
        timeouts=Timeouts(connect_s=limits.connect, request_s=limits.request, idle_s=limits.idle),
        concurrency=settings.concurrency,
        ramp_up_s=settings.ramp_up_s,
        share=settings.share,
        duration_s=settings.duration_s if closed else None,
        time_cap_s=limits.run,
        phase_at=partial(phase_at, settings) if closed else None,
        failures=failure_rules(rules, seed=settings.seed + settings.share.number),
    )
