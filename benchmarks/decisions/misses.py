"""Misses: how often a change that matters passes, question by question.

`python -m benchmarks.decisions.misses [--gates N] [--processes P]`: every model of a duet gets a change whose true size
is the margin of a question, then one of twice that, and all rules are as they are by default.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from benchmarks.decisions.generator import DRIFT_5, FAR_LONGER, PROFILES, Change, Profile, duet
from benchmarks.decisions.tables import Share, draw, table

from lens_gate.analysis.answers import excess_of
from lens_gate.analysis.duet import duet as judged_duet
from lens_gate.analysis.pairing import PairedSeries, pair_up
from lens_gate.analysis.questions import EXCESS_QUANTILE, TAIL_QUANTILE
from lens_gate.analysis.rules import MARGINS, rules_of
from lens_gate.config.model import Regression
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Outcome

SEED = 20260505
PAIRS = (100, 300, 1000)
LIMIT_NS = 60e9
NAMES = tuple(profile.name for profile in PROFILES)

SOLVED_PAIRS = 60_000
SOLVED_STEPS = 12
"""The share of late first tokens that makes a true effect is found by halving, on one very large duet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """A question, the profiles it is asked of, and the change whose true size is so many times its margin.

    `how` says in what way the change is made where it is not made to every answer.
    """

    hypothesis: Hypothesis
    how: str = ""
    change: Callable[[float, str], Change]
    profiles: tuple[str, ...] = NAMES


def exceedance(series: PairedSeries) -> float:
    """Return by how many points more of the candidate lies above the p95 of both."""
    times = series.first_token
    limit = np.quantile(np.concatenate([times.base, times.candidate]), TAIL_QUANTILE)
    return 100 * float((times.candidate >= limit).mean() - (times.base >= limit).mean())


def excess(series: PairedSeries) -> float:
    """Return by how many percent the slowest first tokens of the candidate lie further above the p90 of both."""
    times = series.first_token
    limit = float(np.quantile(np.concatenate([times.base, times.candidate]), EXCESS_QUANTILE))
    return 100 * float(np.expm1((excess_of(times.candidate, limit) - excess_of(times.base, limit)).mean()))


def late_by(effect: Callable[[PairedSeries], float], size: float, name: str) -> Change:
    """Return the change that makes just so many first tokens late that the true effect has this size."""
    low, high = 0.0, 0.3
    for _ in range(SOLVED_STEPS):
        middle = (low + high) / 2
        samples = duet(np.random.default_rng(SEED), pairs=SOLVED_PAIRS, change=Change(late=middle), affected=(name,))
        series = next(
            one
            for one in pair_up(samples.where(samples.texts["model"].equals(name)), limit_ns=LIMIT_NS)
            if one.series == f"sim/{name}"
        )
        low, high = (middle, high) if effect(series) < size else (low, middle)
    return Change(late=(low + high) / 2)


def _factor(multiple: float, margin: float) -> float:
    return 1 + multiple * margin / 100


MISSES = (
    Miss(hypothesis=Hypothesis.TTFT, change=lambda m, _: Change(ttft=_factor(m, MARGINS[Hypothesis.TTFT]))),
    Miss(hypothesis=Hypothesis.PER_TOKEN, change=lambda m, _: Change(tpot=_factor(m, MARGINS[Hypothesis.PER_TOKEN]))),
    Miss(hypothesis=Hypothesis.TOTAL, change=lambda m, _: Change.slower(m * MARGINS[Hypothesis.TOTAL])),
    Miss(
        hypothesis=Hypothesis.TOTAL_EQUAL_LENGTH,
        change=lambda m, _: Change.slower(m * MARGINS[Hypothesis.TOTAL_EQUAL_LENGTH]),
    ),
    Miss(
        hypothesis=Hypothesis.TOTAL,
        how=", by one answer in 40 that is five times as long",
        # The mean grows by four times the share, less what the cap on single answers takes off.
        change=lambda m, _: Change(far_longer=m * MARGINS[Hypothesis.TOTAL] / 100 / (FAR_LONGER - 1)),
    ),
    Miss(
        hypothesis=Hypothesis.TTFT_TAIL_EXCESS,
        change=lambda m, name: late_by(excess, m * MARGINS[Hypothesis.TTFT_TAIL_EXCESS], name),
    ),
    Miss(
        hypothesis=Hypothesis.TTFT_TAIL_EXCEEDANCE,
        # Twice the margin would take every late first token out of the base.
        change=lambda m, name: late_by(exceedance, min(m, 1.6) * MARGINS[Hypothesis.TTFT_TAIL_EXCEEDANCE], name),
    ),
    Miss(hypothesis=Hypothesis.ERRORS, change=lambda m, _: Change(errors=m * MARGINS[Hypothesis.ERRORS] / 100)),
    Miss(hypothesis=Hypothesis.COST, change=lambda m, _: Change(dearer=_factor(m, MARGINS[Hypothesis.COST]))),
    Miss(
        hypothesis=Hypothesis.OUTPUT_LENGTH,
        change=lambda m, _: Change(longer=_factor(m, MARGINS[Hypothesis.OUTPUT_LENGTH])),
    ),
    Miss(
        hypothesis=Hypothesis.CACHED_SHARE,
        change=lambda m, name: Change(cache_lost=m * MARGINS[Hypothesis.CACHED_SHARE] / 100 / _cached_share(name)),
        profiles=tuple(profile.name for profile in PROFILES if profile.cache_hits),
    ),
)


def _cached_share(name: str) -> float:
    """Return the share of input tokens that come from the cache; a hit finds 800 of 1,000 there."""
    return 0.8 * _profile(name).cache_hits


def _profile(name: str) -> Profile:
    return next(profile for profile in PROFILES if profile.name == name)


def _outcome(
    pairs: int, changed: tuple[str, Change], hypothesis: Hypothesis, rng: np.random.Generator
) -> Outcome | None:
    """Return what one duet says about one question of one model; None where the answer is left open beside a pass."""
    name, change = changed
    samples = duet(rng, pairs=pairs, weather=DRIFT_5, change=change, affected=(name,))
    findings = judged_duet(pair_up(samples, limit_ns=LIMIT_NS), rules_of(Regression())).findings
    return next((f.outcome for f in findings if f.series == f"sim/{name}" and f.hypothesis is hypothesis), None)


def misses(gates: int, processes: int, *, pairs: Sequence[int] = PAIRS, asked: Sequence[Miss] = MISSES) -> str:
    """Return how often each question passes, and finds a regression, at one and two margins."""
    rows: list[list[object]] = []
    for number, miss in enumerate(asked):
        for multiple in (1.0, 2.0):
            changes = [(name, miss.change(multiple, name)) for name in miss.profiles]
            for count in pairs:
                drawn = [
                    outcome
                    for place, changed in enumerate(changes)
                    for outcome in draw(
                        partial(_outcome, count, changed, miss.hypothesis),
                        seed=(SEED, number, int(multiple), place, count),
                        count=gates,
                        processes=processes,
                    )
                ]
                passed, regressed = (Share(drawn.count(one), len(drawn)) for one in (Outcome.PASS, Outcome.REGRESSION))
                rows.append([miss.hypothesis.value + miss.how, f"{multiple:g} m", count, passed, regressed])
                print(f"  {rows[-1][:3]}: {passed}", file=sys.stderr, flush=True)
    return table(["question", "true effect", "pairs", "pass", "regression"], rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gates", type=int, default=200, help="of each profile and cell")
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    print(f"{asked.gates} gates of each profile and cell, alpha 1 %, seed {SEED}\n")
    print(misses(asked.gates, asked.processes))


if __name__ == "__main__":
    main()
