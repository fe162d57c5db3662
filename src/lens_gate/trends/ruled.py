"""What one rule asks of one line, and what it answered with the figures behind that."""

from __future__ import annotations

from dataclasses import dataclass

from lens_gate.artifacts.analysis import Effect
from lens_gate.artifacts.reasons import Reason, because
from lens_gate.artifacts.trend import TrendCreep, TrendFinding, TrendRule, TrendSlope
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.reasons import Why


@dataclass(frozen=True, slots=True)
class Ruled:
    """A finding with the slope or the creep that it is about, where there are enough runs for one."""

    finding: TrendFinding
    slope: TrendSlope | None = None
    creep: TrendCreep | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule, and the change that matters to it in the unit of its effect."""

    rule: TrendRule
    threshold: float | None

    def answered(self, outcome: Outcome, *why: Reason, effect: Effect | None = None) -> TrendFinding:
        """Return the finding of this rule."""
        return TrendFinding(rule=self.rule, outcome=outcome, effect=effect, threshold=self.threshold, because=why)

    def too_few(self, runs: int, needed: int) -> Ruled:
        """Return the finding that there are too few runs, which is never a pass."""
        return Ruled(self.answered(Outcome.INCONCLUSIVE, because(Why.TOO_FEW_RUNS, runs=runs, needed=needed)))
