"""All that a schedule follows from, as one thing that another process can be told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lens_gate.load.arms.plan import ArmPlan, PlannedRequest
from lens_gate.load.schedule.lengths import Asked
from lens_gate.load.schedule.replay import Log, replayed
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.schedule.workload import schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Both arms, the pace, and the log where one is played again."""

    candidate: ArmPlan
    base: ArmPlan | None
    settings: ScheduleSettings
    log: Log | None

    def requests(self, rng: np.random.Generator, asked: Asked) -> Iterator[PlannedRequest]:
        """Yield what is sent, fixed by `rng`; `asked` learns the lengths that a replay asks for."""
        if self.log is None:
            return schedule(self.candidate, self.base, self.settings, rng)
        return replayed(self.candidate, self.base, self.settings, self.log, rng, asked)
