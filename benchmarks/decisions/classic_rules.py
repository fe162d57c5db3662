"""How often do the rules of `decision: classic` cry wolf? `python -m benchmarks.decisions.classic_rules`.

Prints the constants of `lens_gate.analysis.false_alarms`: percent of gates of four unchanged models in which a rule
flags any model, by the functions that `lens-gate analyze` calls. `peers` shows the main ones in all weathers, with
their power.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence

import numpy as np
from benchmarks.decisions.generator import DRIFT_5, UNCHANGED, Change, Weather
from benchmarks.decisions.rowwise import Flags
from benchmarks.decisions.two_runs import SAME_TIME, base_and_candidate, seeded

from lens_gate.analysis.classic import DEFAULT_METHODS, classic_findings
from lens_gate.analysis.false_alarms import CONFIDENCES, LIMITS, POINTS, REQUESTS
from lens_gate.analysis.stored import match_series
from lens_gate.config.model import Method, StatisticalMethod, ThresholdMethod
from lens_gate.vocabulary.outcomes import Outcome

Rules = Mapping[str, Sequence[Method]]
"""Rules by name; several methods are one rule, which alarms when any of them does."""

CIRCUMSTANCES: Mapping[str, Weather] = {"stored": DRIFT_5, "duet": SAME_TIME}

TIMED = tuple(f"{statistic}_{time}" for time in ("latency", "ttft", "tpot") for statistic in ("mean", "median", "p95"))


def threshold(metric: str, percent: float | None = None, *, points: float | None = None) -> ThresholdMethod:
    return ThresholdMethod(type="threshold", metric=metric, threshold_percent=percent, threshold_points=points)


def statistical(name: str, confidence: float = 0.95) -> StatisticalMethod:
    return StatisticalMethod.model_validate({"type": "statistical", "method": name, "confidence": confidence})


TESTS = ("t-test", "mann-whitney", "kolmogorov-smirnov")

TABLED: Rules = {
    "mean_latency +10 %": [threshold("mean_latency", 10)],
    "median_latency +10 %": [threshold("median_latency", 10)],
    "p95_latency +15 %": [threshold("p95_latency", 15)],
    "error_rate +50 %": [threshold("error_rate", 50)],
    "the default: mean_latency, p95_latency and error_rate": DEFAULT_METHODS,
    **{f"{name}, confidence 0.95": [statistical(name)] for name in TESTS},
}


def judged_by_classic(
    rules: Rules, *, gates: int, requests: int, weather: Weather, change: Change = UNCHANGED
) -> Mapping[str, Flags]:
    """Return for each rule what it flags: gate, model."""
    methods = [method for named in rules.values() for method in named]
    regressed = np.stack(
        [_regressed(methods, seeded(requests, weather, gate), requests, weather, change) for gate in range(gates)]
    )
    found, start = {}, 0
    for name, named in rules.items():
        found[name] = np.asarray(regressed[:, :, start : start + len(named)].any(axis=2))
        start += len(named)
    return found


def _regressed(
    methods: Sequence[Method], rng: np.random.Generator, requests: int, weather: Weather, change: Change
) -> Flags:
    """Return which methods flag which models: model, method."""
    base, candidate = base_and_candidate(rng, requests=requests, weather=weather, change=change)
    findings = classic_findings(match_series(candidate, base), methods)
    return np.reshape([finding.outcome is Outcome.REGRESSION for finding in findings], (-1, len(methods)))


def constants() -> dict[str, dict[str, list[Sequence[Method]]]]:
    """Return the rules of each row of the constants, from left to right, by their table."""
    return {
        "percent": {
            metric: [[threshold(metric, limit)] for limit in LIMITS]
            for metric in (*TIMED, "error_rate", "cost_per_request_usd")
        },
        "points": {"error_rate": [[threshold("error_rate", points=limit)] for limit in POINTS]},
        "tests": {name: [[statistical(name, level)] for level in CONFIDENCES] for name in TESTS},
        "default": {"": [DEFAULT_METHODS]},
    }


def measured(source: str, *, gates: int) -> dict[str, dict[str, list[float]]]:
    """Measure all constants of one source, in percent."""
    rules = {
        f"{table} {row} {place}": methods
        for table, rows in constants().items()
        for row, cells in rows.items()
        for place, methods in enumerate(cells)
    }
    flagged = judged_by_classic(rules, gates=gates, requests=REQUESTS, weather=CIRCUMSTANCES[source])
    alarms = {name: 100 * float(flags.any(axis=1).mean()) for name, flags in flagged.items()}
    return {
        table: {row: [alarms[f"{table} {row} {place}"] for place in range(len(cells))] for row, cells in rows.items()}
        for table, rows in constants().items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gates", type=int, default=1000)
    parser.add_argument("--source", choices=CIRCUMSTANCES, nargs="+", default=list(CIRCUMSTANCES))
    options = parser.parse_args()
    error = 100 * math.sqrt(0.25 / options.gates)
    print(f"{options.gates} gates of {REQUESTS} requests a side; one standard error is at most {error:.1f} points.")
    for source in options.source:
        for table, rows in measured(source, gates=options.gates).items():
            print(f"\n{source}, {table}:")
            for row, cells in rows.items():
                print(f'    "{row}": ({", ".join(f"{cell:.0f}" for cell in cells)}),')


if __name__ == "__main__":
    main()
