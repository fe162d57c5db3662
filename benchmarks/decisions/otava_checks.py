"""Run in an environment that has apache-otava and nothing of ours: a check after every run of every series.

Standard input holds `{"first": run, "lines": [[value, …], …]}`; standard output gets, for each line, every rise that a
check after run `first` or later named within the last 15 runs, as `[run, index]`. Its defaults judge: p below 0.001.
"""

import json
import sys

from otava.analysis import compute_change_points

RECENT = 15


def rises(values: list[float], first: int) -> list[tuple[int, int]]:
    """Return the rises that the checks named, in the order of the checks."""
    return [
        (run, int(point.index))
        for run in range(first, len(values))
        for point in compute_change_points(values[: run + 1], window_len=50, max_pvalue=0.001, min_magnitude=0.0)[0]
        if point.stats.mean_2 > point.stats.mean_1 and run + 1 - int(point.index) <= RECENT
    ]


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump([rises(line, asked["first"]) for line in asked["lines"]], sys.stdout)
