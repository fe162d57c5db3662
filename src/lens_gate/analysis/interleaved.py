"""Whether requests of two arms that somebody else sent may be judged as pairs.

The tests on pairs are exact because a pair's two requests leave next to each other and in random order: then nothing
but the change tells the arms apart. Two measurements one after the other differ by all that drifts in between, and a
fixed order inside the pair gives one arm the warmer cache each time. So pairs of an import must look as a duet looks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lens_gate.analysis.imported import Merged
from lens_gate.analysis.quantities import Floats, measured
from lens_gate.artifacts.samples import Samples
from lens_gate.stats.proportions import PairedShares, mcnemar
from lens_gate.vocabulary.requests import Arm

FEWEST_NEIGHBOURS = 0.9
"""Share of pairs whose requests must be neighbours in the order of sending."""

UNLIKELY = 1e-4
"""An order inside the pairs that random draws would give more rarely than this was not random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """Two arms that are no pairs; `reason` says why, as a clause."""

    reason: str


def duet_in(both: Merged) -> Merged | Apart:
    """Return the requests of both arms as pairs, by their pair numbers, else by equal orders of prompts."""
    samples = both.samples
    shared = [name for name in _names(samples) if all(len(rows) for rows in _arms(_of(samples, name)))]
    if not shared:
        return Apart(reason="the two versions have no series in common")
    paired = samples if _numbered(samples) else _by_prompts(samples, shared)
    if paired is None:
        return Apart(reason="nothing in the files says which requests belong together")
    troubles = ((name, _trouble(measured(_of(paired, name)))) for name in shared)
    found = next((f"of {name}, {trouble}" for name, trouble in troubles if trouble is not None), None)
    return Merged(samples=paired, started=both.started) if found is None else Apart(reason=found)


def _names(samples: Samples) -> list[str]:
    return sorted({str(name) for name in samples.texts["series"].strings()})


def _of(samples: Samples, series: str) -> Samples:
    return samples.where(samples.texts["series"].equals(series))


def _arms(samples: Samples) -> tuple[Samples, Samples]:
    arms = samples.texts["arm"]
    return samples.where(arms.equals(Arm.BASE)), samples.where(arms.equals(Arm.CANDIDATE))


def _numbered(samples: Samples) -> bool:
    return all(bool((~np.isnan(rows.numbers["pair"])).any()) for rows in _arms(samples))


def _by_prompts(samples: Samples, shared: list[str]) -> Samples | None:
    """Pair requests of the same rank where the arms were asked the same prompts in the same order, else return None."""
    pairs = np.full(len(samples), np.nan)
    numbered = 0
    for name in shared:
        base, candidate = _arms(_of(samples, name))
        if not _prompts(base) or _prompts(base) != _prompts(candidate):
            return None
        for rows in (base, candidate):
            pairs[rows.numbers["index"].astype(np.intp)] = numbered + np.arange(len(rows))
        numbered += len(base)
    return Samples(numbers={**samples.numbers, "pair": pairs}, texts=samples.texts)


def _prompts(rows: Samples) -> list[tuple[str | None, ...]]:
    """Return what each request asked, in order; nothing where it is not known of all."""
    asked = list(zip(*(rows.texts[name].strings() for name in ("prompt_hash", "prompt_id", "draw")), strict=True))
    return asked if all(any(known) for known in asked) else []


def _trouble(rows: Samples) -> str | None:
    """Say why the pairs of one series do not look like those of a duet, None where they do."""
    rows = rows.where(~np.isnan(rows.numbers["pair"]))
    base, candidate = _arms(rows)
    _, of_base, of_candidate = np.intersect1d(base.numbers["pair"], candidate.numbers["pair"], return_indices=True)
    if not len(of_base):
        return "no pair has both of its requests"
    if any(len(np.unique(arm.numbers["pair"])) < len(arm) for arm in (base, candidate)):
        return "a pair number occurs twice"
    ranks = _ranks(rows)
    arms = rows.texts["arm"]
    base_ranks = ranks[arms.equals(Arm.BASE)][of_base]
    candidate_ranks = ranks[arms.equals(Arm.CANDIDATE)][of_candidate]
    if float((abs(base_ranks - candidate_ranks) <= 1).mean()) < FEWEST_NEIGHBOURS:
        return "the two requests of a pair were not sent next to each other"
    return _order_trouble(base.where(of_base), candidate.where(of_candidate))


def _ranks(rows: Samples) -> Floats:
    """Return each request's place in the order of sending; the slot decides where two were due at the same time."""
    order = np.lexsort((rows.numbers["slot"], rows.numbers["intended_ns"]))
    ranks = np.empty(len(rows))
    ranks[order] = np.arange(len(rows))
    return ranks


def _order_trouble(base: Samples, candidate: Samples) -> str | None:
    """Say that the order inside the pairs was not random, None where it may have been."""
    due, slot = (base.numbers[name] - candidate.numbers[name] for name in ("intended_ns", "slot"))
    lead = np.where(due != 0, due, np.nan_to_num(slot))
    base_first, candidate_first = int((lead < 0).sum()), int((lead > 0).sum())
    if not base_first + candidate_first:
        return "nothing says which request of a pair was sent first"
    if not base_first or not candidate_first:
        return f"the {'base' if base_first else 'candidate'} was always sent first"
    shares = PairedShares(pairs=base_first + candidate_first, only_base=base_first, only_candidate=candidate_first)
    if mcnemar(shares).p_two_sided < UNLIKELY:
        return "one version was sent first too often for a random order"
    return None
