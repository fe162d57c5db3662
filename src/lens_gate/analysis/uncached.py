"""What a run with a nonce at the start cannot say: no request could find its prefix in a cache."""

from __future__ import annotations

from collections.abc import Iterable

from lens_gate.artifacts.analysis import Coverage, CoveredBy, Finding, Ranking
from lens_gate.artifacts.doctor import SeriesDiagnosis
from lens_gate.artifacts.run import Plan
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Remedy

NOT_COVERED = "cached_share: every request began with a string of its own, so cache effects are not covered"
NOTE = "Cache effects are not covered: every request began with a string of its own."


def without_cache(plan: Plan) -> bool:
    """Whether no prefix could be reused in this run, so that a cached share of 0 says nothing about the endpoint."""
    return plan.nonce == "start"


def kept_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Leave out what would judge a cache that was never asked."""
    return tuple(finding for finding in findings if finding.hypothesis is not Hypothesis.CACHED_SHARE)


def said_not_covered(coverage: Iterable[Coverage]) -> tuple[Coverage, ...]:
    """Say of each series that its cache was not asked, instead of why that has no answer."""
    return tuple(_said_of(one) for one in coverage)


def _said_of(coverage: Coverage) -> Coverage:
    others = [(text, by) for text, by in coverage.gaps if by is not None and not text.startswith("cached_share:")]
    gaps = (*others, (NOT_COVERED, CoveredBy(remedy=Remedy.NO_NONCE)))
    return coverage.model_copy(
        update={"not_covered": tuple(text for text, _ in gaps), "covered_by": tuple(by for _, by in gaps)}
    )


def kept_ranking(ranking: Ranking | None) -> Ranking | None:
    """Leave the cache out of an order of several models, and say so."""
    if ranking is None:
        return None
    metrics = tuple(one for one in ranking.metrics if one.hypothesis is not Hypothesis.CACHED_SHARE)
    return ranking.model_copy(update={"metrics": metrics, "notes": (*ranking.notes, NOTE)})


def silent_of_cache(diagnosis: SeriesDiagnosis) -> SeriesDiagnosis:
    """Leave out what the second request of a pair read from the cache of the first: it could read nothing."""
    if diagnosis.slot is None:
        return diagnosis
    slot = diagnosis.slot.model_copy(update={"cached_first": None, "cached_second": None})
    return diagnosis.model_copy(update={"slot": slot})
