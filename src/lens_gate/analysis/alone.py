"""What a run says by itself, where there is nothing to compare it with: how far chance alone moves its medians."""

from __future__ import annotations

import math

from lens_gate.analysis.past import PastSeries
from lens_gate.artifacts.run import Run
from lens_gate.stats.levels import summarized_level
from lens_gate.vocabulary.metrics import Hypothesis

_DEVIATIONS = 1.96
"""95 % of a normal distribution lie within so many standard deviations."""
_FEWEST = 20
"""Of fewer requests a summary tells no spread."""


def noise_notes(run: Run) -> tuple[str, ...]:
    """Say of each series how well this run knows its median answer; how days differ it cannot know."""
    return tuple(
        note
        for provider in run.providers
        for model in provider.models
        if (note := _note(f"{provider.name}/{model.id}", PastSeries.of(model))) is not None
    )


def _note(series: str, known: PastSeries) -> str | None:
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
    return (
        f"{series}: within this run, chance moves the median answer by up to {percent:.1f} % (95 %); how much days "
        "differ shows when more runs are stored."
    )
