"""`trend.json`: the history of runs, what shifted or creeps in it, and what was judged of that."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from lens_gate.artifacts.analysis import Effect, RegressionSummary
from lens_gate.artifacts.envelope import Envelope, Frozen, Kind
from lens_gate.artifacts.reasons import Reason
from lens_gate.artifacts.run import Count, Finite
from lens_gate.artifacts.verdict import Check
from lens_gate.vocabulary.outcomes import ExitCode, Outcome


class TrendRule(StrEnum):
    """How a history is judged."""

    CHANGE_POINTS = "change_points"
    LINEAR_REGRESSION = "linear_regression"
    THEIL_SEN = "theil_sen"
    CREEP = "creep"


class TrendPoint(Frozen):
    """The value of one run; `time` is when it began (RFC 3339, UTC)."""

    run: str
    time: str
    commit: str | None
    branch: str | None
    value: Finite


class TrendShift(Frozen):
    """A change of the level: from the point at `index` on it is another one, first seen after the point at `found`.

    `run`, `time` and `commit` are those of the first point of the new level, `previous_commit` that of the last point
    of the old one. `certain` shifts stay; another may fade as runs come in. `alarm` says that it fails a gate now: for
    the worse, large enough to matter, and found within the recent runs.
    """

    index: Count
    found: Count
    run: str
    time: str
    commit: str | None
    previous_commit: str | None
    rises: bool
    worse: bool
    effect: Effect
    before: Finite
    after: Finite
    certain: bool
    alarm: bool


class TrendSlope(Frozen):
    """A straight line through the last `runs` points; `limit` is what is allowed of the change per run."""

    rule: Literal[TrendRule.LINEAR_REGRESSION, TrendRule.THEIL_SEN]
    runs: Count
    per_run: Effect
    p_value: float | None
    limit: float | None


class TrendCreep(Frozen):
    """The newest `runs` points against as many from a fixed run on."""

    anchor_run: str
    anchor_time: str
    anchor_commit: str | None
    runs: Count
    anchor_value: Finite
    recent_value: Finite
    effect: Effect
    limit: Finite


class TrendFinding(Frozen):
    """What one rule says of one series and metric: `because` says why, and `reason` the same in sentences."""

    rule: TrendRule
    outcome: Outcome
    effect: Effect | None
    threshold: float | None
    reason: str = ""
    because: tuple[Reason, ...] = ()


class TrendSeries(Frozen):
    """One metric of one series over the runs, oldest first; `series` is None for a metric of the whole run.

    `scale` says whether effects are ratios (`log`, in percent) or differences (`linear`, in points). `unknown` runs had
    the series, and no value. `noise` is the robust standard deviation from run to run and `visible` about the smallest
    step that would be found, both in the unit of the effects; `correlated` says that neighbouring runs are alike.
    """

    series: str | None
    metric: str
    unit: str
    scale: Literal["log", "linear"]
    points: tuple[TrendPoint, ...]
    unknown: Count
    noise: float | None
    visible: float | None
    correlation: float | None
    correlated: bool
    shifts: tuple[TrendShift, ...]
    slopes: tuple[TrendSlope, ...]
    creep: TrendCreep | None
    findings: tuple[TrendFinding, ...]


class LeftOut(Frozen):
    """A file, or a series (as `provider/model`), that is no part of the history, and why."""

    what: str
    reason: str


class TrendPolicy(Frozen):
    """The rules that were applied, so that a reader needs no configuration.

    Limits are in percent, or in points for metrics that are percentages themselves. `fewest_runs` is what change points
    need.
    """

    rules: tuple[TrendRule, ...]
    metrics: tuple[str, ...]
    branch: str | None
    threshold_percent: Finite
    threshold_points: Finite
    recent_runs: Count
    fewest_runs: Count
    regression_window: Count
    max_slope_percent: Finite
    sen_window: Count
    anchor: str | None
    creep_window: Count
    max_creep_percent: Finite
    max_creep_points: Finite
    confidence: float = Field(gt=0, lt=1)
    false_alarm_note: str | None = None

    @property
    def tail(self) -> float:
        """The error that each side of an interval may have."""
        return (1 - self.confidence) / 2


class Trend(Envelope):
    """The artifact of `lens-gate trend`; the fingerprint is that of the newest run."""

    kind: Literal[Kind.TREND]
    name: str
    runs: Count
    first_time: str
    last_time: str
    policy: TrendPolicy
    series: tuple[TrendSeries, ...]
    left_out: tuple[LeftOut, ...]
    regression: RegressionSummary


class TrendVerdict(Envelope):
    """The artifact of `lens-gate gate` on a trend; it holds the trend, so that a report needs no other file."""

    kind: Literal[Kind.TREND_VERDICT]
    outcome: Outcome
    exit_code: ExitCode
    regression: RegressionSummary
    checks: tuple[Check, ...]
    fail_on: tuple[str, ...]
    trend: Trend
