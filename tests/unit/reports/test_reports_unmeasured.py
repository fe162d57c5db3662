"""What is said of a job that had no secrets."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from lens_gate.reports.sheet import sheet_markdown, sheet_text
from lens_gate.reports.unmeasured import unmeasured_sheet
from tests.builders import an_unmeasured_job


def test_a_job_without_secrets_says_which_it_is_and_what_was_missing(snapshot: SnapshotAssertion) -> None:
    sheet = unmeasured_sheet(an_unmeasured_job())
    assert sheet_text(sheet, width=100, unicode=True) == snapshot
    assert sheet_markdown(sheet) == snapshot
