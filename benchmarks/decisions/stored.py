"""A run against stored runs: false regressions, false passes, outcomes, and what can be seen.

`python -m benchmarks.decisions.stored [--gates N] [--processes P]`: each gate is a run of all four models on a day of
its own, judged against the last 1, 3, 5, 10 and 20 of twenty earlier days by the functions that `lens-gate analyze`
calls. A change makes every latency longer.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from benchmarks.decisions.generator import (
    DRIFT_3,
    DRIFT_5,
    DRIFT_8,
    JUMPS,
    PROFILES,
    SAME_DAY,
    Weather,
    stored_runs,
)
from benchmarks.decisions.tables import Share, draw, table

from lens_gate.analysis.foretold import SCREENED, Foretold, foretell
from lens_gate.analysis.judgement import overall
from lens_gate.analysis.past import Middle, PastSeries
from lens_gate.analysis.quantities import NS_PER_MS, Floats, column, with_status
from lens_gate.analysis.rules import rules_of
from lens_gate.analysis.screen import Screening, judge_foretold
from lens_gate.analysis.stored import match_series, with_control
from lens_gate.artifacts.samples import Samples
from lens_gate.config.model import Regression
from lens_gate.stats.levels import Level, inflation
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.requests import Status

SEED = 20260303
LENGTHS = (1, 3, 5, 10, 20)
WEATHERS = (SAME_DAY, DRIFT_3, DRIFT_5, DRIFT_8, JUMPS)
OFTENER = {SAME_DAY: 2, DRIFT_5: 5, JUMPS: 8}
"""Drawn so many times as often: here the goals are hardest to reach."""

EFFECTS = (0, 10, 20, 50)
TOLD = (1, 3, 20)
"""So many stored runs in the table of all outcomes."""

SCREENING = Screening(rules=rules_of(Regression()), disaster_percent=Regression().disaster_percent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One circumstance: the weather, the requests of each model and run, how many runs are stored, and the control.

    The control's share is taken from the requests. `today` makes the day of the judged run slower, by a logarithm.
    """

    weather: Weather
    requests: int = 100
    lengths: tuple[int, ...] = LENGTHS
    effects: tuple[int, ...] = EFFECTS
    control_share: float = 0.0
    today: float = 0.0

    def asked(self, length: int) -> tuple[int, ...]:
        """Return the effects that are judged with so many stored runs: large ones only where outcomes are told."""
        return self.effects if length in TOLD else tuple(effect for effect in self.effects if effect <= 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one gate says of each model with so many stored runs and such an effect, and the changes it could see."""

    outcomes: Mapping[tuple[int, int], tuple[Outcome, ...]]
    visible: Mapping[int, Mapping[Hypothesis, float]]


def gate(cell: Cell, rng: np.random.Generator) -> Judged:
    """Draw a history and a run, and judge the run by ever more of that history, as it is and made slower."""
    runs = stored_runs(rng, runs=1 + max(cell.lengths), requests=cell.requests, weather=cell.weather, today=cell.today)
    split = rng.random(len(runs[-1])) < cell.control_share
    candidate, control = runs[-1].where(~split), runs[-1].where(split)
    matched = match_series(candidate, runs[-2])
    series = [replace(one, past=tuple(_past(run, one.series) for run in runs[:-1])) for one in matched]
    if cell.control_share:
        series = [with_control(one, control) for one in series]
    outcomes, visible = {}, {}
    for length in cell.lengths:
        foretold = [told for one in series for told in foretell(replace(one, past=one.past[-length:]))]
        for effect in cell.asked(length):
            findings = judge_foretold([slower(told, effect) for told in foretold], SCREENING)
            outcomes[length, effect] = tuple(
                overall(finding for finding in findings if finding.series == one.series) for one in series
            )
            visible[length] = {
                hypothesis: float(
                    np.mean(
                        [
                            f.history.smallest_visible_percent
                            for f in findings
                            if f.history and f.hypothesis is hypothesis
                        ]
                    )
                )
                for hypothesis in SCREENED
            }
    return Judged(outcomes=outcomes, visible=visible)


def _past(run: Samples, series: str) -> PastSeries:
    """Return what a summary of these samples would hold, without making all of it."""
    rows = run.where(run.texts["series"].equals(series) & with_status(run, Status.OK))
    times = {hypothesis: column(rows, quantity) / NS_PER_MS for hypothesis, quantity in SCREENED.items()}
    cached, inputs = rows.numbers["cached_tokens"].sum(), rows.numbers["input_tokens"].sum()
    return PastSeries(
        middles={hypothesis: _middle(values) for hypothesis, values in times.items()},
        cached_percent=100 * float(cached / inputs),
        counted_by_server=True,
    )


def _middle(times: Floats) -> Middle:
    median, p75 = np.quantile(times, (0.5, 0.75)).tolist()
    return Middle(count=len(times), median_ms=median, p75_ms=p75, inflation=inflation(times))


def slower(told: Foretold, percent: float) -> Foretold:
    """Return the same median of a run in which every latency is so much longer."""
    level = told.candidate
    return replace(told, candidate=Level(level.log_value + float(np.log1p(percent / 100)), level.variance))


@dataclass(frozen=True, slots=True)
class Counted:
    """The gates of a cell."""

    gates: Sequence[Judged]

    def false_regressions(self, length: int, effect: int = 0) -> Share:
        """Return how many gates call any model a regression."""
        alarms = sum(Outcome.REGRESSION in gate.outcomes[length, effect] for gate in self.gates)
        return Share(alarms, len(self.gates))

    def models(self, length: int, effect: int, outcome: Outcome, name: str | None = None) -> Share:
        """Return how many models end so; `name` is a single one of them."""
        places = [number for number, profile in enumerate(PROFILES) if name in {None, profile.name}]
        found = Counter(gate.outcomes[length, effect][place] for gate in self.gates for place in places)
        return Share(found[outcome], len(self.gates) * len(places))

    def visible(self, length: int, hypothesis: Hypothesis) -> str:
        """Return the smallest visible change in the middle of the gates, as a mean of the models."""
        return f"{float(np.median([gate.visible[length][hypothesis] for gate in self.gates])):.0f} %"


def counted(cell: Cell, seed: tuple[int, ...], gates: int, processes: int) -> Counted:
    """Draw the gates of a cell."""
    begun = time.process_time()
    drawn = draw(partial(gate, cell), seed=(SEED, *seed, cell.requests), count=gates, processes=processes)
    spent = time.process_time() - begun
    print(
        f"  {cell.weather.name}, {cell.requests} requests: {gates} gates in {spent:.0f} s", file=sys.stderr, flush=True
    )
    return Counted(drawn)


def rates(cells: Mapping[str, Counted], lengths: Sequence[int]) -> str:
    """Return how many gates raise a false alarm, and how many models pass although they are 10 % slower."""
    alarms = [[name, *(found.false_regressions(n) for n in lengths)] for name, found in cells.items()]
    passes = [[name, *(found.models(n, 10, Outcome.PASS) for n in lengths)] for name, found in cells.items()]
    everything = [found.false_regressions(n) for found in cells.values() for n in lengths]
    pooled = Share(sum(share.count for share in everything), sum(share.of for share in everything))
    heads = [f"{n} stored" for n in lengths]
    return (
        f"{table(['gates with a false regression', *heads], alarms)}\nAll together: {pooled}.\n\n"
        f"{table(['models that pass although 10 % slower', *heads], passes)}"
    )


def outcomes(cells: Mapping[str, Counted], lengths: Sequence[int]) -> str:
    """Return what is said of a model, by how much slower it is."""
    named = (Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE)
    rows = [
        [name, length, f"+{effect} %", *(found.models(length, effect, outcome) for outcome in named)]
        for name, found in cells.items()
        for length in lengths
        for effect in EFFECTS
    ]
    return table(["days", "stored", "slower by", "pass", "regression", "inconclusive"], rows)


def by_profile(cells: Mapping[str, Counted], length: int) -> str:
    """Return passes and regressions of each profile."""
    asked = ((0, Outcome.PASS), (20, Outcome.REGRESSION), (50, Outcome.REGRESSION))
    rows = [
        [name, f"+{effect} %: {outcome.value}", *(found.models(length, effect, outcome, p.name) for p in PROFILES)]
        for name, found in cells.items()
        for effect, outcome in asked
    ]
    return table(["days", f"{length} stored", *(profile.name for profile in PROFILES)], rows)


def sight(cells: Mapping[str, Counted], lengths: Sequence[int]) -> str:
    """Return the smallest change that is visible, question by question."""
    rows = [
        [name, hypothesis.value, *(found.visible(length, hypothesis) for length in lengths)]
        for name, found in cells.items()
        for hypothesis in SCREENED
    ]
    return table(["days", "smallest visible change", *(f"{length} stored" for length in lengths)], rows)


CONTROLLED = (3, 20)
WILD_DAY = 0.3
"""A day on which the provider is 35 % slower: with quiet days before it, only a control can know."""


def control(gates: int, processes: int) -> str:
    """Return what a control of 20 % changes, with as many requests in all."""
    rows: list[list[object]] = []
    for number, (weather, today) in enumerate(((DRIFT_5, 0.0), (DRIFT_8, 0.0), (JUMPS, 0.0), (DRIFT_3, WILD_DAY))):
        for share in (0.0, 0.2):
            cell = Cell(
                weather=weather,
                requests=500,
                lengths=CONTROLLED,
                effects=(0, 10, 20),
                control_share=share,
                today=today,
            )
            found = counted(cell, (2, number), gates, processes)
            rows += [
                [
                    f"{weather.name}, +35 % today" if today else weather.name,
                    length,
                    "20 %" if share else "none",
                    found.false_regressions(length),
                    found.models(length, 10, Outcome.PASS),
                    found.models(length, 0, Outcome.PASS),
                    found.models(length, 20, Outcome.REGRESSION),
                    found.visible(length, Hypothesis.TTFT),
                ]
                for length in CONTROLLED
            ]
    head = ["days", "stored", "control", "false regressions", "pass at +10 %", "pass at 0", "regression at +20 %"]
    return table([*head, "visible in the first token"], rows)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gates", type=int, default=150)
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    drawn = partial(counted, processes=asked.processes)
    more = ", ".join(f"{times} times as many: {weather.name}" for weather, times in OFTENER.items())
    print(f"{asked.gates} gates a cell ({more}), alpha 1 %, seed {SEED}\n")
    cells = {
        weather.name: drawn(Cell(weather=weather), (1, number), OFTENER.get(weather, 1) * asked.gates)
        for number, weather in enumerate(WEATHERS)
    }
    longer = drawn(Cell(weather=DRIFT_5, requests=300), (1, len(WEATHERS)), asked.gates)
    shorter = drawn(Cell(weather=JUMPS, requests=30, effects=(0, 10)), (1, len(WEATHERS)), asked.gates)
    print(rates({**cells, "drift 5 %, 300 requests": longer, "jumps, 30 requests": shorter}, LENGTHS))
    print(outcomes({**cells, "drift 5 %, 300 requests": longer}, TOLD))
    print(by_profile({name: cells[name] for name in (SAME_DAY.name, DRIFT_5.name)}, 20))
    print(sight(cells, LENGTHS))
    print(f"With a control: {asked.gates} gates a cell, 500 requests of each model\n")
    print(control(asked.gates, asked.processes))


if __name__ == "__main__":
    main()
