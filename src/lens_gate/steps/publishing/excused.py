"""What a job leaves that is excused from measuring, and what is told of it where all jobs are told of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lens_gate.artifacts.codec import SCHEMA_VERSIONS, dumps
from lens_gate.artifacts.envelope import Kind
from lens_gate.artifacts.unmeasured import UnmeasuredJob
from lens_gate.artifacts.verdict import PipelineJob
from lens_gate.reports.unmeasured import NO_SECRETS
from lens_gate.steps.line import UNMEASURED_FILE, without_earlier
from lens_gate.steps.publishing.unmeasured import Unmeasured
from lens_gate.steps.world import World
from lens_gate.stores.files import write_file
from lens_gate.vocabulary.outcomes import Outcome

_UNVOUCHED = "Its run says so itself, and nobody vouches for that."
_IN_ITS_LOG = "What exactly was missing stands in the log of that run."


def leave_unmeasured(one: Unmeasured, folder: Path, world: World, job: PipelineJob | None) -> None:
    """Leave a file that says that a job was not measured, and no verdict of an earlier run beside it.

    Raises PublishFailed where that cannot be done.
    """
    without_earlier(folder)
    left = UnmeasuredJob(
        kind=Kind.UNMEASURED,
        schema_version=SCHEMA_VERSIONS[Kind.UNMEASURED],
        provenance=world.provenance(),
        fingerprint=world.fingerprint(""),
        outcome=Outcome.NOT_MEASURED,
        suite=one.suite,
        message=one.why,
        reason=one.missing,
        job=job,
    )
    write_file(folder / UNMEASURED_FILE, dumps(left))


def unmeasured_of(left: UnmeasuredJob, suite: str) -> Unmeasured:
    """Return what is told of a job that left such a file, under the name that it goes by here."""
    return Unmeasured(
        suite=suite, headline=NO_SECRETS, why=left.message, missing=left.reason, checks=(suite,), named=True
    )


def unvouched(one: Unmeasured, excuse: str) -> Unmeasured:
    """Return what is told where another's run left the file: nothing of it but its name.

    `excuse` is what the platform says of that run's secrets, empty where it may have had them.
    """
    return replace(one, why=excuse or _UNVOUCHED, missing=_IN_ITS_LOG)
