"""Are planned pairs enough? `python benchmarks/planning.py [--runs 400] [--seed 1]`.

Pairs of known noise are drawn, a plan is made from some of them as `lens-gate plan --from` makes it, and then so many
pairs as planned are judged by the functions that the gate asks: how often is the effect that was planned for
established at the level planned for, and how often does an unchanged version pass? Wanted is the power, 90 %.

The level is an equal share of that of a gate of four models with ten questions. A plan is cautious: it takes the noise
at the upper end of what its pairs allow (80 %), so that plans from few pairs ask for a few more.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lens_gate.analysis.answers import MOST_EXCESS, Answer, excess_answer, points_answer, ratio_answer, share_answer
from lens_gate.analysis.judgement import pairs_to_cover
from lens_gate.analysis.noise import Noise, ShareNoise, discordant_share, excess_noise, points_noise, ratio_noise
from lens_gate.analysis.pairing import PairedValues
from lens_gate.analysis.questions import EXCESS_QUANTILE
from lens_gate.analysis.rules import rules_of
from lens_gate.config.model import Regression
from lens_gate.stats.planning import Aim
from lens_gate.stats.proportions import PairedShares
from lens_gate.vocabulary.metrics import Hypothesis

Floats = NDArray[np.float64]
Rng = np.random.Generator

LEVEL, PASS_TAIL, POWER = 0.01 / 40, 0.05, 0.9
SEEN = (30, 100, 300)
RULES = rules_of(Regression())


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kind of pairs: `draw(rng, pairs, effect)` in the question's unit, and how it is asked about and planned.

    `about` is a question about rare events, which a pass covers from so many pairs on.
    """

    name: str
    effects: tuple[float, ...]
    margin: float
    draw: Callable[[Rng, int, float], PairedValues]
    ask: Callable[[PairedValues], Answer | None]
    noise: Callable[[PairedValues], Noise | None]
    two_sided: bool = False
    about: Hypothesis | None = None


def ratios(scatter: Callable[[Rng, int], Floats]) -> Callable[[Rng, int, float], PairedValues]:
    """Return pairs that share a moment and a prompt, each member with a scatter of its own."""

    def draw(rng: Rng, pairs: int, effect: float) -> PairedValues:
        shared = rng.normal(6, 0.5, pairs)
        base, candidate = (np.exp(shared + scatter(rng, pairs)) for _ in range(2))
        return paired(rng, base, candidate * (1 + effect / 100))

    return draw


def paired(rng: Rng, base: Floats, candidate: Floats) -> PairedValues:
    """Return the pairs in random order."""
    return PairedValues(base=base, candidate=candidate, second=np.where(rng.random(len(base)) < 0.5, -1.0, 1.0))


def normal(rng: Rng, pairs: int) -> Floats:
    return rng.normal(0, 0.25, pairs)


def outliers(rng: Rng, pairs: int) -> Floats:
    return normal(rng, pairs) + np.where(rng.random(pairs) < 0.03, np.log(1 + 3 * rng.pareto(2.5, pairs)), 0.0)


def heavy(rng: Rng, pairs: int) -> Floats:
    scatter: Floats = 0.15 * rng.standard_t(2.5, pairs)
    return scatter


def cached(rng: Rng, pairs: int) -> Floats:
    return normal(rng, pairs) + np.where(rng.random(pairs) < 0.5, math.log(0.55), 0.0)


def events(share: float) -> Callable[[Rng, int, float], PairedValues]:
    def draw(rng: Rng, pairs: int, effect: float) -> PairedValues:
        flags = (rng.random(pairs) < chance for chance in (share, share + effect / 100))
        base, candidate = (one.astype(np.float64) for one in flags)
        return paired(rng, base, candidate)

    return draw


def hits(rng: Rng, pairs: int, effect: float) -> PairedValues:
    """Return cached shares: 80 % of the input in four of five requests; an effect loses so many hits."""
    chances = (0.8, 0.8 - effect / 80)
    base, candidate = (np.where(rng.random(pairs) < chance, 0.8, 0.0) for chance in chances)
    return paired(rng, base, candidate)


def late(rng: Rng, pairs: int, effect: float) -> PairedValues:
    """Return times to the first token; an effect is so many that come three times as late, which counts as the cap."""
    arms = [100 * np.exp(rng.normal(0, 0.25, pairs)) for _ in range(2)]
    events = rng.random(pairs) < math.log1p(effect / 100) / math.log(MOST_EXCESS)
    return paired(rng, arms[0], arms[1] + np.where(events, 300.0, 0.0))


def asked_of_shares(values: PairedValues) -> Answer:
    base, candidate = values.base > 0, values.candidate > 0
    more, fewer = int((candidate & ~base).sum()), int((base & ~candidate).sum())
    return share_answer(PairedShares(len(base), only_base=fewer, only_candidate=more), method="exact McNemar test")


def asked_of_ratios(values: PairedValues) -> Answer | None:
    return ratio_answer(values, two_sided=False)


def asked_of_the_slowest(values: PairedValues) -> Answer | None:
    times = np.concatenate([values.base, values.candidate])
    return excess_answer(values, limit=float(np.quantile(times, EXCESS_QUANTILE)))


CASES = (
    *(
        Case(name=name, effects=(5, 10, 20), margin=10, draw=ratios(scatter), ask=asked_of_ratios, noise=ratio_noise)
        for name, scatter in (("normal", normal), ("3 % outliers", outliers), ("heavy tail", heavy), ("cache", cached))
    ),
    *(
        Case(
            name=f"errors {100 * share:g} %",
            effects=(2, 5),
            margin=2,
            draw=events(share),
            ask=asked_of_shares,
            noise=lambda values: ShareNoise(discordant_share(values.base > 0, values.candidate > 0), grows=True),
            about=Hypothesis.ERRORS,
        )
        for share in (0.002, 0.01, 0.05)
    ),
    Case(
        name="slowest",
        effects=(3, 6),
        margin=3,
        draw=late,
        ask=asked_of_the_slowest,
        noise=excess_noise,
        about=Hypothesis.TTFT_TAIL_EXCESS,
    ),
    Case(
        name="cached share",
        effects=(10, 20),
        margin=10,
        draw=hits,
        ask=points_answer,
        noise=points_noise,
        two_sided=True,
    ),
)


def established(case: Case, pairs: int, effect: float, rng: Rng) -> bool:
    answer = case.ask(case.draw(rng, pairs, effect))
    return answer is not None and answer.p_value < LEVEL


def passed(case: Case, pairs: int, rng: Rng) -> bool:
    answer = case.ask(case.draw(rng, pairs, 0.0))
    if answer is None:
        return False
    bounds = answer.bounds(PASS_TAIL)
    harm = -bounds.lower if case.two_sided and bounds.lower is not None else bounds.upper
    return harm is not None and harm < case.margin


def row(case: Case, seen: int, effect: float, runs: int, rng: Rng) -> str:
    """Plan and judge so many times, each time from pairs of its own."""
    aim, pass_aim = Aim(LEVEL / 2 if case.two_sided else LEVEL, POWER), Aim(PASS_TAIL, POWER)
    covered = pairs_to_cover(case.about, RULES) if case.about else None
    to_see, to_pass, found, through = [], [], 0, 0
    for _ in range(runs):
        noise = case.noise(case.draw(rng, seen, 0.0))
        see = noise.to_establish(effect, aim) if noise else None
        pass_ = noise.to_pass(case.margin, pass_aim) if noise else None
        if see is None or pass_ is None:
            continue
        pass_ = max(pass_, covered or 0)
        to_see.append(see)
        to_pass.append(pass_)
        found += established(case, see, effect, rng)
        through += passed(case, pass_, rng)
    cells = (case.name, f"{seen}", f"{effect:g}", f"{np.median(to_see):,.0f}", _share(found, len(to_see)))
    return "| " + " | ".join((*cells, f"{np.median(to_pass):,.0f}", _share(through, len(to_pass)))) + " |"


def _share(part: int, whole: int) -> str:
    share = part / whole
    return f"{100 * share:.1f} ± {100 * math.sqrt(share * (1 - share) / whole):.1f} %"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(f"{asked.runs} plans a row, level {100 * LEVEL:.3g} %, power {100 * POWER:g} %, seed {asked.seed}")
    print("| pairs | planned from | effect | pairs to see it | seen | pairs to pass | passed unchanged |")
    print("| --- | --: | --: | --: | --: | --: | --: |")
    for number, case in enumerate(CASES):
        for seen in SEEN:
            for effect in case.effects:
                rng = np.random.default_rng([asked.seed, number, seen, int(effect)])
                print(row(case, seen, effect, asked.runs, rng), flush=True)


if __name__ == "__main__":
    main()
