"""What is said of a job that had no secrets, and so measured nothing."""

from __future__ import annotations

from lens_gate.artifacts.unmeasured import UnmeasuredJob
from lens_gate.reports.sheet import Sheet

NO_SECRETS = "this run has no secrets"
"""What stands behind "Not measured"."""


def unmeasured_sheet(artifact: UnmeasuredJob) -> Sheet:
    """Return the whole of it as a sheet: the name that it goes by, why there are no secrets, and what was missing."""
    texts = (artifact.suite, artifact.message, artifact.reason)
    return Sheet(title=f"Not measured: {NO_SECRETS}", text=texts, sections=())
