"""The report of `lens-gate doctor`: how noisy an endpoint is, from a run in which nothing was changed.

The run is the artifact; this report can be made anew from it at any time (`doctor --input run.json`), and no step reads
it. So it has neither `kind` nor `schema_version`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from lens_gate import __version__
from lens_gate.artifacts.envelope import Frozen
from lens_gate.artifacts.planning import NoiseSource
from lens_gate.artifacts.run import Count, ErrorCount, Finite, Spend, Validity
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Ending


class BlockRule(StrEnum):
    """Rules that other gates use on two samples which were not measured as pairs."""

    MEAN = "mean_10_percent"
    P95 = "p95_15_percent"
    WELCH = "welch_t_05"
    MANN_WHITNEY = "mann_whitney_05"
    KOLMOGOROV_SMIRNOV = "kolmogorov_smirnov_05"


class MetricNoise(Frozen):
    """How one quantity varies; values in the unit of the metric, spreads in percent (of the logarithm).

    `pair_spread` is that of the two requests of a pair as the signed-rank test sees it, `correlation` that between them
    (None without pairs). A percentile that the sample is too small for is None.
    """

    metric: str
    hypothesis: Hypothesis
    value_unit: str
    requests: Count
    median: Finite
    p95: float | None
    p99: float | None
    maximum: Finite
    spread: Finite
    pair_spread: float | None
    correlation: float | None


class Stability(Frozen):
    """How one time wandered during the run.

    `halves_percent` is the change of the median from the first half to the second, `medians` those of the blocks, in
    milliseconds. `inflation` says how many times as much block means vary as those of unrelated requests would, with
    its 95 % bounds; None where the run is too short for blocks.
    """

    metric: str
    hypothesis: Hypothesis
    halves_percent: Finite
    medians: tuple[Finite, ...]
    autocorrelation: Finite
    autocorrelation_error: Finite
    inflation: float | None
    inflation_lower: float | None
    inflation_upper: float | None


class RuleAlarms(Frozen):
    """How often a rule alarmed between blocks of the run, each pair of them compared in both orders.

    `metric` None: in at least one of the metrics.
    """

    rule: BlockRule
    metric: str | None
    alarms: Count
    comparisons: Count


class SlotEffect(Frozen):
    """What it does to a request to come second in its pair: the change of its time to first token, with 95 % bounds.

    The shares are of the input that came from the cache, in percent; None where the server does not say.
    """

    pairs: Count
    percent: Finite
    lower: float | None
    upper: float | None
    p_value: Finite
    cached_first: float | None
    cached_second: float | None


class VisibleAt(Frozen):
    """The smallest effect on one question that each number of pairs establishes; None where none is so large.

    `level` is what the question is asked at in the worst case.
    """

    metric: str
    hypothesis: Hypothesis
    unit: Literal["%", "points"]
    margin: Finite
    level: Finite
    effects: tuple[tuple[Count, float | None], ...]


class SeriesDiagnosis(Frozen):
    """One model of one provider."""

    series: str
    source: NoiseSource
    requests: Count
    successful: Count
    failed: Count
    throttled: Count
    shed: Count
    errors: tuple[ErrorCount, ...]
    noise: tuple[MetricNoise, ...]
    stability: tuple[Stability, ...]
    slot: SlotEffect | None
    blocks: Count
    block_requests: Count
    alarms: tuple[RuleAlarms, ...]
    visible: tuple[VisibleAt, ...]


class AdviceKind(StrEnum):
    """What a diagnosis may advise."""

    ERRORS = "errors"
    THROTTLED = "throttled"
    SLOWED_DOWN = "slowed_down"
    DRIFT = "drift"
    LOAD = "load"
    SECOND_SLOT = "second_slot"
    CACHE = "cache"
    TAIL = "tail"
    PAIRS_HELP = "pairs_help"
    BLIND = "blind"
    RARE = "rare"
    SIGHTED = "sighted"
    UNTIL_DECIDED = "until_decided"


class Advice(Frozen):
    """One thing to know or to do, worst first.

    `value` is what was found (percent, points, or a factor), `limit` what it is held against, `pairs` what it would
    take.
    """

    kind: AdviceKind
    series: str | None = None
    hypothesis: Hypothesis | None = None
    value: float | None = None
    limit: float | None = None
    pairs: int | None = None


class DoctorReport(Frozen):
    """A diagnosis; an invalid run has no series.

    `unchanged` says that both versions were the same on purpose. `hypotheses` is how many questions of a gate share
    `alpha`.
    """

    report: Literal["doctor"] = "doctor"
    tool_version: str = __version__
    source: str
    unchanged: bool
    duration_seconds: Finite
    requests_per_second: float | None
    spend: Spend
    validity: Validity
    ending: Ending
    ending_message: str | None
    alpha: Finite
    hypotheses: Count
    power: Finite
    configured_pairs: int | None
    series: tuple[SeriesDiagnosis, ...]
    advice: tuple[Advice, ...]
