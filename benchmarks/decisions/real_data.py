"""Deciding on real measurements, in which nothing was changed: how often is that taken for a change?

`python -m benchmarks.decisions.real_data [--data ../shared/data]`. Each day of the cloud APIs is one gate that holds
all of them against the days before it, by the functions that `lens-gate analyze` calls for stored runs. And the odd
requests of a run are held against its even ones, as a duet would: they were measured at the same time.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.decisions.real_series import DATA, Floats, by_provider, days, llmperf
from benchmarks.decisions.stored import SCREENING, slower
from benchmarks.decisions.tables import Share, table

from lens_gate.analysis.foretold import Foretold, foretell
from lens_gate.analysis.past import PastSeries
from lens_gate.analysis.quantities import NS_PER_MS
from lens_gate.analysis.screen import judge_foretold
from lens_gate.analysis.stored import StoredSeries
from lens_gate.analysis.summarize import model_summary
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.stats.pairs import signed_rank
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.requests import Status
from lens_gate.vocabulary.stored_runs import MOST_RUNS

SEED = 20260404
EFFECTS = (0, 10, 20, 50, 100)
LENGTHS = ((1, 1), (2, 5), (6, 10), (11, 20))
"""Decisions by how many days were stored."""


REAL_RISE = 0.9
"""A day on which the median lies so far above those before it, as a share, has regressed by itself."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was said of one API on one day, by effect, with so many stored days; and whether it was judged alone.

    `rise` is how far the day's median lies above the middle one of the five days before it, as a share.
    """

    stored: int
    rise: float
    outcomes: Mapping[int, Outcome]
    alone: Mapping[int, Outcome]


def decisions(measured: Sequence[Mapping[str, Floats]]) -> list[Decision]:
    """Judge every day against the days before it."""
    past: defaultdict[str, list[PastSeries]] = defaultdict(list)
    found: list[Decision] = []
    for day in measured:
        series = {name: _series(name, times, past[name][-MOST_RUNS:]) for name, times in day.items()}
        told = [one for each in series.values() if each.past for one in foretell(each)]
        found += _judged(told, [_rise(series[one.series]) for one in told])
        for name, each in series.items():
            past[name].append(PastSeries.of(each.candidate))
    return found


def _series(name: str, times: Floats, past: Sequence[PastSeries]) -> StoredSeries:
    rows = Samples.of(
        Sample(
            index=number,
            series=name,
            provider="api",
            model=name,
            prompt_id="start",
            draw="",
            intended_ns=number * 1_000_000_000,
            end_ns=number * 1_000_000_000 + round(ms * NS_PER_MS),
            prompt_hash="",
            prompt_characters=0,
            status=Status.OK,
        )
        for number, ms in enumerate(times.tolist())
    )
    summary = model_summary(rows)
    assert summary is not None
    return StoredSeries(
        series=name, base=summary, candidate=summary, base_samples=rows, candidate_samples=rows, past=tuple(past)
    )


def _rise(series: StoredSeries) -> float:
    now, before = (
        [past.middles[Hypothesis.TOTAL].median_ms for past in pasts]
        for pasts in ([PastSeries.of(series.candidate)], series.past[-5:])
    )
    return now[0] / float(np.median(before)) - 1


def _judged(told: Sequence[Foretold], rises: Sequence[float]) -> Iterator[Decision]:
    """Judge the APIs of one day as one gate, making one after the other slower."""
    unchanged = judge_foretold(told, SCREENING)
    for place, (one, rise) in enumerate(zip(told, rises, strict=True)):
        outcomes, alone = {0: unchanged[place].outcome}, {}
        for effect in EFFECTS:
            changed = slower(one, effect)
            if effect:
                gate = [*told[:place], changed, *told[place + 1 :]]
                outcomes[effect] = judge_foretold(gate, SCREENING)[place].outcome
            alone[effect] = judge_foretold([changed], SCREENING)[0].outcome
        yield Decision(one.runs, rise, outcomes, alone)


def stored(measured: Sequence[Mapping[str, Floats]]) -> str:
    """Return what is said of real days against the days before them."""
    found = decisions(measured)
    return f"{_by_effect(found)}\n{_by_length(found)}\n{_by_rise(found)}"


def _by_rise(found: Sequence[Decision]) -> str:
    """Say how many of the regressions on days that were left as they are were rises of the API itself."""
    regressions = [one for one in found if one.outcomes[0] is Outcome.REGRESSION]
    risen = [one for one in found if one.rise >= REAL_RISE]
    by_itself = sum(one.rise >= REAL_RISE for one in regressions)
    left = Share(len(regressions) - by_itself, len(found) - len(risen))
    return (
        f"On {len(risen)} of {len(found)} days an API was slower by {100 * REAL_RISE:g} % or more by itself; "
        f"{by_itself} of the {len(regressions)} regressions are among them. False ones on the other days: {left}.\n"
    )


def _by_effect(found: Sequence[Decision]) -> str:
    named = (Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE)
    rows: list[list[object]] = []
    for effect in EFFECTS:
        of_gate = Counter(one.outcomes[effect] for one in found)
        alone = Counter(one.alone[effect] for one in found)
        shares = [Share(of_gate[outcome], len(found)) for outcome in named]
        rows.append([f"× {1 + effect / 100:g}", *shares, Share(alone[Outcome.REGRESSION], len(found))])
    head = ["times", *(outcome.value for outcome in named), "regression, if it were the only API of its gate"]
    return table(head, rows)


def _by_length(found: Sequence[Decision]) -> str:
    rows: list[list[object]] = []
    for least, most in LENGTHS:
        some = [one for one in found if least <= one.stored <= most]
        hits = {effect: Counter(one.outcomes[effect] for one in some)[Outcome.REGRESSION] for effect in EFFECTS}
        shares = (Share(hits[effect], len(some)) for effect in (0, 50, 100))
        rows.append([f"{least}" if least == most else f"{least} to {most}", len(some), *shares])
    return table(["stored days", "decisions", "false regressions", "× 1.5 found", "× 2 found"], rows)


def halves(series: Sequence[Floats], rng: np.random.Generator, *, draws: int = 20) -> list[Share]:
    """Hold odd against even requests: how often p is below 5 % for slower, faster, either, and with labels drawn."""
    logs = [np.log(values[1::2] / values[: len(values) // 2 * 2 : 2]) for values in series]
    tests = [signed_rank(differences) for differences in logs]
    labelled = [
        signed_rank(differences * rng.choice([-1.0, 1.0], len(differences))).p_greater
        for differences in logs
        for _ in range(draws)
    ]
    kinds = ([t.p_greater for t in tests], [t.p_less for t in tests], [t.p_two_sided for t in tests], labelled)
    return [Share(int((np.array(kind) < 0.05).sum()), len(kind)) for kind in kinds]


def interleaved(data: Path) -> str:
    """Return how often odd and even requests of one run are told apart."""
    rng = np.random.default_rng(SEED)
    runs = [values for measured in by_provider(data).values() for values in measured]
    models = list(llmperf(data).values())
    rows = [["cloud APIs", len(runs), *halves(runs, rng)], ["llmperf", len(models), *halves(models, rng)]]
    return table(["p < 5 % of", "runs", "odd slower", "odd faster", "either", "labels drawn, 20 times"], rows)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    data = parser.parse_args().data
    print(f"Each day against the days before it, at most {MOST_RUNS}\n")
    print(stored(days(data)))
    print("Odd against even requests of one run, by the signed-rank test\n")
    print(interleaved(data))


if __name__ == "__main__":
    main()
