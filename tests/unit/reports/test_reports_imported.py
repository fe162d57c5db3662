"""What an import says: what was read, and the command that judges it."""

from __future__ import annotations

from lens_gate.reports.imported import imported_lines
from tests.builders import a_duet_run, a_run


def test_a_run_of_one_version_asks_for_a_stored_one() -> None:
    first, validity, following = imported_lines({"run one.json": a_run()}, apart=None)
    assert first == "run one.json: 300 requests to 1 model, 300 successful (httpx)."
    assert validity.startswith("  ")
    assert following == "Next: lens-gate gate 'run one.json' --baseline STORED_RUN.json"


def test_a_duet_is_judged_by_itself() -> None:
    first, *_, following = imported_lines({"duet.json": a_duet_run()}, apart=None)
    assert first == "duet.json: 600 requests to 1 model in two versions, sent as pairs, 600 successful (httpx)."
    assert following == "Next: lens-gate gate duet.json"


def test_two_runs_are_one_run_and_its_baseline_with_the_reason_why_they_are_no_pairs() -> None:
    lines = list(imported_lines({"now.json": a_run(), "before.json": a_run()}, apart="they name no pairs"))
    assert "These are two runs and no pairs, because they name no pairs." in lines
    assert lines[-1] == "Next: lens-gate gate now.json --baseline before.json"
