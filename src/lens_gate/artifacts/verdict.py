"""`verdict.json`: the decision, each check behind it, and the exit code it means."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from lens_gate.artifacts.analysis import Analysis, RegressionSummary
from lens_gate.artifacts.envelope import Envelope, Frozen, Kind
from lens_gate.artifacts.reasons import Reason
from lens_gate.vocabulary.outcomes import ExitCode, Outcome, Severity


class CheckKind(StrEnum):
    """Where a check comes from."""

    COMPARISON = "comparison"
    QUALITY_GATE = "quality_gate"
    BUDGET = "budget"
    COVERAGE = "coverage"
    VALIDITY = "validity"
    CAP = "cap"
    TREND = "trend"


Side = Literal["at most", "at least", "below", "above"]
"""On which side of its limit a measured value has to lie."""


class Check(Frozen):
    """One line of the verdict. A breached gate or budget has the outcome `regression`; `severity` says what it weighs.

    `because` says why it ended so, and `message` the same in sentences. `place` is the file and line of the rule, where
    it has one. `side` says of a measured value on which side of the limit it has to lie; None where the value is a
    change, or the rule is more than one comparison.
    """

    name: str
    kind: CheckKind
    series: str | None
    metric: str | None
    severity: Severity
    outcome: Outcome
    value: float | None
    limit: float | None
    unit: str
    message: str = ""
    because: tuple[Reason, ...] = ()
    place: str | None = None
    side: Side | None = None


class PipelineJob(Frozen):
    """The job of a pipeline that reached a verdict, and the name that its result goes by among others: its suite.

    `job` is a short word that is the same in each run, and another one for each job that the platform lets us tell
    apart. Ids of runs and numbers of attempts only grow. `named` is whether the suite was given to this one job, by an
    option or by the values of its matrix, and is not what others of the same configuration go by too.
    """

    suite: str
    job: str
    run_id: int
    attempt: int
    named: bool = False


class Verdict(Envelope):
    """The artifact of `lens-gate gate`; it holds the analysis, so that a report needs no other file.

    `job` is None outside of a pipeline, and in older files.
    """

    kind: Literal[Kind.VERDICT]
    outcome: Outcome
    exit_code: ExitCode
    regression: RegressionSummary
    checks: tuple[Check, ...]
    fail_on: tuple[str, ...]
    analysis: Analysis
    job: PipelineJob | None = None
