"""The pace and the schedule of a run, from its workload or from the log that it plays again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lens_gate.load.arms.pairing import paired_series
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.schedule.lengths import Asked
from lens_gate.load.schedule.replay import paced, sends_per_call
from lens_gate.load.schedule.script import Script
from lens_gate.load.schedule.settings import ScheduleSettings, schedule_settings
from lens_gate.steps.resolving.arms import Arms
from lens_gate.steps.world import World


def settings_of(arms: Arms) -> ScheduleSettings:
    """Return the pace of a run, and the share of its control where it has one."""
    share = None if arms.comparison is None else arms.comparison.control_share
    settings = replace(schedule_settings(arms.candidate_side.config), control_share=share)
    if arms.log is None:
        return settings
    return paced(settings, arms.log, sends_per_call(arms.candidate, arms.base, settings, arms.log.how))


def series_asked(arms: Arms) -> frozenset[str]:
    """Return the names of the series to which a run may send requests."""
    candidate, base = arms.candidate, arms.base
    shared = candidate.series if base is None else [pair.candidate for pair in paired_series(candidate, base)]
    named = frozenset(one.series for one in shared)
    return named if arms.log is None else named & arms.log.survey.series


def planned_requests(
    arms: Arms, settings: ScheduleSettings, world: World, asked: Asked | None = None
) -> Iterator[PlannedRequest]:
    """Return what is sent; `asked` learns the lengths that a replay asks for."""
    script = Script(candidate=arms.candidate, base=arms.base, settings=settings, log=arms.log)
    return script.requests(world.rng(settings.seed), asked or Asked())
