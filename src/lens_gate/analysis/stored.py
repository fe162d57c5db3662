"""Two samples of the same series that were not measured as pairs: a run and its stored baseline."""

from __future__ import annotations

from dataclasses import dataclass

from lens_gate.analysis.judgement import silent_finding
from lens_gate.analysis.quantities import measured
from lens_gate.analysis.summarize import model_summary
from lens_gate.artifacts.analysis import Finding
from lens_gate.artifacts.run import ModelResult
from lens_gate.artifacts.samples import Samples
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.requests import Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSeries:
    """One series of two runs, or of two arms that a classic rule treats as such."""

    series: str
    base: ModelResult
    candidate: ModelResult
    base_samples: Samples
    candidate_samples: Samples


def names_of(samples: Samples) -> tuple[str, ...]:
    """Return the series of these samples in order of name."""
    return tuple(sorted({str(name) for name in samples.texts["series"].strings()}))


def arm_of(samples: Samples, arm: Arm) -> Samples:
    """Return the measured requests of one arm."""
    counted = measured(samples)
    return counted.where(counted.texts["arm"].equals(arm))


def match_series(candidate: Samples, base: Samples) -> tuple[StoredSeries, ...]:
    """Return the series that both samples (of one arm each) have, in order of name."""
    matched = []
    for name in names_of(candidate):
        rows, base_rows = (samples.where(samples.texts["series"].equals(name)) for samples in (candidate, base))
        found, base_found = model_summary(rows), model_summary(base_rows)
        if found is not None and base_found is not None:
            matched.append(
                StoredSeries(
                    series=name, base=base_found, candidate=found, base_samples=base_rows, candidate_samples=rows
                )
            )
    return tuple(matched)


def unmatched(series: str) -> Finding:
    """Return the finding for a series that the stored run does not have: never a pass."""
    return silent_finding(
        series,
        metric="mean_latency",
        method="none",
        outcome=Outcome.NO_BASELINE,
        reason="The stored run has no such model.",
    )
