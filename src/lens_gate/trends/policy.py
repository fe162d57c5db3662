"""Which rules judge a history: what the command line asks for, else the configuration, else the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from lens_gate.artifacts.trend import TrendPolicy, TrendRule
from lens_gate.config.model import Regression, TrendMethod
from lens_gate.errors import ConfigProblem, UsageProblem
from lens_gate.stats.change_points import FEWEST_RUNS
from lens_gate.vocabulary.metric_table import METRICS, metric

DEFAULT_METRIC = "median_latency"
THRESHOLD_PERCENT = 3.0
MAX_CREEP_PERCENT = 10.0
POINTS = 2.0
"""What matters, and what is allowed of creep, of a metric that is a percentage itself."""
RECENT_RUNS = 10
SEN_WINDOW = 30
CREEP_WINDOW = 10
CONFIDENCE = 0.99

_KNOWN: Mapping[TrendRule, str] = {
    TrendRule.CHANGE_POINTS: (
        "Where nothing changes, change points raise a new alarm in about 0.4 % of runs for each series and metric "
        "(simulated; 2 to 3 times as often where neighbouring runs are alike)."
    ),
    TrendRule.LINEAR_REGRESSION: (
        "A least-squares line over 10 runs that may grow by 5 % a run finds at most 1 in 100 steps of 10 % (simulated)."
    ),
}
"""What the benchmark says of a rule (docs/decision-quality-trend.md)."""

_OF_TWO_ARMS = frozenset({"latency_distribution", "total_equal_length_latency", "ttft_above_pooled_p95"})
"""Metrics that a single run has no value of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendChoices:
    """What was asked for; None or empty where nothing was. Percentages, except `max_slope`, a fraction a run."""

    rules: tuple[TrendRule, ...] = ()
    metrics: tuple[str, ...] = ()
    window: int | None = None
    max_slope: float | None = None
    threshold_percent: float = THRESHOLD_PERCENT
    max_creep_percent: float = MAX_CREEP_PERCENT
    recent_runs: int = RECENT_RUNS
    branch: str | None = None
    anchor: str | None = None


def trend_policy(choices: TrendChoices, regression: Regression) -> TrendPolicy:
    """Return the rules to apply.

    Raises UsageProblem for an unknown metric and for creep without an anchor, ConfigProblem for two trend methods.
    """
    configured = trend_method(regression)
    line = configured or TrendMethod(type="trend", method="linear_regression")
    max_slope = line.max_slope if choices.max_slope is None else choices.max_slope
    rules = _rules(choices, configured)
    return TrendPolicy(
        rules=rules,
        metrics=tuple(dict.fromkeys(map(_checked, choices.metrics or (DEFAULT_METRIC,)))),
        branch=choices.branch,
        threshold_percent=choices.threshold_percent,
        threshold_points=POINTS,
        recent_runs=choices.recent_runs,
        fewest_runs=FEWEST_RUNS,
        regression_window=choices.window or line.window,
        max_slope_percent=100 * max_slope,
        sen_window=choices.window or SEN_WINDOW,
        anchor=choices.anchor,
        creep_window=CREEP_WINDOW,
        max_creep_percent=choices.max_creep_percent,
        max_creep_points=POINTS,
        confidence=CONFIDENCE,
        false_alarm_note=" ".join(_KNOWN[rule] for rule in rules if rule in _KNOWN) or None,
    )


def trend_method(regression: Regression) -> TrendMethod | None:
    """Return the trend method that a configuration names, if any; two raise ConfigProblem."""
    named = [method for method in regression.methods if isinstance(method, TrendMethod)]
    if len(named) > 1:
        raise ConfigProblem(
            "there are several trend methods, and a history is judged by one",
            place="regression.methods",
            hint="Leave one of them.",
        )
    return named[0] if named else None


def _rules(choices: TrendChoices, configured: TrendMethod | None) -> tuple[TrendRule, ...]:
    """Return the rules in a fixed order; an anchor asks for creep, a configured method for linear regression."""
    asked = set(choices.rules)
    if not asked:
        asked = {TrendRule.CHANGE_POINTS} | ({TrendRule.LINEAR_REGRESSION} if configured else set())
    if choices.anchor is not None:
        asked.add(TrendRule.CREEP)
    elif TrendRule.CREEP in asked:
        raise UsageProblem("creep is measured against a fixed run, and none is named", hint="Name it with --anchor.")
    return tuple(rule for rule in TrendRule if rule in asked)


def _checked(name: str) -> str:
    """Return the name of a metric that each run has a value of."""
    try:
        metric(name)
    except LookupError:
        near = get_close_matches(name, [row.name for row in METRICS], n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else "docs/metrics.md lists all metrics."
        raise UsageProblem(f"there is no metric {name[:60]!r}", hint=hint) from None
    if name in _OF_TWO_ARMS:
        raise UsageProblem(
            f"{name} compares two versions, so that a single run has no value of it", hint="Use median_latency."
        )
    return name
