"""What is usual from run to run: fits the prior of `stats.history` to real endpoints.

`python -m benchmarks.decisions.drift_prior [--data ../shared/data]`: prints how well each choice explains the days of
the cloud APIs in `computesdk-tti`, as the log likelihood of all of them; two units less are no worse to speak of.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from benchmarks.decisions.real_series import DATA, by_provider
from benchmarks.decisions.tables import table

from lens_gate.stats.history import USUAL, Usual, evidence, forecast
from lens_gate.stats.levels import Level, inflation, median_level

ASKED = {
    "scale": (0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.05, 0.07),
    "scale_freedom": (1.0, 2.0, 4.0, 8.0),
    "day_freedom": (2.5, 3.0, 4.0, 6.0, 30.0),
    "jump_chance": (0.03, 0.05, 0.075, 0.1, 0.125, 0.15),
    "jump_spread": (0.3, 0.4, 0.5, 0.6, 0.8),
}
"""Values of each parameter, tried with the others as they are."""


def histories(data: Path = DATA) -> dict[str, list[Level]]:
    """Return the level of each day of each API."""
    return {
        name: [median_level(values, inflation=inflation(values)) for values in measured]
        for name, measured in by_provider(data).items()
    }


def fit(series: dict[str, list[Level]], parameter: str, values: tuple[float, ...]) -> str:
    """Return a table of log likelihoods over one parameter, relative to the best of them."""
    found = [sum(evidence(one, _with(parameter, value)) for one in series.values()) for value in values]
    best = max(found)
    return table([parameter, *map(str, values)], [["log likelihood", *(f"{value - best:.1f}" for value in found)]])


def _with(parameter: str, value: float) -> Usual:
    return replace(USUAL, **{parameter: value})


def main() -> None:
    """Print the likelihoods, and what each API's own history says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    series = histories(parser.parse_args().data)
    print(f"{len(series)} APIs, {sum(map(len, series.values()))} days; the others as in {USUAL}\n")
    for parameter, values in ASKED.items():
        print(fit(series, parameter, values))
    rows = [[name, len(levels), f"{100 * forecast(levels).run_to_run:.1f} %"] for name, levels in series.items()]
    print(table(["API", "days", "two of three days lie within"], rows))


if __name__ == "__main__":
    main()
