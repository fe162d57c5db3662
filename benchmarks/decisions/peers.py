"""How often do the rules of other tools cry wolf? `python -m benchmarks.decisions.peers [--gates 1000] [--quick]`.

One gate is a family of four models. False alarms are gates in which nothing was changed and a rule flags anything at
all. Power is how often a rule flags a model whose every time is 10 % longer; in brackets stands how often it flags the
same model unchanged, which is what the power is worth. The rules are in `peer_rules`, what they judge is drawn by
`generator`. `--requests N` prints the tables of one size alone; seeds are fixed, so its figures stay the same.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from benchmarks.decisions.classic_rules import TABLED, judged_by_classic
from benchmarks.decisions.generator import PROFILES, WEATHERS, Change, Weather, stored_runs
from benchmarks.decisions.peer_rules import (
    HISTORY,
    HISTORY_RULES,
    QUANTITIES,
    RULES,
    Compared,
    Histories,
    TwoSides,
)
from benchmarks.decisions.rowwise import Flags, Floats
from benchmarks.decisions.two_runs import CELLS, SAME_TIME, SEED, base_and_candidate, seeded

from lens_gate.analysis.quantities import column, with_status
from lens_gate.artifacts.samples import Samples
from lens_gate.vocabulary.requests import Status

SIZES = (30, 100, 300, 1000)
SLOWER_PERCENT = 10.0

BLOCK = 50
"""Gates that are judged in one go."""

IN_A_ROW = 40
"""Gates of one history that follow each other; they share runs, so their standard error is that of whole histories."""

Judged = Mapping[str, tuple[Flags, Flags]]
"""For each rule what it flags of unchanged and of slower candidates: gate, model, and what was asked."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A percentage of so many gates with its standard error, which that between independent parts of them gives."""

    percent: float
    error: float
    gates: int

    def __str__(self) -> str:
        """Write both; what never or always happened is bounded by three in as many."""
        if self.error == 0 and self.percent in {0, 100}:
            return f"{self.percent:.0f} (± {300 / self.gates:.1g})"
        return f"{self.percent:.1f} ± {self.error:.1f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often a rule alarms: per gate of unchanged models, per unchanged model, and per slower model."""

    gates: int
    false_alarms: Rate
    on_unchanged: Rate
    on_slower: Rate

    @classmethod
    def of(cls, unchanged: Flags, slower: Flags, *, in_a_row: int) -> Rates:
        """Count what was flagged; so many gates that follow each other are one independent part."""

        def rate(of_models: Flags) -> Rate:
            parts = of_models.reshape(-1, in_a_row * of_models.shape[1]).mean(axis=1)
            error = float(parts.std(ddof=1)) / math.sqrt(len(parts))
            return Rate(100 * float(parts.mean()), 100 * error, len(of_models))

        of_unchanged, of_slower = (np.asarray(flags.any(axis=2)) for flags in (unchanged, slower))
        return cls(
            gates=len(unchanged),
            false_alarms=rate(np.asarray(of_unchanged.any(axis=1, keepdims=True))),
            on_unchanged=rate(of_unchanged),
            on_slower=rate(of_slower),
        )

    def requests_with_a_rerun(self, sent: int) -> float:
        """Return the mean number of requests when an alarm is answered by running the gate once more."""
        return sent * (1 + self.false_alarms.percent / 100)


def values(samples: Samples) -> Floats:
    """Return model, quantity, request of samples that hold model after model."""
    good = with_status(samples, Status.OK)
    found = np.stack([np.where(good, column(samples, quantity), np.nan) for quantity in QUANTITIES])
    return found.reshape(len(QUANTITIES), len(PROFILES), -1).swapaxes(0, 1)


def two_sides(rng: np.random.Generator, *, gates: int, requests: int, weather: Weather) -> TwoSides:
    """Draw gates of an unchanged version."""
    drawn = [base_and_candidate(rng, requests=requests, weather=weather) for _ in range(gates)]
    base, candidate = (np.stack([values(samples) for samples in side]) for side in zip(*drawn, strict=True))
    return TwoSides(base=base, candidate=candidate)


def judged_by_samples(*, gates: int, requests: int, weather: Weather) -> Judged:
    """Ask the rules that compare two samples."""
    rng = seeded(requests, weather)
    found: dict[str, list[tuple[Flags, Flags]]] = {rule.name: [] for rule in RULES}
    for block in _blocks(gates):
        sides = two_sides(rng, gates=block, requests=requests, weather=weather)
        unchanged, slower = (Compared.of(one, rng) for one in (sides, sides.slower(SLOWER_PERCENT)))
        for rule in RULES:
            found[rule.name].append((rule.alarms(unchanged), rule.alarms(slower)))
    return {name: _joined(blocks) for name, blocks in found.items()}


def _joined(blocks: Sequence[tuple[Flags, Flags]]) -> tuple[Flags, Flags]:
    unchanged, slower = zip(*blocks, strict=True)
    return np.concatenate(unchanged), np.concatenate(slower)


def _blocks(gates: int) -> Iterator[int]:
    for start in range(0, gates, BLOCK):
        yield min(BLOCK, gates - start)


def histories(rng: np.random.Generator, *, requests: int, weather: Weather) -> Histories:
    """Draw one history, and let each of its later runs be the candidate of a gate."""
    runs = stored_runs(rng, runs=HISTORY + IN_A_ROW, requests=requests, weather=weather)
    numbers = np.stack([_numbers(values(run)) for run in runs])
    windows = np.lib.stride_tricks.sliding_window_view(numbers, HISTORY, axis=0)[:IN_A_ROW]
    return Histories(before=np.moveaxis(windows, -1, 1), candidate=numbers[HISTORY:])


def _numbers(run: Floats) -> Floats:
    """Return model, measure: the mean of each quantity, and the share of failed requests."""
    failed = np.isnan(run[:, 0]).mean(axis=-1)
    return np.concatenate([np.nanmean(run, axis=-1), failed[:, None]], axis=-1)


def judged_by_history(*, gates: int, requests: int, weather: Weather) -> Judged:
    """Ask the rules that look back on runs; the number of gates is rounded up to whole histories."""
    rng = seeded(requests, weather)
    drawn = [histories(rng, requests=requests, weather=weather) for _ in range(max(2, math.ceil(gates / IN_A_ROW)))]
    unchanged = Histories(
        before=np.concatenate([one.before for one in drawn]), candidate=np.concatenate([one.candidate for one in drawn])
    )
    slower = unchanged.slower(SLOWER_PERCENT)
    return {rule.name: (rule.alarms(unchanged), rule.alarms(slower)) for rule in HISTORY_RULES}


def judged_by_the_product(*, gates: int, requests: int, weather: Weather) -> Judged:
    """Ask the rules of `decision: classic` as `lens-gate analyze` does; it is slower, so a tenth of the gates."""
    unchanged, slower = (
        judged_by_classic(
            TABLED, gates=max(2, gates // 10), requests=requests, weather=weather, change=Change.slower(percent)
        )
        for percent in (0.0, SLOWER_PERCENT)
    )
    return {name: (flags[..., None], slower[name][..., None]) for name, flags in unchanged.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Rules that are asked alike; `stored_runs` is what must have been measured before the first gate."""

    title: str
    judged: Callable[..., Judged]
    weathers: Sequence[Weather] = CELLS
    in_a_row: int = 1
    stored_runs: int = 1


KINDS = (
    Kind(title="rules on two samples", judged=judged_by_samples),
    Kind(title="lens-gate's own classic rules", judged=judged_by_the_product),
    Kind(
        title=f"rules on a history of {HISTORY} runs",
        judged=judged_by_history,
        weathers=WEATHERS,
        in_a_row=IN_A_ROW,
        stored_runs=HISTORY,
    ),
)


def measured(kind: Kind, *, gates: int, requests: int, weather: Weather) -> Mapping[str, Rates]:
    """Return how often each rule alarms."""
    judged = kind.judged(gates=gates, requests=requests, weather=weather)
    return {name: Rates.of(*flags, in_a_row=kind.in_a_row) for name, flags in judged.items()}


def print_tables(kind: Kind, *, gates: int, requests: int) -> None:
    """Print false alarms, power, and money of all these rules at one size."""
    cells = [measured(kind, gates=gates, requests=requests, weather=weather) for weather in kind.weathers]
    counted = next(iter(cells[0].values())).gates
    once = requests * len(PROFILES)
    print(f"\n### {requests:,} requests a side, {kind.title}; {counted:,} gates a cell\n")
    print("False alarms, % of gates of four unchanged models:\n")
    _print_table(kind, cells, lambda rates, _weather: str(rates.false_alarms))
    print("\nPower, % of models flagged that are 10 % slower (and of the same models unchanged):\n")
    _print_table(kind, cells, lambda rates, _weather: f"{rates.on_slower} ({rates.on_unchanged.percent:.0f})")
    print(
        f"\nMoney. A gate sends {once:,} requests ({2 * once:,} where both sides are measured at the same time), after"
    )
    print(
        f"{kind.stored_runs * once:,} for what is stored. In the mean, when a gate of unchanged models is run once more"
    )
    print("after an alarm:\n")
    _print_table(kind, cells, lambda rates, weather: f"{rates.requests_with_a_rerun(_sent(once, weather)):,.0f}")


def _sent(once: int, weather: Weather) -> int:
    return 2 * once if weather is SAME_TIME else once


def _print_table(kind: Kind, cells: Sequence[Mapping[str, Rates]], shown: Callable[[Rates, Weather], str]) -> None:
    print(f"| rule | {' | '.join(weather.name for weather in kind.weathers)} |")
    print(f"| --- |{' ---: |' * len(kind.weathers)}")
    for rule in cells[0]:
        row = [shown(cell[rule], weather) for cell, weather in zip(cells, kind.weathers, strict=True)]
        print(f"| {rule} | {' | '.join(row)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gates", type=int, default=1000, help="gates in each cell")
    parser.add_argument("--requests", type=int, choices=SIZES, nargs="+", default=SIZES, help="requests a side")
    parser.add_argument("--quick", action="store_true", help="100 gates, and at most 100 requests a side")
    options = parser.parse_args()
    gates = min(options.gates, 100) if options.quick else options.gates
    sizes = [size for size in options.requests if size <= 100 or not options.quick]
    print(f"{len(PROFILES)} models a gate, seed {SEED}; ± is one standard error.")
    for kind in KINDS:
        for size in sizes:
            print_tables(kind, gates=gates, requests=size)


if __name__ == "__main__":
    main()
