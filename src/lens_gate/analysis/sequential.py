"""A duet that is looked at while it is measured, and ends when the answer is clear.

Each look spends a share of alpha, and of the error of a pass, that was fixed before: their sums are the levels of the
whole run, whatever the tests are and however they depend on each other (Bonferroni over the looks, Holm inside each).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lens_gate.analysis.duet import DuetResult, duet
from lens_gate.analysis.judgement import Judged, overall, pairs_to_cover
from lens_gate.analysis.pairing import PairedSeries, pair_up
from lens_gate.analysis.remedies import SPARE
from lens_gate.analysis.rules import WEIGHTS, Rules
from lens_gate.artifacts.analysis import Coverage, Finding, LookTaken
from lens_gate.artifacts.run import Look
from lens_gate.artifacts.samples import Samples
from lens_gate.vocabulary.outcomes import Outcome

FIRST_LOOK = 24
"""Fewer pairs than these are never worth a look."""

MOST_LOOKS = 6

CLOSE = 1.15
"""A look this little after the first one that can cover rare events is left out."""


def plan_looks(most_pairs: int, rules: Rules) -> tuple[int, ...]:
    """Return after how many pairs of a series to look: each time twice as many, at last at the most.

    Where rare events must be covered, a look lies where that is first possible.
    """
    looks = [most_pairs]
    while looks[0] // 2 >= FIRST_LOOK and len(looks) < MOST_LOOKS:
        looks.insert(0, looks[0] // 2)
    needed = [pairs for one in rules.cover if (pairs := pairs_to_cover(one, rules)) is not None]
    first_cover = round(SPARE * max(needed, default=0))
    if looks[0] < first_cover < most_pairs:
        hardly_later = {look for look in looks[:-1] if first_cover <= look < CLOSE * first_cover}
        looks = sorted({first_cover, *looks} - hardly_later)
    return tuple(looks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What the looks so far say: each series as it stood when it was decided, the others as of the last look."""

    duet: DuetResult
    series: tuple[PairedSeries, ...]
    open: frozenset[str]
    regressed: bool
    taken: tuple[LookTaken, ...]

    @property
    def decided(self) -> bool:
        """Whether nothing that is still to come could change the verdict."""
        return self.regressed or not self.open


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run needs to know of its looks: the series that are still open, and whether the verdict is clear."""

    open: frozenset[str]
    decided: bool


def progress(samples: Samples, looks: Sequence[Look], rules: Rules, limit_ns: float) -> Progress:
    """Return how far the looks have come (see `settle`), without anything that cannot go to another process."""
    settled = settle(samples, looks, rules, limit_ns)
    return Progress(settled.open, settled.decided)


@dataclass(slots=True)
class _Standing:
    """What stands of the series that are decided, or of those that were looked at last."""

    judged: list[Judged] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    coverage: list[Coverage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    series: list[PairedSeries] = field(default_factory=list)

    def take(self, result: DuetResult, series: Sequence[PairedSeries], names: frozenset[str]) -> None:
        """Add what a result says of these series."""
        self.judged += [one for one in result.judged if one.finding.series in names]
        self.findings += [one for one in result.findings if one.series in names]
        self.coverage += [one for one in result.coverage if one.series in names]
        self.notes += [note for note in result.notes if any(note.startswith(f"{name}: ") for name in names)]
        self.series += [one for one in series if one.series in names]


def settle(samples: Samples, looks: Sequence[Look], rules: Rules, limit_ns: float) -> Settled:
    """Repeat every look that was taken, each on the pairs that it saw.

    A series that passed is asked nothing more; a regression of any series ends the run. `limit_ns` is the request
    timeout at which latencies are cut.
    """
    standing, open_now = _Standing(), frozenset(str(name) for name in set(samples.texts["series"].strings()))
    taken: list[LookTaken] = []
    result, series = DuetResult(judged=(), findings=(), coverage=(), notes=()), tuple[PairedSeries, ...]()
    regressed, spent = False, 0.0
    for look in looks:
        at_look = replace(rules, alpha=rules.alpha * look.share, pass_tail=rules.pass_tail * look.share)
        series = pair_up(_seen(samples, look, open_now), limit_ns=limit_ns)
        result = duet(series, at_look, spent=spent)
        said = {name: overall(f for f in result.findings if f.series == name) for name in sorted(open_now)}
        passed = frozenset(name for name, outcome in said.items() if outcome is Outcome.PASS)
        regressed = Outcome.REGRESSION in said.values()
        taken.append(LookTaken(pairs=look.pairs, alpha=at_look.alpha, outcomes=said))
        standing.take(result, series, passed)
        # A series that passed keeps its share of alpha: which ones are left is no chance, and so they get no more.
        spent += sum(WEIGHTS[one.question.hypothesis] for one in result.judged if one.finding.series in passed)
        open_now -= passed
        if regressed or not open_now:
            break
    standing.take(result, series, open_now)
    return Settled(
        duet=DuetResult(
            judged=tuple(standing.judged),
            findings=tuple(standing.findings),
            coverage=tuple(standing.coverage),
            notes=tuple(standing.notes),
        ),
        series=tuple(standing.series),
        open=open_now,
        regressed=regressed,
        taken=tuple(taken),
    )


def _seen(samples: Samples, look: Look, names: frozenset[str]) -> Samples:
    """Return the requests of these series that belong to the pairs of a look."""
    column = samples.texts["series"]
    asked = np.array([value in names for value in column.values] + [False], dtype=np.bool_)[column.codes]
    return samples.where(asked & (samples.numbers["pair"] < look.through_pair))
