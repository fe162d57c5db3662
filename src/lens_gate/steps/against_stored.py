"""A run that is compared with stored runs: which of them, and the configuration of its control."""

from __future__ import annotations

from dataclasses import replace

from lens_gate.analysis.baseline import Stored
from lens_gate.artifacts.identity import identity_of
from lens_gate.errors import UsageProblem
from lens_gate.steps.arms import RunOrder, resolve
from lens_gate.steps.judge import Rules, stored_baseline
from lens_gate.steps.order import Against
from lens_gate.steps.world import World
from lens_gate.vocabulary.requests import Arm


def stored_for(order: RunOrder, judged_by: Rules, world: World) -> Stored | None:
    """Read the stored runs that a run will be compared with; None where none is named, or it is compared in pairs."""
    if order.against is not None and order.control is None:
        return None
    alone = resolve(replace(order, against=None, control=None), world)
    return stored_baseline(judged_by, world, series=[one.series for one in alone.candidate.series])


def with_stored_base(order: RunOrder, stored: Stored | None, world: World) -> RunOrder:
    """Let the control be what the newest stored run measured, where a control is asked for and nothing else named."""
    if stored is None or order.control is None or order.against is not None:
        return order
    measured = identity_of(stored.run, Arm.CANDIDATE)
    commit = None if measured is None else measured.commit
    if commit is None or world.repository is None or not world.repository.knows(commit):
        raise UsageProblem(
            "git does not know what the newest stored run measured, so no control can be sent with it",
            hint="Name the baseline's configuration with one of the --against options.",
        )
    return replace(order, against=Against(kind="ref", value=commit))
