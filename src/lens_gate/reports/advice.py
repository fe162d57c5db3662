"""The words of advice: one sentence or two for each kind, with the figures that it rests on."""

from __future__ import annotations

from collections.abc import Mapping

from lens_gate.artifacts.doctor import Advice, AdviceKind
from lens_gate.reports.numbers import EffectUnit, change, decimal, limit, percent, plural
from lens_gate.reports.words import PHRASES
from lens_gate.vocabulary.metrics import Direction, Hypothesis

WORDS: Mapping[AdviceKind, str] = {
    AdviceKind.ERRORS: (
        "{share} of the requests failed. Where more than {limit} fail, no latency can pass: mend that first."
    ),
    AdviceKind.THROTTLED: (
        "{share} of the requests were asked to slow down. Lower the rate (--rps), or ask for a higher quota."
    ),
    AdviceKind.SLOWED_DOWN: (
        "{what}: the second half of the run was {share} slower than the first. Is the rate more than the endpoint can "
        "take? Try half of it (--rps)."
    ),
    AdviceKind.DRIFT: (
        "{what}: the second half of the run was {share} faster than the first. A --warmup would leave a slow start out."
    ),
    AdviceKind.LOAD: (
        "{what}: load comes in waves. Means over stretches of this run vary {factor} times as much as those of "
        "unrelated requests would. Tests that compare two runs are misled by that, pairs are not."
    ),
    AdviceKind.CACHE: (
        "The second request of a pair reads {points} of its input from the cache that the first one filled. The order "
        "is random, and the gate takes out what the place in the pair does: no verdict is wrong for it."
    ),
    AdviceKind.SECOND_SLOT: (
        "{what}: to come second in a pair makes {percents}. The order is random, and the gate takes that out: no "
        "verdict is wrong for it."
    ),
    AdviceKind.TAIL: (
        "{what}: one request in a hundred takes {factor} times as long as usual. Gate the share of late ones and not a "
        "p99, whose own noise is larger than any change that matters."
    ),
    AdviceKind.PAIRS_HELP: (
        "{what}: the two requests of a pair go up and down together (correlation {fraction}), so the pairs are less "
        "noisy than the requests."
    ),
    AdviceKind.BLIND: (
        "{what}: the configured pairs can see {seen}. To see {allowed} take {pairs}, or allow more (threshold_percent)."
    ),
    AdviceKind.RARE: "{what}: to see {allowed} takes {pairs}. With fewer, a pass says that it does not cover them.",
    AdviceKind.SIGHTED: (
        "With the configured {pairs}, every question about time, cost, length and cache sees what matters."
    ),
    AdviceKind.UNTIL_DECIDED: (
        "Let a run end itself as soon as the answer is clear{instead}: lens-gate run --until-decided."
    ),
}


def advice_words(one: Advice) -> str:
    """Return an advice as sentences."""
    value = one.value or 0.0
    unit: EffectUnit = "points" if one.hypothesis is not None and one.hypothesis.in_points else "%"
    worse = _worse(one.hypothesis)
    pairs = plural(one.pairs or 0, "pair")
    name = PHRASES[one.hypothesis].label if one.hypothesis else ""
    return WORDS[one.kind].format(
        what=name[:1].upper() + name[1:],
        share=percent(abs(value)),
        points=change(value, "points"),
        percents=change(value, "%"),
        factor=decimal(value, 1),
        fraction=decimal(value / 100, 2),
        limit=percent(one.limit or 0.0),
        seen="no change at all" if one.value is None else f"{limit(float(f'{value:.2g}'), unit, worse)} at least",
        allowed=limit(one.limit, unit, worse),
        pairs=pairs,
        instead=f" instead of planning {pairs} for the noisiest question" if one.pairs else "",
    )


def _worse(hypothesis: Hypothesis | None) -> Direction:
    match hypothesis:
        case Hypothesis.CACHED_SHARE:
            return Direction.HIGHER_IS_BETTER
        case Hypothesis.OUTPUT_LENGTH:
            return Direction.TWO_SIDED
        case _:
            return Direction.LOWER_IS_BETTER
