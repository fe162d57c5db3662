"""How right is `lens-gate trend`? `python benchmarks/decisions/trend.py [--series 2000] [--otava FOLDER]`.

Series of 60 runs are drawn with known noise and known truth, and a check is made after every run, as a pipeline would.
What is counted, for every rule alike:

* an alarm names a run from which on the level is higher. It is new unless an alarm of an earlier check named a run at
  most 3 away from that. A slope names no run: its alarm is new where the check before raised none.
* false alarms per run: new alarms of the checks after runs 20 to 60 of flat series, by their 41 checks.
* a step or creep begins with run 46, the first of 15 changed runs. A step is found by a new alarm after any of them
  that names a run at most 3 away from run 46; creep, and anything by a slope, by any new alarm after any of them.
* delay: how many changed runs had followed the first one. A series where nothing was found counts as endless.

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
KEY = ("sim/model", "median_latency")
OTAVA = "apache-otava==0.8.0"


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

AFTER = np.maximum(np.arange(RUNS) - CHANGE + 1, 0)
TRUTHS: Mapping[str, Floats] = {
    "flat": np.zeros(RUNS),
    "step +10 %": math.log(1.10) * (AFTER > 0),
    "step +5 %": math.log(1.05) * (AFTER > 0),
    "creep 1 % a run": math.log(1.01) * AFTER,
}


def drawn(noise: str, truth: str, count: int) -> Floats:
    """Return the logarithms of so many series; all truths of one noise share their noise."""
    rng = np.random.default_rng([SEED, list(NOISES).index(noise)])
    return NOISES[noise](rng, (count, RUNS)) + TRUTHS[truth]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share in percent with its standard error."""

    value: float
    error: float

    @classmethod
    def of(cls, parts: Sequence[float]) -> Rate:
        """Return the mean of one number a series."""
        values = 100 * np.asarray(parts, dtype=np.float64)
        return cls(float(values.mean()), float(values.std() / math.sqrt(len(values))))

    def __str__(self) -> str:
        return (
            f"{self.value:.1f} ± {self.error:.1f} %" if self.value >= 10 else f"{self.value:.2f} ± {self.error:.2f} %"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one rule did on many series of one noise."""

    false_alarms: Rate
    series_with_any: Rate
    found: Mapping[str, Rate]
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
    flat = [sum(run >= FIRST_CHECK for run, _ in alarms(line)) for line in drawn(noise, "flat", count)]
    delays = {
        truth: [_delay(alarms(line), near=places and truth.startswith("step")) for line in drawn(noise, truth, count)]
        for truth in TRUTHS
        if truth != "flat"
    }
    return Score(
        false_alarms=Rate.of([alarm / (RUNS - FIRST_CHECK) for alarm in flat]),
        series_with_any=Rate.of([float(alarm > 0) for alarm in flat]),
        found={truth: Rate.of([float(math.isfinite(one)) for one in found]) for truth, found in delays.items()},
        delay={truth: float(np.median(found)) for truth, found in delays.items()},
    )


def _delay(alarms: Alarms, *, near: bool) -> float:
    return next(
        (run - CHANGE for run, index in alarms if run >= CHANGE and (not near or abs(index - CHANGE) <= NEAR)), math.inf
    )


def shift_alarms(line: Floats) -> Alarms:
    """Return the new alarms of change points, by reading the series once."""
    return [(alarm.run, alarm.index) for alarm in change_points(line).alarms if alarm.rises]


def slope_alarms(judge: Callable[[Line, TrendPolicy], Ruled], policy: TrendPolicy) -> Callable[[Floats], Alarms]:
    """Return a rule that judges each prefix, and whose alarm is new where it did not stand after the run before."""

    def alarms(values: Floats) -> Alarms:
        whole = line_of(KEY, records(values))
        prefixes = (
            replace(whole, points=whole.points[:end], numbers=whole.numbers[:end])
            for end in range(FIRST_CHECK + 1, RUNS + 1)
        )
        standing = [judge(line, policy).finding.outcome is Outcome.REGRESSION for line in prefixes]
        before = [False, *standing]
        return [
            (FIRST_CHECK + check, FIRST_CHECK + check)
            for check, (now, earlier) in enumerate(zip(standing, before, strict=False))
            if now and not earlier
        ]

    return alarms


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


def prefix_alarms(values: Floats) -> Alarms:
    """Return the new alarms of `trends.trend`, called anew after every run with the whole history so far."""
    policy = trend_policy(TrendChoices(threshold_percent=0.0), Regression())
    provenance = Provenance(tool_version="0", created_at="2026-03-01T00:00:00Z")
    runs = records(values)
    raised = []
    for run in range(RUNS):
        (series,) = trend(runs[: run + 1], policy, provenance=provenance).series
        raised += [(run, shift.index) for shift in series.shifts if shift.alarm]
    return new_alarms(raised)


def agreement(noise: str, truth: str, count: int) -> int:
    """Return on how many of so many series one reading and a check after every run raise the same alarms."""
    return sum(list(prefix_alarms(line)) == list(shift_alarms(line)) for line in drawn(noise, truth, count))


def coverage(noise: str, truth: str, size: float, count: int) -> tuple[Rate, float, float]:
    """Return how often the 99 % interval after run 60 holds the true step, and the median estimates.

    The second figure is the median at the moment of the alarm, the third after run 60, both in percent.
    """
    held, early, late = [], [], []
    for line in drawn(noise, truth, count):
        found = change_points(line)
        first = next((one for one in found.alarms if one.rises and abs(one.index - CHANGE) <= NEAR), None)
        last = next((one for one in found.shifts if one.rises and abs(one.index - CHANGE) <= NEAR), None)
        if first is None or last is None:
            continue
        early.append(level_shift(line[first.index : first.run + 1], line[: first.index], tail=0.005).estimate)
        moved = level_shift(line[last.index :], line[: last.index], tail=0.005)
        late.append(moved.estimate)
        held.append(float((moved.lower or -math.inf) <= size <= (moved.upper or math.inf)))
    return Rate.of(held), 100 * math.expm1(np.median(early)), 100 * math.expm1(np.median(late))


def otava_alarms(folder: Path, lines: Floats) -> list[Alarms]:
    """Return the new alarms of the real apache-otava, in an environment of its own in `folder`."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", OTAVA], check=True)
    script = Path(__file__).with_name("otava_checks.py")
    asked = json.dumps({"first": FIRST_CHECK, "lines": np.exp(lines).tolist()})
    done = subprocess.run([python, script], input=asked, capture_output=True, text=True, check=True)
    return [new_alarms([(run, index) for run, index in raised]) for raised in json.loads(done.stdout)]


def otava_rule(folder: Path, noise: str, count: int) -> Callable[[Floats], Alarms]:
    """Return apache-otava as a rule; all series of a noise are judged by one process."""
    known = {}
    for truth in TRUTHS:
        lines = drawn(noise, truth, count)
        known |= dict(zip((line.tobytes() for line in lines), otava_alarms(folder, lines), strict=True))
    return lambda line: known[line.tobytes()]


def table(rows: Sequence[tuple[str, str, Score]]) -> Iterator[str]:
    """Return the figures as Markdown."""
    changes = [truth for truth in TRUTHS if truth != "flat"]
    heads = ["rule", "noise from run to run", "new false alarms a run", "flat series with any"]
    heads += [f"{truth}: found (median delay)" for truth in changes]
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' for _ in heads)} |"
    for rule, noise, score in rows:
        found = [f"{score.found[truth]} ({_runs(score.delay[truth])})" for truth in changes]
        yield f"| {' | '.join([rule, noise, str(score.false_alarms), str(score.series_with_any), *found])} |"


def _runs(delay: float) -> str:
    return f"{delay:g}" if math.isfinite(delay) else "none"


def measured(count: int, noises: Sequence[str]) -> Iterator[tuple[str, str, Score]]:
    """Yield the scores of our own rules; the slow ones judge a tenth of the series, of the two chief noises only."""
    policy = trend_policy(TrendChoices(rules=tuple(TrendRule), anchor="run-0"), Regression())
    for noise in noises:
        yield "`change_points`", noise, scored(shift_alarms, noise, count)
    slow: Mapping[str, Callable[[Line, TrendPolicy], Ruled]] = {
        "`linear_regression`, 10 runs, 5 % a run": judged_regression,
        "`theil_sen`, 30 runs": judged_robust,
        "`creep` against run 1": judged_creep,
    }
    for name, judge in slow.items():
        for noise in (noise for noise in noises if noise in GOALS):
            yield name, noise, scored(slope_alarms(judge, policy), noise, max(count // 10, 2), places=False)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--series", type=int, default=2000, help="series for each noise and truth")
    parser.add_argument("--noise", action="append", choices=list(NOISES), help="only this noise; repeatable")
    parser.add_argument("--otava", type=Path, help=f"also score {OTAVA} on half of the series; made in this folder")
    parser.add_argument("--only-otava", action="store_true", help="leave our own rules out")
    chosen = parser.parse_args(arguments)
    noises = chosen.noise or list(NOISES)
    began = time.process_time()
    rows = [] if chosen.only_otava else list(measured(chosen.series, noises))
    if chosen.otava:
        half = max(chosen.series // 2, 2)
        rows += [(OTAVA, noise, scored(otava_rule(chosen.otava, noise, half), noise, half)) for noise in noises]
    print("\n".join(table(rows)))
    if not chosen.only_otava:
        _print_checks(chosen.series, [noise for noise in noises if noise in GOALS])
    print(f"\nseed {SEED}, {chosen.series} series, {time.process_time() - began:.0f} s of CPU", file=sys.stderr)


def _print_checks(count: int, noises: Sequence[str]) -> None:
    for noise in noises:
        held, early, late = coverage(noise, "step +10 %", math.log(1.1), count)
        print(
            f"\n{noise}: the 99 % interval after run 60 holds a found step of +10 % in {held}; its median estimate is "
            f"{early:+.1f} % at the alarm and {late:+.1f} % after run 60."
        )
        some = max(count // 100, 2)
        same = agreement(noise, "step +10 %", some)
        print(f"On {same} of {some} series a check after every run raised the alarms that one reading finds.")


if __name__ == "__main__":
    main()
