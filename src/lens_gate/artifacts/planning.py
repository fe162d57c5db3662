"""The report of `lens-gate plan`: what an answer would take.

It is no artifact of the pipeline: no step reads it, and it can be made anew at any time from the configuration and the
run that it names. So it has neither `kind` nor `schema_version`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from lens_gate import __version__
from lens_gate.artifacts.envelope import Frozen
from lens_gate.artifacts.run import Count, Finite
from lens_gate.vocabulary.metrics import Hypothesis


class NoiseSource(StrEnum):
    """Where the noise is known from: pairs of an earlier duet, one arm alone (an upper bound), or nowhere."""

    PAIRS = "pairs"
    ONE_ARM = "one_arm"
    ASSUMED = "assumed"


class PriceSource(StrEnum):
    """Where the price of a request is known from: an earlier run's bill, or the price list at the longest answer."""

    MEASURED = "measured"
    LISTED = "listed"
    UNKNOWN = "unknown"


class Bill(Frozen):
    """What so many pairs of every series take.

    `requests` counts both arms, all series, and what is sent while warming up and cooling down. None: not known.
    """

    pairs: Count
    requests: Count
    usd: float | None
    minutes: float | None


class PlanRow(Frozen):
    """One question about one series.

    `noise` is the standard deviation of a pair's log ratio in percent, that of a difference in points, or the share of
    pairs (percent) in which one member alone has the event. `effect` and `margin` are in `unit`, and `level` is what
    the question is asked at in the worst case. The bills: to establish the effect, to have it called a regression, and
    to pass when nothing has changed; None where no number of pairs does.
    """

    series: str
    metric: str
    hypothesis: Hypothesis
    unit: Literal["%", "points"]
    source: NoiseSource
    seen: Count
    noise: Finite
    effect: Finite
    margin: Finite
    rare: bool
    level: Finite
    establish: Bill | None
    regression: Bill | None
    passing: Bill | None


class Visible(Frozen):
    """The smallest effect on one question that a number of pairs establishes; None where even the largest does not."""

    series: str
    metric: str
    hypothesis: Hypothesis
    unit: Literal["%", "points"]
    effect: float | None


class Reach(Frozen):
    """What a run of a given size can see."""

    bill: Bill
    visible: tuple[Visible, ...]


class PlanReport(Frozen):
    """What an answer would take.

    `hypotheses` is how many questions share `alpha`. `frequent` is the bill for all rows but those about rare events,
    `everything` that for all of them. `unplanned` names metrics whose noise is not known.
    """

    report: Literal["plan"] = "plan"
    tool_version: str = __version__
    source: str | None
    alpha: Finite
    hypotheses: Count
    power: Finite
    pass_confidence: Finite
    price_source: PriceSource
    requests_per_second: float | None
    rows: tuple[PlanRow, ...]
    frequent: Bill | None
    everything: Bill | None
    configured: Reach | None
    affordable: Reach | None
    max_cost_usd: float | None
    unplanned: tuple[str, ...]
