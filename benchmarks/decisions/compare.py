"""A comparison of four models: claims of differences that are none, and how often a slower one is told apart.

`python -m benchmarks.decisions.compare [--false-claims N] [--power N] [--processes P]`, N comparisons a cell. Four
copies of a profile are drawn side by side, and ranked by the function that the commands call.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from benchmarks.decisions.generator import DRIFT_5, PROFILES, UNCHANGED, Change, Profile, alternatives
from benchmarks.decisions.tables import Share, draw, table

from lens_gate.analysis.compare import rank
from lens_gate.analysis.rules import rules_of
from lens_gate.artifacts.analysis import Pairwise, Ranking
from lens_gate.config.model import Regression
from lens_gate.vocabulary.metrics import Hypothesis

Drawn = TypeVar("Drawn")

SEED = 20260201
MODELS = 4
LIMIT_NS = 60e9
LATENCIES = {
    Hypothesis.TTFT: "first token",
    Hypothesis.PER_TOKEN: "time per token",
    Hypothesis.TOTAL: "whole answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Copies of one profile, each with a change of its own, in so many blocks."""

    profile: Profile
    blocks: int
    changes: tuple[Change, ...] = (UNCHANGED,) * MODELS
    alpha: float = 0.01


def ranked_once(cell: Cell, rng: np.random.Generator) -> Ranking:
    """Draw one comparison, and judge it as `lens-gate compare` does."""
    samples = alternatives(rng, cell.profile, cell.changes, blocks=cell.blocks, weather=DRIFT_5)
    rules = rules_of(Regression(alpha=cell.alpha))
    ranking = rank(samples, {}, rules, limit_ns=LIMIT_NS, requests_per_second=None)
    assert ranking is not None
    return ranking


def claims(ranking: Ranking, *, beside: str | None = None) -> bool:
    """Whether any two models, other than the one named, are said to differ in anything."""
    return any(_differs(pair) and beside not in _both(pair) for metric in ranking.metrics for pair in metric.pairs)


def _both(pair: Pairwise) -> tuple[str, str]:
    return pair.series, pair.other


def _differs(pair: Pairwise) -> bool:
    return pair.relation == "differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One comparison with a slower model: from how many of the others it was told apart, by each latency."""

    apart: dict[Hypothesis, int]
    false_claim: bool


def seen_once(cell: Cell, rng: np.random.Generator) -> Seen:
    """Count the models that the last one, which is slow, was told apart from, and look for claims about the others."""
    slow = f"sim/{cell.profile.name}-{len(cell.changes)}"
    ranking = ranked_once(cell, rng)
    by_metric = {metric.hypothesis: metric.pairs for metric in ranking.metrics}
    return Seen(
        apart={
            latency: sum(_differs(pair) and slow in _both(pair) for pair in by_metric[latency]) for latency in LATENCIES
        },
        false_claim=claims(ranking, beside=slow),
    )


def claimed_once(cell: Cell, rng: np.random.Generator) -> bool:
    """Whether one comparison of equal models claims a difference."""
    return claims(ranked_once(cell, rng))


def false_claims(runs: int, blocks: Sequence[int], processes: int) -> str:
    """Return the table of claims where all four models are the same."""
    circumstances = [(alpha, count) for alpha in (0.01, 0.1) for count in blocks]
    counts = {
        profile.name: [
            sum(_draw(claimed_once, Cell(profile=profile, blocks=count, alpha=alpha), runs, processes))
            for alpha, count in circumstances
        ]
        for profile in PROFILES
    }
    rows = [[name, *(Share(count, runs) for count in own)] for name, own in counts.items()]
    together = ["together", *(Share(sum(own), runs * len(counts)) for own in zip(*counts.values(), strict=True))]
    head = ["all four are the same", *(f"alpha {100 * alpha:g} %, {count} blocks" for alpha, count in circumstances)]
    return table(head, [*rows, together])


def power(runs: int, blocks: int, percent: float, processes: int) -> str:
    """Return the table of how often one slower model was told apart from each of the three others, and from all."""
    rows = []
    for profile in PROFILES:
        changes = (*(UNCHANGED,) * (MODELS - 1), Change.slower(percent))
        cell = Cell(profile=profile, blocks=blocks, changes=changes)
        seen = _draw(seen_once, cell, runs, processes)
        pairs = [_mean([one.apart[latency] / (MODELS - 1) for one in seen]) for latency in LATENCIES]
        whole = Share(sum(one.apart[Hypothesis.TOTAL] == MODELS - 1 for one in seen), runs)
        rows.append([profile.name, *pairs, whole, Share(sum(one.false_claim for one in seen), runs)])
    names = [f"{name}, each pair" for name in LATENCIES.values()]
    head = [f"one is slower by {percent:g} %, {blocks} blocks", *names, "whole answer, from all three", "other claims"]
    return table(head, rows)


def _mean(shares: Sequence[float]) -> str:
    """Write a mean share in percent with its standard error: the pairs of one comparison are no independent ones."""
    return f"{100 * np.mean(shares):.3g} ± {100 * np.std(shares) / len(shares) ** 0.5:.2g} %"


def _draw(one: Callable[[Cell, np.random.Generator], Drawn], cell: Cell, runs: int, processes: int) -> list[Drawn]:
    return draw(partial(one, cell), seed=[SEED, PROFILES.index(cell.profile)], count=runs, processes=processes)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--false-claims", type=int, default=250)
    parser.add_argument("--power", type=int, default=200)
    parser.add_argument("--blocks", type=int, nargs="+", default=[30, 100])
    parser.add_argument("--slower", type=float, default=10.0, help="percent")
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    if asked.false_claims:
        print(false_claims(asked.false_claims, asked.blocks, asked.processes))
    if asked.power:
        print(power(asked.power, max(asked.blocks), asked.slower, asked.processes))


if __name__ == "__main__":
    main()
