"""A run that is compared with stored runs: which of them, and the configuration of its control."""

from __future__ import annotations

from dataclasses import replace

from lens_gate.analysis.baseline import Missing, Stored
from lens_gate.artifacts.identity import identity_of
from lens_gate.baselines.comparable import Subject
from lens_gate.errors import UsageProblem
from lens_gate.steps.archived.store_choice import Wanted
from lens_gate.steps.judging.judge import Rules, stored_baseline
from lens_gate.steps.recorded.written import identity
from lens_gate.steps.resolving.arms import Arms, RunOrder, resolve
from lens_gate.steps.resolving.order import Against
from lens_gate.steps.resolving.secrets import secrets_in
from lens_gate.steps.world import World
from lens_gate.vocabulary.requests import Arm
from lens_gate.vocabulary.secrets import blotting


def stored_for(order: RunOrder, judged_by: Rules, world: World) -> Stored | Missing | None:
    """Read the stored runs that a run will be compared with; None where none is named, or it is compared in pairs."""
    if order.against is not None and order.control is None:
        return None
    alone = resolve(replace(order, against=None, control=None), world)
    return stored_baseline(judged_by, world, _planned(alone, world))


def _planned(arms: Arms, world: World) -> Wanted:
    """Return what is known of a run before its first request: not yet who answers, nor what comes from a cache."""
    arm = identity(arms.candidate, blotting(secrets_in(arms, world)))
    series = frozenset(one.series for one in arms.candidate.series)
    subject = Subject(
        series=series,
        endpoints=frozenset(arm.endpoints) or None,
        region=world.runner.region,
        platform=world.runner.platform,
        sent=arm.requests_hash,
        config_hash=arms.config_hash,
    )
    return Wanted(series=series, subject=subject)


def with_stored_base(order: RunOrder, stored: Stored | Missing | None, world: World) -> RunOrder:
    """Let the control be what the newest stored run measured, where a control is asked for and nothing else named."""
    if not isinstance(stored, Stored) or order.control is None or order.against is not None:
        return order
    measured = identity_of(stored.run, Arm.CANDIDATE)
    commit = None if measured is None else measured.commit
    if commit is None or world.repository is None or not world.repository.knows(commit):
        raise UsageProblem(
            "git does not know what the newest stored run measured, so no control can be sent with it",
            hint="Name the baseline's configuration with one of the --against options.",
        )
    return replace(order, against=Against(kind="ref", value=commit))
