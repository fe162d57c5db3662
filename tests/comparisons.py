"""Comparisons of several models for the tests of reports: one with something of everything, and small ones."""

from __future__ import annotations

from typing import Any

from lens_gate.artifacts.analysis import (
    Analysis,
    Effect,
    Need,
    PairCoverage,
    Pairwise,
    RankedMetric,
    Ranking,
    Standing,
)
from lens_gate.artifacts.run import Uncovered
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.requests import Arm
from tests.builders import a_spend, an_analysis, an_arm

GPT, CLAUDE, GEMINI = "openai/gpt-4", "anthropic/claude-3", "google/gemini-pro"


def a_pairwise(series: str = CLAUDE, other: str = GPT, estimate: float = 12.0, **changes: Any) -> Pairwise:
    """Return two models that differ by 12 %, 8 to 16; `unit`, `lower` and `upper` go to the effect."""
    effect = Effect(
        unit=changes.pop("unit", "%"),
        estimate=estimate,
        lower=changes.pop("lower", estimate - 4),
        upper=changes.pop("upper", estimate + 4),
        upper_pass=None,
        confidence=0.9995,
    )
    values = {"blocks": 100, "p_value": 0.00001, "adjusted_p": 0.0004, "relation": "differs"}
    return Pairwise(**{"series": series, "other": other, "effect": effect, **values, **changes})


def a_standing(series: str, value: float | None, places: tuple[int, int], *groups: int) -> Standing:
    """Return where one model stands."""
    return Standing(series=series, value=value, first_place=places[0], last_place=places[1], groups=groups)


def a_ranked_metric(*pairs: Pairwise, **changes: Any) -> RankedMetric:
    """Return two models put in order by their whole answers."""
    values = {
        "metric": "mean_latency",
        "hypothesis": Hypothesis.TOTAL,
        "value_unit": "ms",
        "threshold": 10.0,
        "standings": (a_standing(GPT, 1500.0, (1, 1), 1), a_standing(CLAUDE, 1680.0, (2, 2), 2)),
        "unranked": (),
        "pairs": pairs or (a_pairwise(),),
    }
    return RankedMetric(**{**values, **changes})


def a_pair_coverage(series: str = CLAUDE, other: str = GPT, **changes: Any) -> PairCoverage:
    """Return two models of which all 100 blocks were used."""
    values = {"pairs_planned": 100, "pairs_used": 100, "excluded_throttled": 0, "excluded_failed": 0, "censored": 0}
    return PairCoverage(**{"series": series, "other": other, **values, **changes})


def a_ranking(*metrics: RankedMetric, **changes: Any) -> Ranking:
    """Return the comparison of two models by the metrics given, or by the plain one."""
    values = {
        "alternatives": (CLAUDE, GPT),
        "alpha": 0.01,
        "metrics": metrics or (a_ranked_metric(),),
        "coverage": (a_pair_coverage(),),
        "need": None,
        "notes": (),
    }
    return Ranking(**{**values, **changes})


def a_comparison(ranking: Ranking | None = None, **changes: Any) -> Analysis:
    """Return an analysis that puts models in order, and judges no other version."""
    values = {
        "arms": (an_arm(),),
        "comparison": None,
        "source": "none",
        "base_providers": (),
        "coverage": (),
        "ranking": a_ranking() if ranking is None else ranking,
    }
    analysis = an_analysis(**{**values, **changes})
    verdict = analysis.regression.model_copy(update={"verdict": Outcome.NO_BASELINE})
    return analysis.model_copy(update={"findings": (), "regression": verdict})


def three_models() -> Analysis:
    """Return three models: told apart, alike, open, certain with an interval that reaches zero, and without a value."""
    first_token = a_ranked_metric(
        a_pairwise(CLAUDE, GEMINI, 24.8, lower=-0.6, upper=64.1, adjusted_p=0.0038),
        a_pairwise(GPT, GEMINI, 31.0, lower=24.0, upper=38.5),
        a_pairwise(GPT, CLAUDE, 3.0, lower=-1.5, upper=7.9, relation="alike", adjusted_p=0.4, p_value=0.1),
        metric="mean_ttft",
        hypothesis=Hypothesis.TTFT,
        standings=(
            a_standing(GEMINI, 310.0, (1, 1), 1),
            a_standing(CLAUDE, 402.0, (2, 3), 2),
            a_standing(GPT, 415.0, (2, 3), 2),
        ),
    )
    whole = a_ranked_metric(
        a_pairwise(CLAUDE, GPT, 4.0, lower=-3.0, upper=11.2, relation="open", adjusted_p=1.0, p_value=0.09),
        a_pairwise(GEMINI, GPT, -2.0, lower=-9.0, upper=-0.4),
        a_pairwise(GEMINI, CLAUDE, 14.0, lower=None, upper=None, relation="open", adjusted_p=1.0, p_value=0.2),
        standings=(
            a_standing(GPT, 1500.0, (2, 3), 1),
            a_standing(CLAUDE, 1550.0, (1, 3), 1, 2),
            a_standing(GEMINI, None, (1, 2), 2),
        ),
    )
    cost = a_ranked_metric(
        a_pairwise(CLAUDE, GPT, 250.0, lower=230.0, upper=270.0, adjusted_p=0.00000001),
        metric="cost_per_request_usd",
        hypothesis=Hypothesis.COST,
        value_unit="USD",
        threshold=5.0,
        standings=(a_standing(GPT, 0.002, (1, 1), 1), a_standing(CLAUDE, 0.007, (2, 2), 2)),
        unranked=(GEMINI,),
    )
    even = {"relation": "alike", "adjusted_p": 1.0, "p_value": 1.0, "unit": "points", "lower": -1.2, "upper": 1.2}
    errors = a_ranked_metric(
        a_pairwise(GEMINI, CLAUDE, 0.0, **even),
        a_pairwise(GPT, CLAUDE, 0.0, **even),
        a_pairwise(GPT, GEMINI, 0.0, **even),
        metric="error_rate",
        hypothesis=Hypothesis.ERRORS,
        value_unit="%",
        threshold=2.0,
        standings=tuple(a_standing(name, 0.0, (1, 3), 1) for name in (CLAUDE, GEMINI, GPT)),
    )
    ranking = a_ranking(
        first_token,
        whole,
        cost,
        errors,
        alternatives=(CLAUDE, GEMINI, GPT),
        coverage=(
            a_pair_coverage(GEMINI, CLAUDE, pairs_used=96, excluded_throttled=3, excluded_failed=1),
            a_pair_coverage(GPT, CLAUDE, censored=2),
            a_pair_coverage(GPT, GEMINI, pairs_used=97, excluded_throttled=3),
        ),
        need=Need(pairs=240, usd=2.1, minutes=12.0),
        notes=("each model counts in its own tokens",),
    )
    return a_comparison(
        ranking,
        uncovered=(Uncovered(prompt_id="refund", arm=Arm.CANDIDATE, series=GPT),),
        ending_message="the cap of $5.00 was reached",
        spend=a_spend(),
    )
