"""The duet with a fixed number of pairs: false alarms, power and outcomes.

`python -m benchmarks.decisions.fixed [--false-alarms N] [--power N] [--outcomes N] [--processes P]`, N gates a cell.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np
from benchmarks.decisions.generator import DRIFT_5, PROFILES, UNCHANGED, WEATHERS, Change, Weather, duet
from benchmarks.decisions.tables import Share, draw, table

from lens_gate.analysis.attribution import attributed_duet
from lens_gate.analysis.duet import duet as judged_duet
from lens_gate.analysis.duet import stepped_down
from lens_gate.analysis.judgement import overall
from lens_gate.analysis.pairing import pair_up
from lens_gate.analysis.questions import ask
from lens_gate.analysis.rules import rules_of
from lens_gate.artifacts.analysis import Finding
from lens_gate.config.model import Regression, ThresholdMethod
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Outcome

Drawn = TypeVar("Drawn")

SEED = 20260101
PAIRS = (30, 100, 300, 1000)
LIMIT_NS = 60e9
LATENCIES = (
    Hypothesis.TTFT,
    Hypothesis.PER_TOKEN,
    Hypothesis.TOTAL,
    Hypothesis.TOTAL_EQUAL_LENGTH,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How many gates a cell is made of, and how many processes draw them."""

    gates: int
    processes: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One circumstance: how many pairs under which weather, and what was changed in which profiles."""

    pairs: int
    weather: Weather
    change: Change = UNCHANGED
    affected: tuple[str, ...] = tuple(profile.name for profile in PROFILES)
    regression: Regression = field(default_factory=Regression)


def gate(cell: Cell, rng: np.random.Generator) -> tuple[Finding, ...]:
    """Draw one duet and return its findings, by the function that `lens-gate analyze` calls."""
    samples = duet(rng, pairs=cell.pairs, weather=cell.weather, change=cell.change, affected=cell.affected)
    return judged_duet(pair_up(samples, limit_ns=LIMIT_NS), rules_of(cell.regression)).findings


def _established(cell: Cell, rng: np.random.Generator) -> frozenset[tuple[str, Hypothesis]]:
    """Return what one duet establishes: the part of an analysis that alarms come from, without its intervals."""
    samples = duet(rng, pairs=cell.pairs, weather=cell.weather, change=cell.change, affected=cell.affected)
    questions = [question for series in pair_up(samples, limit_ns=LIMIT_NS) for question in ask(series)[0]]
    rules = rules_of(cell.regression)
    judged = zip(questions, stepped_down(questions, rules), strict=True)
    return frozenset((asked.series, asked.hypothesis) for asked, one in judged if one.adjusted_p < rules.alpha)


def _established_at_equal_cache(cell: Cell, rng: np.random.Generator) -> frozenset[tuple[str, Hypothesis]]:
    """Return the models whose first token comes later at equal cache, at the level that the raw question is held to."""
    samples = duet(rng, pairs=cell.pairs, weather=cell.weather, change=cell.change, affected=cell.affected)
    series, rules = pair_up(samples, limit_ns=LIMIT_NS), rules_of(cell.regression)
    questions = [question for one in series for question in ask(one)[0]]
    levels = {
        question.series: one.level
        for question, one in zip(questions, stepped_down(questions, rules), strict=True)
        if question.hypothesis is Hypothesis.TTFT
    }
    found = ((one.series, one.ttft_at_equal_cache) for one in attributed_duet(series))
    return frozenset(
        (name, Hypothesis.TTFT)
        for name, one in found
        if one is not None and (one.effect.estimate or 0) > 0 and one.p_value / 2 < levels[name]
    )


def false_alarms(effort: Effort, *, pairs: Sequence[int] = PAIRS) -> str:
    """Return how many gates establish anything although nothing was changed: a table of every cell."""
    rows, counts = [], []
    for number, weather in enumerate(WEATHERS):
        found = [
            sum(bool(one) for one in _drawn(_established, Cell(pairs=count, weather=weather), (1, number), effort))
            for count in pairs
        ]
        counts += found
        rows.append([weather.name, *(f"{alarms} of {effort.gates}" for alarms in found)])
        print(f"  {weather.name}: {found}", file=sys.stderr, flush=True)
    pooled = Share(sum(counts), effort.gates * len(counts))
    return table(["nothing changed", *(f"{count} pairs" for count in pairs)], rows) + f"\nAll together: {pooled}.\n"


def _drawn(
    one: Callable[[Cell, np.random.Generator], Drawn], cell: Cell, seed: tuple[int, ...], effort: Effort
) -> list[Drawn]:
    asked = partial(one, cell)
    return draw(asked, seed=(SEED, *seed, cell.pairs), count=effort.gates, processes=effort.processes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """A change to one of the four models, and the questions of which one must be established to have seen it."""

    name: str
    change: Change
    pairs: tuple[int, ...]
    seen_by: tuple[Hypothesis, ...]
    at_equal_cache: bool = False


POWERS = (
    Power(name="every latency +10 %", change=Change.slower(10), pairs=(100, 300), seen_by=LATENCIES),
    Power(name="every latency +5 %", change=Change.slower(5), pairs=(100, 300), seen_by=LATENCIES),
    Power(name="first token +10 %", change=Change(ttft=1.1), pairs=(100, 300, 500), seen_by=(Hypothesis.TTFT,)),
    Power(
        name="first token +10 %, at equal cache",
        change=Change(ttft=1.1),
        pairs=(300,),
        seen_by=(Hypothesis.TTFT,),
        at_equal_cache=True,
    ),
    Power(
        name="broken prefix cache",
        change=Change(cache_lost=1.0),
        pairs=(100,),
        seen_by=(Hypothesis.TTFT, Hypothesis.COST, Hypothesis.CACHED_SHARE),
    ),
    Power(
        name="5 % of first tokens 3 TTFT later",
        change=Change(late=0.05),
        pairs=(300, 500, 1000),
        seen_by=(Hypothesis.TTFT_TAIL_EXCESS, Hypothesis.TTFT_TAIL_EXCEEDANCE),
    ),
    Power(
        name="one answer in five 5 times as long",
        change=Change(far_longer=0.2),
        pairs=(100,),
        seen_by=(Hypothesis.TOTAL, Hypothesis.COST, Hypothesis.OUTPUT_LENGTH),
    ),
    Power(name="errors 1 → 4 %", change=Change(errors=0.03), pairs=(300, 1000), seen_by=(Hypothesis.ERRORS,)),
)


def power(effort: Effort, *, weather: Weather = DRIFT_5) -> str:
    """Return how often a change to one model is established there, profile by profile."""
    rows: list[list[object]] = []
    for number, asked in enumerate(POWERS):
        only_cached = asked.change.cache_lost > 0 or asked.at_equal_cache
        names = [p.name for p in PROFILES if p.cache_hits or not only_cached]
        one = _established_at_equal_cache if asked.at_equal_cache else _established
        for pairs in asked.pairs:
            seen: dict[str, Share] = {}
            for place, name in enumerate(names):
                cell = Cell(pairs=pairs, weather=weather, change=asked.change, affected=(name,))
                wanted = {(f"sim/{name}", hypothesis) for hypothesis in asked.seen_by}
                drawn = _drawn(one, cell, (2, number, place), effort)
                seen[name] = Share(sum(bool(one & wanted) for one in drawn), effort.gates)
            worst = min(seen.values(), key=lambda share: share.count)
            rows.append([asked.name, pairs, worst, *(seen.get(p.name, "–") for p in PROFILES)])
            print(f"  {asked.name}, {pairs} pairs: {worst}", file=sys.stderr, flush=True)
    return table(["change to one model", "pairs", "worst profile", *(p.name for p in PROFILES)], rows)


def _outcomes(cell: Cell, rng: np.random.Generator) -> tuple[Outcome, frozenset[tuple[str, Hypothesis | None]]]:
    """Return the outcome of a gate, and which of the latencies passed."""
    findings = gate(cell, rng)
    passed = ((f.series, f.hypothesis) for f in findings if f.outcome is Outcome.PASS and f.hypothesis in LATENCIES)
    return overall(findings), frozenset(passed)


def margin(percent: float) -> Regression:
    """Return rules under which this change of any latency is the smallest that matters."""
    names = ("mean_ttft", "mean_tpot", "mean_latency")
    return Regression(
        methods=tuple(ThresholdMethod(type="threshold", metric=name, threshold_percent=percent) for name in names)
    )


def outcomes(effort: Effort, *, pairs: Sequence[int] = (100, 300, 1000)) -> str:
    """Return what gates say when every latency of every model changes by multiples of the margin."""
    rows: list[list[object]] = []
    for percent in (5.0, 10.0):
        for step, multiple in enumerate((0.0, 0.5, 1.0, 1.5, 2.0)):
            for count in pairs:
                change = Change.slower(percent * multiple)
                cell = Cell(pairs=count, weather=DRIFT_5, change=change, regression=margin(percent))
                drawn = _drawn(_outcomes, cell, (3, int(percent), step), effort)
                found = Counter(outcome for outcome, _ in drawn)
                passes = Counter(question for _, passed in drawn for question in passed)
                shares = [
                    Share(found[one], effort.gates) for one in (Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE)
                ]
                single = Share(max(passes.values(), default=0), effort.gates)
                effect = f"{percent * multiple:g} % ({multiple:g} m)"
                rows.append([f"{percent:g} %", effect, count, *shares, single])
    head = ("m", "true effect", "pairs", "pass", "regression", "inconclusive", "most passes of any single latency")
    return table(head, rows)


def main() -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--false-alarms", type=int, default=0, metavar="GATES")
    parser.add_argument("--power", type=int, default=0, metavar="GATES")
    parser.add_argument("--outcomes", type=int, default=0, metavar="GATES")
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    for made, gates in ((false_alarms, asked.false_alarms), (power, asked.power), (outcomes, asked.outcomes)):
        if gates:
            print(f"{gates} gates a cell, alpha 1 %, seed {SEED}\n")
            print(made(Effort(gates=gates, processes=asked.processes)))


if __name__ == "__main__":
    main()
