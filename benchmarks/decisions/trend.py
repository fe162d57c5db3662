"""How right is `lens-gate trend`? `python -m benchmarks.decisions.trend [--series 2000] [--otava FOLDER]`.

Series of 60 runs are drawn with known noise and known truth, and a check is made after every run, as a pipeline would.
What is counted, for every rule alike:

* An alarm names a run from which on the level is higher. It is new unless an alarm of an earlier check named a run at
  most 3 away from that. A slope names no run: its alarm is new where the check before raised none.
* False alarms a run: new alarms of the checks after runs 20 to 60 of flat series, by the number of these checks.
* A step or creep begins with run 46, the first of 15 changed runs. A step is found by a new alarm after any of them
  that names a run at most 3 away from run 46; creep, and anything by a slope, by any new alarm after any of them.
* Delay: how many changed runs had followed the first one. A series where nothing was found counts as endless.

Change points are found by reading a series once: what is found after a run depends on the runs up to it only. That is
checked here on some series by judging every prefix on its own through `trends.trend`.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from benchmarks.decisions.tables import Share, table
from numpy.typing import NDArray

from lens_gate.artifacts.envelope import Fingerprint, Provenance
from lens_gate.artifacts.trend import TrendPolicy, TrendRule
from lens_gate.config.model import Regression
from lens_gate.stats.change_points import NEAR, change_points
from lens_gate.stats.shift import level_shift
from lens_gate.trends.creep import judged_creep
from lens_gate.trends.history import RunRecord
from lens_gate.trends.line import Line, line_of
from lens_gate.trends.policy import TrendChoices, trend_policy
from lens_gate.trends.ruled import Ruled
from lens_gate.trends.slopes import judged_regression, judged_robust
from lens_gate.trends.trend import trend
from lens_gate.vocabulary.outcomes import Outcome

Floats = NDArray[np.float64]
Alarms = Sequence[tuple[int, int]]
"""The run (from 0) after which an alarm was raised, and the run that it names."""

SEED = 20260301
RUNS = 60
CHANGE = 45
"""The first changed run, counted from 0."""
FIRST_CHECK = 19
CHECKS = RUNS - FIRST_CHECK
LONG = 200
LENGTHS = ((11, 19), (20, 60), (61, 120), (121, LONG))
KEY = ("sim/model", "median_latency")
OTAVA = "apache-otava==0.8.0"


# What is drawn


def _autoregressive(rng: np.random.Generator, shape: tuple[int, int], correlation: float) -> Floats:
    fresh = rng.standard_normal(shape)
    values = fresh.copy()
    for run in range(1, shape[1]):
        values[:, run] = correlation * values[:, run - 1] + math.sqrt(1 - correlation**2) * fresh[:, run]
    return values


def _outliers(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return 0.05 * rng.standard_normal(shape) + math.log(2) * (rng.random(shape) < 0.05)


NOISES: Mapping[str, Callable[[np.random.Generator, tuple[int, int]], Floats]] = {
    "normal, 5 %": lambda rng, shape: 0.05 * rng.standard_normal(shape),
    "jumps, 5 %": lambda rng, shape: 0.05 * rng.standard_t(2.5, shape),
    "jumps, 3.5 %": lambda rng, shape: 0.035 * rng.standard_t(2.5, shape),
    "normal, 2 %": lambda rng, shape: 0.02 * rng.standard_normal(shape),
    "skewed up, 5 %": lambda rng, shape: 0.05 * (rng.standard_exponential(shape) - 1),
    "one run in 20 doubled": _outliers,
    "correlated 0.3, 5 %": lambda rng, shape: 0.05 * _autoregressive(rng, shape, 0.3),
    "correlated 0.5, 5 %": lambda rng, shape: 0.05 * _autoregressive(rng, shape, 0.5),
}
"""Of the logarithm, from run to run. Jumps are Student's t with 2.5 degrees of freedom times the scale."""

GOALS = ("normal, 5 %", "jumps, 5 %")

AFTER: Floats = np.maximum(np.arange(RUNS, dtype=np.float64) - CHANGE + 1, 0)
FLAT = "flat"
STEP = "step +10 %"
TRUTHS: Mapping[str, Floats] = {
    FLAT: np.zeros(RUNS),
    STEP: math.log(1.10) * np.minimum(AFTER, 1),
    "step +5 %": math.log(1.05) * np.minimum(AFTER, 1),
    "creep 1 % a run": math.log(1.01) * AFTER,
}
CHANGES = [truth for truth in TRUTHS if truth != FLAT]


def drawn(noise: str, truth: str, count: int) -> Floats:
    """Return the logarithms of so many series; all truths of one noise share their noise."""
    rng = np.random.default_rng([SEED, list(NOISES).index(noise)])
    return NOISES[noise](rng, (count, RUNS)) + TRUTHS[truth]


_START = datetime(2026, 1, 1, tzinfo=UTC)
_PLACE = Fingerprint(runner="simulated", platform="none", python="none", config_hash="none")


def records(values: Floats) -> list[RunRecord]:
    """Return one run a value, a day apart, around one second."""
    return [
        RunRecord(
            file=f"run-{number}.json",
            run=f"run-{number}",
            name="simulated",
            start=_START + timedelta(days=number),
            commit=None,
            branch=None,
            fingerprint=_PLACE,
            defect=None,
            values={KEY: 1000 * math.exp(value)},
        )
        for number, value in enumerate(values)
    ]


# What is counted


@dataclass(frozen=True, slots=True)
class Rate:
    """A number per run, in percent, with its standard error over series."""

    value: float
    error: float

    @classmethod
    def of(cls, counts: Sequence[int], *, checks: int) -> Rate:
        """Return the mean of the counts of each series, by its checks."""
        values = 100 * np.asarray(counts) / checks
        return cls(float(values.mean()), float(values.std() / math.sqrt(len(values))))

    def __str__(self) -> str:
        return f"{self.value:.2f} ± {self.error:.2f} %"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one rule did on many series of one noise."""

    false_alarms: Rate
    series_with_any: Share
    found: Mapping[str, Share]
    delay: Mapping[str, float]


def new_alarms(raised: Alarms) -> Alarms:
    """Drop the alarms that name the same shift as one of an earlier check, or of the same check."""
    named: list[int] = []
    fresh = []
    for run, index in raised:
        if all(abs(index - earlier) > NEAR for earlier in named):
            fresh.append((run, index))
        named.append(index)
    return fresh


def scored(alarms: Callable[[Floats], Alarms], noise: str, count: int, *, places: bool = True) -> Score:
    """Score a rule that returns its new alarms for each series; `places` says that these name runs."""
    flat = [sum(run >= FIRST_CHECK for run, _ in alarms(line)) for line in drawn(noise, FLAT, count)]
    delays = {
        truth: [_delay(alarms(line), near=places and truth.startswith("step")) for line in drawn(noise, truth, count)]
        for truth in CHANGES
    }
    return Score(
        false_alarms=Rate.of(flat, checks=CHECKS),
        series_with_any=Share(sum(alarm > 0 for alarm in flat), count),
        found={truth: Share(sum(map(math.isfinite, found)), count) for truth, found in delays.items()},
        delay={truth: float(np.median(found)) for truth, found in delays.items()},
    )


def _delay(alarms: Alarms, *, near: bool) -> float:
    return next(
        (run - CHANGE for run, index in alarms if run >= CHANGE and (not near or abs(index - CHANGE) <= NEAR)), math.inf
    )


# Our own rules


def shift_alarms(line: Floats) -> Alarms:
    """Return the new alarms of change points, by reading the series once."""
    return [(alarm.run, alarm.index) for alarm in change_points(line).alarms if alarm.rises]


def slope_alarms(judge: Callable[[Line, TrendPolicy], Ruled], policy: TrendPolicy) -> Callable[[Floats], Alarms]:
    """Return a rule that judges each prefix, and whose alarm is new where it did not stand after the run before."""

    def alarms(values: Floats) -> Alarms:
        whole = line_of(KEY, records(values))
        prefixes = (replace(whole, points=whole.points[:end], numbers=whole.numbers[:end]) for end in _ENDS)
        standing = [judge(line, policy).finding.outcome is Outcome.REGRESSION for line in prefixes]
        before = [False, *standing]
        return [
            (end - 1, end - 1)
            for end, now, earlier in zip(_ENDS, standing, before, strict=False)
            if now and not earlier
        ]

    return alarms


_ENDS = range(FIRST_CHECK + 1, RUNS + 1)


def prefix_alarms(values: Floats) -> Alarms:
    """Return the new alarms of `trends.trend`, called anew after every run with the whole history so far."""
    policy = trend_policy(TrendChoices(threshold_percent=0.0), Regression())
    provenance = Provenance(tool_version="0", created_at="2026-03-01T00:00:00Z")
    runs = records(values)
    raised = []
    for end in range(1, RUNS + 1):
        (series,) = trend(runs[:end], policy, provenance=provenance).series
        raised += [(end - 1, shift.index) for shift in series.shifts if shift.alarm]
    return new_alarms(raised)


def agreement(noise: str, count: int) -> int:
    """Return on how many of so many series one reading and a check after every run raise the same alarms."""
    return sum(list(prefix_alarms(line)) == list(shift_alarms(line)) for line in drawn(noise, STEP, count))


def coverage(noise: str, count: int) -> tuple[Share, float, float]:
    """Return how often the 99 % interval after run 60 holds a step of 10 %, and the median estimates in percent.

    The second figure is the median at the moment of the alarm, the third after run 60.
    """
    held, early, late = 0, [], []
    for line in drawn(noise, STEP, count):
        found = change_points(line)
        first = next((one for one in found.alarms if one.rises and abs(one.index - CHANGE) <= NEAR), None)
        last = next((one for one in found.shifts if one.rises and abs(one.index - CHANGE) <= NEAR), None)
        if first is None or last is None:
            continue
        early.append(level_shift(line[first.index : first.run + 1], line[: first.index], tail=0.005).estimate)
        moved = level_shift(line[last.index :], line[: last.index], tail=0.005)
        late.append(moved.estimate)
        held += moved.lower is not None and moved.upper is not None and moved.lower <= math.log(1.1) <= moved.upper
    return Share(held, len(late)), 100 * math.expm1(np.median(early)), 100 * math.expm1(np.median(late))


def by_length(noise: str, count: int) -> str:
    """Return the new false alarms of change points a run, by how many runs the history holds."""
    rng = np.random.default_rng([SEED, list(NOISES).index(noise), LONG])
    raised = [shift_alarms(line) for line in NOISES[noise](rng, (count, LONG))]
    rates = [
        (
            first,
            last,
            Rate.of([sum(first <= run + 1 <= last for run, _ in one) for one in raised], checks=last - first + 1),
        )
        for first, last in LENGTHS
    ]
    return "; ".join(f"{first} to {last} runs {rate}" for first, last, rate in rates)


def ours(count: int, noises: Sequence[str]) -> Iterator[tuple[str, str, Score]]:
    """Yield the scores of our rules; the slow ones judge a tenth of the series, of the two chief noises only."""
    usual = trend_policy(TrendChoices(rules=tuple(TrendRule), anchor="run-0"), Regression())
    eager = usual.model_copy(update={"max_slope_percent": 0.5})
    for noise in noises:
        yield "`change_points`", noise, scored(shift_alarms, noise, count)
    slow: Mapping[str, tuple[Callable[[Line, TrendPolicy], Ruled], TrendPolicy]] = {
        "`linear_regression`, 10 runs, 5 % a run": (judged_regression, usual),
        "`linear_regression`, 10 runs, 0.5 % a run": (judged_regression, eager),
        "`theil_sen`, 30 runs": (judged_robust, usual),
        "`creep` against run 1": (judged_creep, usual),
    }
    for name, (judge, policy) in slow.items():
        for noise in (noise for noise in noises if noise in GOALS):
            yield name, noise, scored(slope_alarms(judge, policy), noise, max(count // 10, 2), places=False)


# The rule to beat


def otava_alarms(folder: Path, lines: Sequence[Floats]) -> list[Alarms]:
    """Return the new alarms of the real apache-otava, in an environment of its own in `folder`."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", OTAVA], check=True)
    script = Path(__file__).with_name("otava_checks.py")
    asked = json.dumps({"first": FIRST_CHECK, "lines": [np.exp(line).tolist() for line in lines]})
    done = subprocess.run([python, script], input=asked, capture_output=True, text=True, check=True)
    return [new_alarms([(run, index) for run, index in raised]) for raised in json.loads(done.stdout)]


def otava(folder: Path, noise: str, count: int) -> tuple[str, str, Score]:
    """Return the score of apache-otava; all series of a truth are judged by one process."""
    known: dict[bytes, Alarms] = {}
    for truth in TRUTHS:
        lines = list(drawn(noise, truth, count))
        known |= {line.tobytes(): found for line, found in zip(lines, otava_alarms(folder, lines), strict=True)}
    return OTAVA, noise, scored(lambda line: known[line.tobytes()], noise, count)


# Real services


def real_lines(folder: Path) -> list[Floats]:
    """Return the logarithms of the daily medians of every service with at least 40 days of 20 answers or more."""
    found: dict[str, list[float]] = {}
    for path in sorted(folder.glob("*.json")):
        for service in json.loads(path.read_text(encoding="utf-8"))["results"]:
            times = [one["ttiMs"] for one in service["iterations"] if one.get("ttiMs") and not one.get("error")]
            if len(times) >= 20:
                found.setdefault(service["provider"], []).append(math.log(np.median(times)))
    return [np.array(line) for line in found.values() if len(line) >= 40]


def real(folder: Path, otava_folder: Path | None) -> str:
    """Return how often each rule alarms on real services, of which nobody knows when they changed."""
    lines = real_lines(folder)
    rules = {"`change_points`": [shift_alarms(line) for line in lines]}
    if otava_folder:
        rules[OTAVA] = otava_alarms(otava_folder, lines)
    checks = sum(len(line) - FIRST_CHECK for line in lines)
    counts = {rule: sum(run >= FIRST_CHECK for one in found for run, _ in one) for rule, found in rules.items()}
    head = ("rule", f"new alarms a check, {len(lines)} real services")
    return table(head, ((rule, Share(count, checks)) for rule, count in counts.items()))


# What is printed


def scores(rows: Sequence[tuple[str, str, Score]]) -> str:
    """Return the figures as Markdown."""
    head = ["rule", "noise from run to run", "new false alarms a run", "flat series with any"]
    return table(
        [*head, *(f"{truth}: found (median delay)" for truth in CHANGES)],
        (
            [rule, noise, score.false_alarms, score.series_with_any, *(_found(score, truth) for truth in CHANGES)]
            for rule, noise, score in rows
        ),
    )


def _found(score: Score, truth: str) -> str:
    delay = score.delay[truth]
    return f"{score.found[truth]} ({f'{delay:g}' if math.isfinite(delay) else 'endless'})"


def checked(noise: str, count: int) -> str:
    """Return how true the estimates are, and that one reading is worth a check after every run."""
    held, early, late = coverage(noise, count)
    some = max(count // 100, 2)
    return (
        f"{noise}: the 99 % interval after run 60 holds a found step of +10 % in {held}; its median estimate is "
        f"{early:+.1f} % at the alarm and {late:+.1f} % after run 60. On {agreement(noise, some)} of {some} series a "
        "check after every run raised the alarms that one reading finds. New false alarms a run, by length of the "
        f"history: {by_length(noise, max(count // 4, 2))}.\n"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--series", type=int, default=2000, help="series for each noise and truth")
    parser.add_argument("--noise", action="append", choices=list(NOISES), help="only this noise; repeatable")
    parser.add_argument("--otava", type=Path, help=f"also score {OTAVA} on half of the series; made in this folder")
    parser.add_argument("--only-otava", action="store_true", help="leave our own rules out")
    parser.add_argument("--data", type=Path, help="also judge the real services in this folder (computesdk-tti)")
    chosen = parser.parse_args(arguments)
    noises = chosen.noise or list(NOISES)
    began = time.process_time()
    rows = [] if chosen.only_otava else list(ours(chosen.series, noises))
    if chosen.otava:
        rows += [otava(chosen.otava, noise, max(chosen.series // 2, 2)) for noise in noises]
    print(scores(rows))
    if not chosen.only_otava:
        print("\n".join(checked(noise, chosen.series) for noise in noises if noise in GOALS))
    if chosen.data:
        print(real(chosen.data, chosen.otava))
    print(f"seed {SEED}, {chosen.series} series, {time.process_time() - began:.0f} s of CPU", file=sys.stderr)


if __name__ == "__main__":
    main()
