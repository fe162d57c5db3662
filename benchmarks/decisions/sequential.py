"""`run --until-decided`: what the looks decide, and how many requests they save.

`python -m benchmarks.decisions.sequential [--gates N] [--processes P]`: draws duets with as many pairs as the cap
allows and takes the looks that a run would take, by the function that it calls.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from benchmarks.decisions.fixed import LIMIT_NS, margin
from benchmarks.decisions.generator import DRIFT_5, JUMPS, PROFILES, UNCHANGED, Change, Weather, duet
from benchmarks.decisions.tables import Share, draw, table

from lens_gate.analysis.judgement import overall
from lens_gate.analysis.rules import rules_of
from lens_gate.analysis.sequential import plan_looks, settle
from lens_gate.artifacts.run import Look
from lens_gate.config.model import Regression
from lens_gate.vocabulary.outcomes import Cover, Outcome

SEED = 20260202


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One circumstance of a sequential run; the change is made to `affected` profiles."""

    name: str
    cap: int
    regression: Regression
    change: Change = UNCHANGED
    affected: tuple[str, ...] = tuple(profile.name for profile in PROFILES)
    weather: Weather = DRIFT_5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one run ended: its verdict, the pairs that it sent over all series, and whether rare events stayed open."""

    outcome: Outcome
    pairs: int
    uncovered: bool


def run(cell: Cell, rng: np.random.Generator) -> Ended:
    """Draw one run up to its cap, and take its looks until it is decided."""
    samples = duet(rng, pairs=cell.cap, weather=cell.weather, change=cell.change, affected=cell.affected)
    rules = rules_of(cell.regression)
    planned = plan_looks(cell.cap, rules)
    looks = [Look(pairs=pairs, through_pair=pairs, share=1 / len(planned)) for pairs in planned]
    settled = settle(samples, looks, rules, LIMIT_NS)
    return Ended(
        outcome=overall(settled.duet.findings),
        pairs=_sent([(look.pairs, frozenset(look.outcomes)) for look in settled.taken]),
        uncovered=any(one.not_covered for one in settled.duet.coverage),
    )


def _sent(looks: Sequence[tuple[int, frozenset[str]]]) -> int:
    """Count the pairs of all series; one that is no longer looked at is no longer sent."""
    before = 0
    total = 0
    for pairs, names in looks:
        total += (pairs - before) * len(names)
        before = pairs
    return total


def cells() -> tuple[Cell, ...]:
    """Return what is published."""
    covering = Regression(cover=(Cover.TAILS, Cover.ERRORS))
    ten, five = margin(10), margin(5)
    late, errors, cache = Change(late=0.05), Change(errors=0.03), Change(cache_lost=1.0)
    return (
        Cell(name="nothing", cap=600, regression=ten),
        Cell(name="nothing, jumps", cap=600, regression=ten, weather=JUMPS),
        Cell(name="nothing, at equal cache", cap=600, regression=ten, weather=replace(DRIFT_5, cache_felt=False)),
        Cell(name="every latency +5 %", cap=600, regression=ten, change=Change.slower(5)),
        Cell(name="every latency +10 %", cap=600, regression=ten, change=Change.slower(10)),
        Cell(name="every latency +20 %", cap=600, regression=ten, change=Change.slower(20)),
        Cell(
            name="every latency +20 % of one",
            cap=600,
            regression=ten,
            change=Change.slower(20),
            affected=("heavy",),
        ),
        Cell(name="nothing", cap=1000, regression=five),
        Cell(name="every latency +5 %", cap=1000, regression=five, change=Change.slower(5)),
        Cell(name="every latency +10 %", cap=1000, regression=five, change=Change.slower(10)),
        Cell(name="nothing", cap=1200, regression=covering),
        Cell(name="late first tokens, one model", cap=1200, regression=covering, change=late, affected=("clean",)),
        Cell(name="late first tokens, one model", cap=1200, regression=covering, change=late, affected=("heavy",)),
        Cell(name="errors 1 → 4 %, one model", cap=1200, regression=covering, change=errors, affected=("clean",)),
        Cell(name="broken prefix cache", cap=1200, regression=covering, change=cache, affected=("cached",)),
        Cell(name="every latency +20 %", cap=1200, regression=covering, change=Change.slower(20)),
    )


def outcomes(gates: int, processes: int) -> str:
    """Return what each cell's runs decide, and what they save of the requests that the cap allows."""
    rows: list[list[object]] = []
    for number, cell in enumerate(cells()):
        drawn = draw(partial(run, cell), seed=(SEED, number), count=gates, processes=processes)
        found = Counter(one.outcome for one in drawn)
        sent = np.array([one.pairs for one in drawn]) / len(PROFILES)
        saved = 100 * (1 - sent / cell.cap)
        shares = [Share(found[one], gates) for one in (Outcome.REGRESSION, Outcome.PASS, Outcome.INCONCLUSIVE)]
        said = Share(sum(one.uncovered for one in drawn), gates)
        percent = next((m.threshold_percent for m in cell.regression.methods if m.type == "threshold"), 10.0)
        money = f"{saved.mean():.1f} ± {saved.std() / gates**0.5:.1f} %"
        covered = ", ".join(cell.regression.cover) or "–"
        rows.append([f"{percent:g} %", covered, cell.cap, cell.name, *shares, f"{sent.mean():.0f}", money, said])
        print(f"  {cell.cap} {cell.name}: {dict(found)}, saved {money}", file=sys.stderr, flush=True)
    head = ("m", "must cover", "cap", "true change", "regression", "pass", "inconclusive", "pairs a model", "saved")
    return table((*head, "says that something is not covered"), rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gates", type=int, default=400)
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    print(f"{asked.gates} runs a cell, alpha 1 %, seed {SEED}\n")
    print(outcomes(asked.gates, asked.processes))


if __name__ == "__main__":
    main()
