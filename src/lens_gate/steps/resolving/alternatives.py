"""What `compare` puts side by side: several models or configurations, resolved one by one, then joined."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import PurePath

from lens_gate.config.load import LoadedConfig
from lens_gate.errors import ConfigProblem, UsageProblem
from lens_gate.load.arms.blocks import left_out, side_by_side
from lens_gate.load.arms.identity import same_requests
from lens_gate.load.arms.pairing import same_name
from lens_gate.load.arms.plan import ArmPlan
from lens_gate.steps.resolving.arms import Arms, RunOrder, resolve
from lens_gate.steps.resolving.replaying import log_of
from lens_gate.steps.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """One of those that are compared: the run that would measure it alone.

    `name` stands for its provider where that does not tell it from the others: configurations are called by file.
    """

    order: RunOrder
    name: str | None = None


def file_names(paths: Sequence[str]) -> tuple[str, ...]:
    """Return what each configuration is called: its file's name, or all of its path where two files share a name."""
    stems = tuple(PurePath(path).stem for path in paths)
    if len(set(stems)) == len(stems):
        return stems
    parts = (PurePath(path).with_suffix("").parts for path in paths)
    return tuple("-".join(part.strip("/.") for part in names if part.strip("/.")) for names in parts)


def resolve_alternatives(alternatives: Sequence[Alternative], world: World) -> Arms:
    """Resolve every alternative to what it would send, and join them; the first one says how fast and for how long.

    Raises UsageProblem where there are fewer than two, where two of them are the same or share a name, and where one of
    them is more than one model; ConfigProblem where they have no prompt in common.
    """
    if len(alternatives) < 2:
        raise UsageProblem(
            "a comparison needs at least two models or configurations",
            hint="Name them: --models A,B or --configs ONE.yaml,TWO.yaml.",
        )
    found = [resolve(one.order, world) for one in alternatives]
    _refuse_targets(found)
    plans = [_named(arms.candidate, one) for arms, one in zip(found, alternatives, strict=True)]
    names = [plan.series[0].series for plan in plans]
    config_hash = hashlib.sha256("|".join(arms.config_hash for arms in found).encode()).hexdigest()
    joined = side_by_side(plans, label=f"{', '.join(names[:-1])} and {names[-1]}", config_hash=config_hash)
    if not joined.prompts:
        raise ConfigProblem(
            "the configurations have no prompt in common, so that nothing can be compared",
            place="workload.prompts",
            hint="Give prompts that belong together the same `id`, and their variables values in common.",
        )
    _refuse_same(plans)
    return replace(
        found[0],
        candidate=joined,
        uncovered=left_out(plans, joined),
        config_hash=config_hash,
        keys=frozenset(name for arms in found for name in arms.keys),
        confidential=frozenset(name for arms in found for name in arms.confidential),
        configurations=_configurations(names, found),
        log=log_of(found[0].candidate_side.config, joined, None, control=None, world=world),
    )


def _named(plan: ArmPlan, alternative: Alternative) -> ArmPlan:
    """Return the arm with the one series that it must have, under the name of the alternative."""
    if len(plan.series) != 1:
        names = ", ".join(series.series for series in plan.series)
        raise UsageProblem(
            f"{alternative.name or plan.label} has {len(plan.series)} models ({names}), and one of each is compared",
            hint="Keep one model in each file of --configs, or compare models of one configuration with --models.",
        )
    if alternative.name is None:
        return plan
    (series,) = plan.series
    named = replace(series, provider_name=alternative.name, series=f"{alternative.name}/{series.model}")
    return replace(plan, series=(named,))


def _refuse_same(plans: Sequence[ArmPlan]) -> None:
    for one, other in combinations(plans, 2):
        name, other_name = one.series[0].series, other.series[0].series
        if name == other_name:
            raise UsageProblem(f"two alternatives are called {name}", hint="Give one of the files another name.")
        if same_requests(one, replace(other, series=same_name(other.series, one.series))):
            raise UsageProblem(
                f"{name} and {other_name} send the same requests to the same place",
                hint="Leave one of them out: there is nothing to compare between them.",
            )


def _refuse_targets(found: Sequence[Arms]) -> None:
    """Refuse to start several servers on one machine, each of which would slow the others down."""
    several = len({arms.loaded.config_hash for arms in found}) > 1
    if several and any(arms.candidate_side.config.target is not None for arms in found):
        raise UsageProblem(
            "a `target` cannot be started where several configurations are compared",
            hint="Start the servers yourself, and give each configuration the `endpoint` of its own.",
        )


def _configurations(names: Sequence[str], found: Sequence[Arms]) -> dict[str, LoadedConfig]:
    if len({arms.loaded.config_hash for arms in found}) == 1:
        return {}
    return {name: arms.loaded for name, arms in zip(names, found, strict=True)}
