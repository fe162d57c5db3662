"""What rules for unpaired samples would have said between blocks of one run, in which nothing was changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, permutations
from typing import assert_never

import numpy as np

from lens_gate.analysis.quantities import Flags, Floats
from lens_gate.artifacts.doctor import BlockRule, RuleAlarms
from lens_gate.stats.two_sample import TwoSample, kolmogorov_smirnov, mann_whitney, welch_t

FEWEST_REQUESTS = 30
"""In a block: fewer make no sample that anybody would gate on."""

MOST_BLOCKS = 8
LEVEL = 0.05


def blocks_of(requests: int) -> int:
    """Return into how many blocks so many requests are cut; 0 where they do not make two."""
    blocks = min(MOST_BLOCKS, requests // FEWEST_REQUESTS)
    return blocks if blocks > 1 else 0


def cut(values: Floats, blocks: int) -> tuple[Floats, ...]:
    """Return contiguous blocks of equal size; what is left over at the end is dropped."""
    size = len(values) // blocks
    return tuple(values[number * size : (number + 1) * size] for number in range(blocks))


def rule_alarms(metrics: Mapping[str, Floats], blocks: int) -> tuple[RuleAlarms, ...]:
    """Count the alarms of every rule for each metric, and for at least one of them, over all ordered pairs of blocks.

    `metrics` holds the values of each in the order of time. The first block of a pair plays the stored run, the second
    one the candidate, and only a slower candidate is an alarm.
    """
    cuts = {name: cut(values, blocks) for name, values in metrics.items()}
    return tuple(one for rule in BlockRule for one in _of_rule(rule, cuts, blocks))


def _of_rule(rule: BlockRule, cuts: Mapping[str, Sequence[Floats]], blocks: int) -> list[RuleAlarms]:
    found = {name: _alarms(rule, pieces) for name, pieces in cuts.items()}
    anywhere = np.logical_or.reduce(list(found.values())) if found else np.zeros(0, dtype=np.bool_)
    comparisons = blocks * (blocks - 1)
    counted: list[tuple[str | None, Flags]] = [*found.items(), (None, anywhere)]
    return [
        RuleAlarms(rule=rule, metric=name, alarms=int(flags.sum()), comparisons=comparisons) for name, flags in counted
    ]


def _alarms(rule: BlockRule, pieces: Sequence[Floats]) -> Flags:
    """Return for each ordered pair of blocks whether the rule alarms."""
    match rule:
        case BlockRule.MEAN:
            return _beyond([float(piece.mean()) for piece in pieces], factor=1.10)
        case BlockRule.P95:
            return _beyond([float(np.quantile(piece, 0.95)) for piece in pieces], factor=1.15)
        case BlockRule.WELCH:
            return _rejected(welch_t, pieces)
        case BlockRule.MANN_WHITNEY:
            return _rejected(mann_whitney, pieces)
        case BlockRule.KOLMOGOROV_SMIRNOV:
            return _rejected(kolmogorov_smirnov, pieces)
        case _ as never:
            assert_never(never)


def _beyond(figures: Sequence[float], *, factor: float) -> Flags:
    return np.array([later > factor * stored for stored, later in permutations(figures, 2)])


def _rejected(test: Callable[[Floats, Floats], TwoSample], pieces: Sequence[Floats]) -> Flags:
    """Return where a two-sided test rejects and the later block is slower in the mean, as a classic gate reads it."""
    p_values = {pair: test(pieces[pair[1]], pieces[pair[0]]).p_value for pair in combinations(range(len(pieces)), 2)}
    means = [float(piece.mean()) for piece in pieces]
    orders = permutations(range(len(pieces)), 2)
    return np.array([p_values[min(a, b), max(a, b)] < LEVEL and means[b] > means[a] for a, b in orders])
