"""What would cover a question that a pass says nothing of."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Final

from lens_gate.analysis.judgement import Judged, pairs_to_cover
from lens_gate.analysis.pairing import PairedSeries
from lens_gate.analysis.rules import COVERED, Rules
from lens_gate.artifacts.analysis import CoveredBy
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Remedy
from lens_gate.vocabulary.reasons import Why

SPARE: Final = 1.05
"""How many pairs are to be planned for each that is needed, since some of them fail."""

_WANTING: Mapping[Hypothesis, Remedy] = {
    Hypothesis.TTFT: Remedy.STREAMS,
    Hypothesis.PER_TOKEN: Remedy.LONGER_ANSWERS,
    Hypothesis.TOTAL: Remedy.MENDING,
    Hypothesis.TOTAL_EQUAL_LENGTH: Remedy.LONGER_ANSWERS,
    Hypothesis.TTFT_TAIL_EXCESS: Remedy.STREAMS,
    Hypothesis.TTFT_TAIL_EXCEEDANCE: Remedy.STREAMS,
    Hypothesis.ERRORS: Remedy.MENDING,
    Hypothesis.COST: Remedy.PRICES,
    Hypothesis.OUTPUT_LENGTH: Remedy.TOKEN_COUNTS,
    Hypothesis.CACHED_SHARE: Remedy.CACHE_COUNTS,
}


def remedy_of_silence(hypothesis: Hypothesis) -> CoveredBy:
    """Return what would give a question an answer that has none."""
    return CoveredBy(remedy=_WANTING[hypothesis])


def remedy_of_open(one: Judged, series: PairedSeries, rules: Rules) -> CoveredBy:
    """Return what would settle a question that stays open beside a pass: more pairs, unless something else is amiss."""
    hypothesis = one.question.hypothesis
    why = tuple(reason for reason in one.finding.because if reason.why is not Why.NOT_COVERED)
    if one.question.latency_gap is None:
        pairs = ceil(SPARE * (pairs_to_cover(hypothesis, rules) or 0))
        cover = next((word for word, questions in COVERED.items() if hypothesis in questions), None)
        return CoveredBy(remedy=Remedy.PAIRS, pairs=pairs, cover=cover, because=why)
    amiss = one.question.latency_gap in (series.pairs_gap, series.latency_gap)
    return CoveredBy(remedy=Remedy.MENDING if amiss else _WANTING[hypothesis], because=why)
