"""Is saturation told? `python -m benchmarks.load.saturation --ceiling 1500`.

Ten runs of the command at twice the ceiling must each be invalid, with the reason, and exit with 3; ten at half of it
must each be valid. Without --ceiling it is the highest right rate in --results (see compare).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load.bench import Bench, carried_out
from benchmarks.load.clients import LensGate, run_in
from benchmarks.load.compare import add_places, places_of
from benchmarks.load.figures import Load
from benchmarks.load.results import Results, valid
from benchmarks.load.tables import highest_right

from lens_gate.vocabulary.outcomes import ExitCode

TIMES = {2.0: False, 0.5: True}
"""Of the ceiling, and whether a run is valid there."""


@dataclass(frozen=True)
class Verdict:
    """What one run said of itself; `reasons` are the checks that made it invalid."""

    valid: bool
    reasons: tuple[str, ...]
    code: int

    def is_right(self, *, expected: bool) -> bool:
        """Whether it said what is true, in its artifact and in its exit code."""
        if expected:
            return self.valid and self.code == ExitCode.OK
        return not self.valid and bool(self.reasons) and self.code == ExitCode.COULD_NOT_MEASURE


def asked(client: LensGate, load: Load, bench: Bench) -> Verdict:
    """Run the command once, and read its verdict on itself."""
    with carried_out(client, load, bench) as done:
        run = run_in(done.folder / "run.json")
    reasons = tuple(
        f"{check.name} {check.value:.3g} {check.unit}"
        for check in run.validity.checks
        if not check.ok and check.effect == "invalid" and check.value is not None
    )
    return Verdict(run.validity.valid, reasons, done.finished.code)


def ceiling_in(results: Path) -> float:
    """Return the highest right rate of the whole command."""
    found = highest_right(valid(Results(results), "rates")).get(LensGate().name, 0.0)
    if not found:
        sys.exit(f"{results} holds no right rate of {LensGate().name}: measure it with compare, or name --ceiling")
    return found


def table(verdicts: dict[float, Sequence[Verdict]], ceiling: float) -> str:
    """Return one row for each rate."""
    lines = [f"Ceiling {ceiling:g}/s.", "", "| rate | runs | right | reasons |", "| --- | --- | --- | --- |"]
    for times, runs in verdicts.items():
        right = sum(run.is_right(expected=TIMES[times]) for run in runs)
        reasons = "; ".join(dict.fromkeys(reason.split()[0] for run in runs for reason in run.reasons)) or "none"
        lines.append(f"| {times * ceiling:g}/s | {len(runs)} | {right} | {reasons} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ceiling", type=float, help="requests per second")
    parser.add_argument("--results", type=Path, default=Path("results/load.jsonl"))
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=5.0)
    add_places(parser)
    options = parser.parse_args()
    ceiling, bench = options.ceiling or ceiling_in(options.results), Bench(*places_of(options))
    verdicts: dict[float, Sequence[Verdict]] = {}
    for times in TIMES:
        load = Load(times * ceiling, options.seconds)
        verdicts[times] = [asked(LensGate(), load, bench) for _ in range(options.runs)]
    print(table(verdicts, ceiling))
    return int(not all(run.is_right(expected=TIMES[times]) for times, runs in verdicts.items() for run in runs))


if __name__ == "__main__":
    sys.exit(main())
