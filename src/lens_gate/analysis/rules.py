"""The rules of one gate, made from the configuration: which change of what matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from lens_gate.artifacts.analysis import Policy
from lens_gate.config.model import Regression, ThresholdMethod
from lens_gate.errors import ConfigProblem
from lens_gate.vocabulary.metric_table import METRICS, metric
from lens_gate.vocabulary.metrics import Hypothesis, Metric, Scope
from lens_gate.vocabulary.outcomes import Cover, Decision

PASS_CONFIDENCE = 0.95
"""How sure a pass is of each single question."""

DEFAULT_PERCENT = 10.0
ERROR_POINTS = 2.0
ERRORS_FOR_A_PERCENTAGE = 20

MARGINS: dict[Hypothesis, float] = {
    Hypothesis.TTFT: DEFAULT_PERCENT,
    Hypothesis.PER_TOKEN: DEFAULT_PERCENT,
    Hypothesis.TOTAL: DEFAULT_PERCENT,
    Hypothesis.TOTAL_EQUAL_LENGTH: DEFAULT_PERCENT,
    Hypothesis.TTFT_TAIL_EXCESS: 3.0,
    Hypothesis.TTFT_TAIL_EXCEEDANCE: 5.0,
    Hypothesis.ERRORS: ERROR_POINTS,
    Hypothesis.COST: 5.0,
    Hypothesis.OUTPUT_LENGTH: DEFAULT_PERCENT,
    Hypothesis.CACHED_SHARE: 10.0,
}
"""The questions that are asked, with the smallest change that matters unless configured: percent, or points."""

WEIGHTS: Mapping[Hypothesis, float] = {
    Hypothesis.TTFT: 2.5,
    Hypothesis.PER_TOKEN: 0.4,
    Hypothesis.TOTAL: 0.4,
    Hypothesis.TOTAL_EQUAL_LENGTH: 0.4,
    Hypothesis.TTFT_TAIL_EXCESS: 2.0,
    Hypothesis.TTFT_TAIL_EXCEEDANCE: 0.25,
    Hypothesis.ERRORS: 3.0,
    Hypothesis.COST: 0.4,
    Hypothesis.OUTPUT_LENGTH: 0.325,
    Hypothesis.CACHED_SHARE: 0.325,
}
"""How much of the gate's alpha each question may spend, relative to the others: more where pairs say least."""

FOLLOWS: Mapping[Hypothesis, Hypothesis] = {
    Hypothesis.TTFT_TAIL_EXCESS: Hypothesis.TTFT,
    Hypothesis.TTFT_TAIL_EXCEEDANCE: Hypothesis.TTFT,
    Hypothesis.TOTAL_EQUAL_LENGTH: Hypothesis.TOTAL,
}
"""Questions that allow more or less in proportion to what another one allows, unless they are configured themselves."""

METRIC_NAMES: Mapping[Hypothesis, str] = {
    Hypothesis.TTFT: "mean_ttft",
    Hypothesis.PER_TOKEN: "mean_tpot",
    Hypothesis.TOTAL: "mean_latency",
    Hypothesis.TOTAL_EQUAL_LENGTH: "total_equal_length_latency",
    Hypothesis.TTFT_TAIL_EXCESS: "ttft_excess_above_pooled_p90",
    Hypothesis.TTFT_TAIL_EXCEEDANCE: "ttft_above_pooled_p95",
    Hypothesis.ERRORS: "error_rate",
    Hypothesis.COST: "cost_per_request_usd",
    Hypothesis.OUTPUT_LENGTH: "mean_output_tokens",
    Hypothesis.CACHED_SHARE: "cached_share",
}
"""The metric that a finding about each question is named after."""


COVERED: Mapping[Cover, tuple[Hypothesis, ...]] = {
    Cover.TAILS: (Hypothesis.TTFT_TAIL_EXCESS, Hypothesis.TTFT_TAIL_EXCEEDANCE),
    Cover.ERRORS: (Hypothesis.ERRORS,),
}
"""The questions about rare events, by the words in which a pass is asked to cover them."""

SHOWN_RATIOS = (Hypothesis.TTFT_TAIL_EXCEEDANCE, Hypothesis.CACHED_SHARE)
"""Questions in points: a percentage configured for their metrics is shown beside them, not gated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How findings become outcomes; `error_percent` is a percentage threshold of the error rate, where one is set.

    `alpha` is the chance of any false alarm, `pass_tail` that of a false pass of each single question; an event is
    suspicious that is rarer by chance than `suspicion`, however often one looks. Without the answers to the questions
    of `cover` there is no pass.
    """

    alpha: float
    pass_tail: float
    suspicion: float
    gate_small_effects: bool
    strict: bool
    margins: Mapping[Hypothesis, float]
    error_percent: float | None
    shown: tuple[ThresholdMethod, ...]
    cover: frozenset[Hypothesis] = frozenset()


def rules_of(regression: Regression) -> Rules:
    """Read the rules; a metric that is unknown or has no value per series raises ConfigProblem."""
    methods = [(series_metric(method.metric).hypothesis, method) for method in threshold_methods(regression)]
    configured: dict[Hypothesis, list[float]] = {}
    for hypothesis, method in methods:
        limit = method.threshold_points if hypothesis and hypothesis.in_points else method.threshold_percent
        if hypothesis in MARGINS and limit is not None:
            configured.setdefault(Hypothesis(hypothesis), []).append(limit)
    percentages = [
        m.threshold_percent for h, m in methods if h is Hypothesis.ERRORS and m.threshold_percent is not None
    ]
    return Rules(
        alpha=regression.alpha,
        pass_tail=1 - PASS_CONFIDENCE,
        suspicion=regression.alpha,
        gate_small_effects=regression.gate_small_effects,
        strict=regression.strict,
        margins=_margins({hypothesis: min(limits) for hypothesis, limits in configured.items()}),
        error_percent=min(percentages, default=None),
        cover=frozenset(hypothesis for what in regression.cover for hypothesis in COVERED[what]),
        shown=tuple(
            m for h, m in methods if h not in MARGINS or (h in SHOWN_RATIOS and m.threshold_percent is not None)
        ),
    )


def _margins(configured: Mapping[Hypothesis, float]) -> dict[Hypothesis, float]:
    """Fill up what is not configured; late first tokens follow the first token.

    A shift of the whole distribution lifts the tail too: what is allowed of the one must not be an alarm of the other.
    """
    margins = {**MARGINS, **configured}
    for follower, leader in FOLLOWS.items():
        if follower not in configured:
            margins[follower] *= margins[leader] / MARGINS[leader]
    return margins


def threshold_methods(regression: Regression) -> tuple[ThresholdMethod, ...]:
    """Return the configured thresholds."""
    return tuple(method for method in regression.methods if isinstance(method, ThresholdMethod))


def series_metric(name: str) -> Metric:
    """Return the metric of that name if a threshold on its change makes sense; ConfigProblem otherwise."""
    try:
        found = metric(name)
    except LookupError:
        near = get_close_matches(name, [row.name for row in METRICS], n=3)
        raise ConfigProblem(
            f"there is no metric {name!r}",
            place="regression.methods",
            hint=f"Did you mean {' or '.join(near)}?" if near else "docs/metrics.md lists all metrics.",
        ) from None
    if found.scope is Scope.RUN or name == "latency_distribution":
        raise ConfigProblem(
            f"{name} has no single value per model whose change could be held against a threshold",
            place="regression.methods",
            hint="Use a quality gate or a budget for a total, and a statistical method for a distribution.",
        )
    return found


def policy_of(regression: Regression, *, false_alarm_note: str | None = None) -> Policy:
    """Return the rules as the artifact states them: under `classic` the thresholds as configured."""
    if regression.decision is Decision.CLASSIC:
        percent = {m.metric: m.threshold_percent for m in threshold_methods(regression)}
        points = ERROR_POINTS
    else:
        margins = rules_of(regression).margins
        percent = {METRIC_NAMES[h]: margin for h, margin in margins.items() if not h.in_points}
        points = margins[Hypothesis.ERRORS]
    return Policy(
        decision=regression.decision,
        alpha=regression.alpha,
        pass_confidence=PASS_CONFIDENCE,
        gate_small_effects=regression.gate_small_effects,
        strict=regression.strict,
        thresholds_percent={name: limit for name, limit in percent.items() if limit is not None},
        threshold_points=points,
        cover=tuple(sorted(regression.cover)),
        disaster_percent=regression.disaster_percent,
        false_alarm_note=false_alarm_note,
    )
