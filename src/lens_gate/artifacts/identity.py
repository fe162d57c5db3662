"""What a run is by its own word: when it began, what each arm was, what was sent, and why it cannot be used."""

from __future__ import annotations

from datetime import UTC, datetime

from lens_gate.artifacts.run import ArmIdentity, Run
from lens_gate.vocabulary.requests import UNCOMMITTED, Arm

MEASURED_NOTHING = "the run measured nothing"


def moment_of(text: str) -> datetime | None:
    """Return a time of an artifact in UTC, which it is taken for where it names no zone; None where it is no time."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def identity_of(run: Run, arm: Arm) -> ArmIdentity | None:
    """Return what an arm of a run was; None where it had none."""
    return next((one for one in run.arms if one.arm is arm), None)


def sent(run: Run, arm: Arm) -> str | None:
    """Return what two runs that sent the same have in common; None without such an arm.

    What only one arm of a run had was not sent. Of a run that another tool measured only the models count: most of them
    make up new prompts each time.
    """
    identity = identity_of(run, arm)
    if identity is None:
        return None
    if run.transport.startswith("import"):
        return " ".join(sorted(identity.models))
    unsent = sorted(f"{one.series or ''} {one.prompt_id}" for one in run.uncovered if one.arm is arm)
    return " without ".join([identity.requests_hash, *unsent])


def commit_of(run: Run) -> str | None:
    """Return the commit that a run measured: that of its candidate, else the one that it was made at."""
    identity = identity_of(run, Arm.CANDIDATE)
    return (identity.commit if identity else None) or run.provenance.commit


def is_uncommitted(run: Run) -> bool:
    """Say whether what was measured differs from its commit."""
    identity = identity_of(run, Arm.CANDIDATE)
    return identity is not None and identity.label.endswith(UNCOMMITTED)


def defect_of(run: Run) -> str | None:
    """Say why a run cannot be part of a history; None where it can."""
    if not run.validity.valid:
        broken = [check.message for check in run.validity.checks if not check.ok and check.effect == "invalid"]
        return f"the run is not valid ({'; '.join(broken) or 'it does not say why'})"
    return None if run.providers else MEASURED_NOTHING
