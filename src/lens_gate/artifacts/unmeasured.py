"""`unmeasured.json`: what a job leaves that had no secrets to measure with, so that others know of it."""

from __future__ import annotations

from typing import Literal

from lens_gate.artifacts.envelope import Envelope, Kind
from lens_gate.artifacts.verdict import PipelineJob
from lens_gate.vocabulary.outcomes import Outcome


class UnmeasuredJob(Envelope):
    """The artifact of a `lens-gate ci` that measured nothing, and is excused since its run has no secrets.

    `suite` is the name that its result goes by among others, `message` says why there are no secrets, and `reason` what
    was missing. `job` is as in a verdict.
    """

    kind: Literal[Kind.UNMEASURED]
    outcome: Literal[Outcome.NOT_MEASURED]
    suite: str
    message: str
    reason: str
    job: PipelineJob | None = None
