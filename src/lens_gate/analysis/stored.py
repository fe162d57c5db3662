"""Samples of the same series that were not measured as pairs: a run, its stored baseline, and the runs before that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from lens_gate.analysis.judgement import silent_finding
from lens_gate.analysis.past import PastSeries
from lens_gate.analysis.quantities import measured
from lens_gate.analysis.summarize import model_summary
from lens_gate.artifacts.analysis import Finding
from lens_gate.artifacts.reasons import Reason, because
from lens_gate.artifacts.run import ModelResult
from lens_gate.artifacts.samples import Samples
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.reasons import Why
from lens_gate.vocabulary.requests import Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSeries:
    """One series of two runs, or of two arms that a classic rule treats as such.

    `past` are its stored runs, oldest first, the last of them being `base`; a `control` are the samples of the base's
    own configuration in the run that is judged. `prompts_gap` says that the two were asked too different things.
    """

    series: str
    base: ModelResult
    candidate: ModelResult
    base_samples: Samples
    candidate_samples: Samples
    past: tuple[PastSeries, ...] = ()
    control: Samples | None = None
    prompts_gap: Reason | None = None


NO_PAST: Mapping[str, tuple[PastSeries, ...]] = MappingProxyType({})


def names_of(samples: Samples) -> tuple[str, ...]:
    """Return the series of these samples in order of name."""
    return tuple(sorted({str(name) for name in samples.texts["series"].strings()}))


def arm_of(samples: Samples, arm: Arm) -> Samples:
    """Return the measured requests of one arm."""
    counted = measured(samples)
    return counted.where(counted.texts["arm"].equals(arm))


def match_series(
    candidate: Samples, base: Samples, *, earlier: Mapping[str, tuple[PastSeries, ...]] = NO_PAST
) -> tuple[StoredSeries, ...]:
    """Return the series that both samples (of one arm each) have, in order of name.

    `earlier` holds the stored runs of each series that are older than the base, oldest first.
    """
    matched = []
    for name in names_of(candidate):
        rows, base_rows = (_of(samples, name) for samples in (candidate, base))
        found, base_found = model_summary(rows), model_summary(base_rows)
        if found is not None and base_found is not None:
            matched.append(
                StoredSeries(
                    series=name,
                    base=base_found,
                    candidate=found,
                    base_samples=base_rows,
                    candidate_samples=rows,
                    past=(*earlier.get(name, ()), PastSeries.of(base_found)),
                )
            )
    return tuple(matched)


def with_control(series: StoredSeries, control: Samples) -> StoredSeries:
    """Add what the base's own configuration showed in the run that is judged."""
    return replace(series, control=_of(control, series.series))


def controlled_alone(series: StoredSeries) -> StoredSeries:
    """Take the base for what it is where nothing was stored: a control."""
    return replace(series, past=(), control=series.base_samples)


def _of(samples: Samples, series: str) -> Samples:
    return samples.where(samples.texts["series"].equals(series))


MOST_OTHER_PROMPTS = 0.1
FEWEST_REPEATS = 3


def with_prompts_compared(series: StoredSeries) -> StoredSeries:
    """Note where more than a tenth of either side's requests are of prompts that the other one was not asked.

    Where prompts hardly repeat, which of them were sent is chance, and says nothing.
    """
    sides = series.base_samples, series.candidate_samples
    asked = [[str(name) for name in samples.texts["prompt_id"].strings()] for samples in sides]
    known = [set(names) for names in asked]
    if any(len(names) < FEWEST_REPEATS * len(different) for names, different in zip(asked, known, strict=True)):
        return series
    then, now = (
        sum(name not in other for name in names) / max(1, len(names))
        for names, other in zip(asked, reversed(known), strict=True)
    )
    if max(then, now) <= MOST_OTHER_PROMPTS:
        return series
    return replace(series, prompts_gap=because(Why.OTHER_PROMPTS, then=100 * then, now=100 * now))


def unmatched(series: str, where: str) -> Finding:
    """Return the finding for a series that the other side ("stored run", "control") lacks: never a pass."""
    return silent_finding(
        series,
        metric="mean_latency",
        method="none",
        outcome=Outcome.NO_BASELINE,
        why=because(Why.NO_SUCH_MODEL, where=where),
    )
