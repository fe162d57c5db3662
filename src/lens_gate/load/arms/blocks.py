"""Several alternatives side by side: arms of one series each become one arm, whose series share blocks of slots."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

from lens_gate.artifacts.run import Uncovered
from lens_gate.load.arms.pairing import alone, paired_prompts
from lens_gate.load.arms.plan import ArmPlan, PromptPlan


def side_by_side(alternatives: Sequence[ArmPlan], *, label: str, config_hash: str) -> ArmPlan:
    """Join arms of one series each; only prompts that all of them have, by id and values, are asked.

    Commit and target are those of the first.
    """
    shared = reduce(_shared, alternatives)
    hashes = "|".join(sorted(one.requests_hash for one in alternatives))
    return replace(
        alternatives[0],
        label=label,
        config_hash=config_hash,
        requests_hash=hashlib.sha256(hashes.encode()).hexdigest(),
        series=tuple(series for one in alternatives for series in one.series),
        prompts=shared.prompts,
        asked={series.series: _own(one, shared) for one in alternatives for series in one.series},
    )


def _shared(so_far: ArmPlan, other: ArmPlan) -> ArmPlan:
    """Keep the prompts that `other` has too, with the values that both have."""
    return replace(so_far, prompts=tuple(pair.drawn for pair in paired_prompts(so_far, other)))


def _own(alternative: ArmPlan, shared: ArmPlan) -> tuple[PromptPlan, ...]:
    own = {prompt.id: prompt for prompt in alternative.prompts}
    return tuple(own[prompt.id] for prompt in shared.prompts)


def left_out(alternatives: Sequence[ArmPlan], joined: ArmPlan) -> tuple[Uncovered, ...]:
    """List the prompts and values that not all alternatives have, each with a series that has them."""
    return tuple(
        missing.model_copy(update={"series": series.series})
        for one in alternatives
        for series in one.series
        for missing in alone(one, joined)
    )
