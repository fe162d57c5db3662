"""What a run says by itself, where there is nothing to compare it with: how far chance alone moves its medians."""

from __future__ import annotations

import math

from lens_gate.analysis.past import PastSeries
from lens_gate.artifacts.reasons import Reason, because
from lens_gate.artifacts.run import Run
from lens_gate.stats.levels import summarized_level
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.reasons import Why

_DEVIATIONS = 1.96
"""95 % of a normal distribution lie within so many standard deviations."""
_FEWEST = 20
"""Of fewer requests a summary tells no spread."""


def noise_of(run: Run) -> tuple[Reason, ...]:
    """Say of each series how well this run knows its median answer; how days differ it cannot know."""
    return tuple(
        remark
        for provider in run.providers
        for model in provider.models
        if (remark := _remark(f"{provider.name}/{model.id}", PastSeries.of(model))) is not None
    )


def _remark(series: str, known: PastSeries) -> Reason | None:
    middle = known.middles.get(Hypothesis.TOTAL)
    if middle is None or middle.count < _FEWEST or middle.p75_ms < middle.median_ms:
        return None
    level = summarized_level(
        median=middle.median_ms,
        upper_quartile=middle.p75_ms,
        count=middle.count,
        inflation=middle.inflation or 1.0,
    )
    percent = 100 * math.expm1(_DEVIATIONS * math.sqrt(level.variance))
    return because(Why.OWN_NOISE, series=series, percent=percent)
