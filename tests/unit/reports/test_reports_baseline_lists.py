"""Stored runs and baselines for people and for programs."""

from __future__ import annotations

import json

from lens_gate.reports.baseline_lists import as_json, details, table
from lens_gate.vocabulary.index import Acceptance, IndexEntry
from tests.unit.baselines.baseline_entries import a_row, an_entry

ACCEPTANCE = Acceptance(by="ada", reason="a larger model", at="2026-03-05T11:00:00Z", expires="2026-04-30T00:00:00Z")


def test_each_stored_run_is_a_line_in_columns() -> None:
    rows = [("main", an_entry(1, outcome="pass")), ("next", an_entry(2, acceptance=ACCEPTANCE)), ("killed", None)]
    head, first, second, third = table(rows, first="baseline").splitlines()
    assert head.split() == ["baseline", "measured", "commit", "branch", "requests", "verdict", "accepted"]
    assert first.split() == ["main", "2026-03-01", "10:00", "000000000001", "main", "300", "pass"]
    assert second.endswith("ada: a larger model")
    assert third.split() == ["killed", "unknown"]


def test_what_no_entry_says_stays_empty() -> None:
    bare = an_entry(commit=None, branch=None)
    assert table([("main", bare)], first="baseline").splitlines()[1].split() == ["main", "2026-03-01", "10:00", "300"]


def test_text_from_elsewhere_steers_no_terminal() -> None:
    evil = an_entry(branch="main\x1b[2J", acceptance=Acceptance(by="a\x1b[2J", reason="b", at="2026-03-05"))
    assert "\x1b" not in table([("ma\x1bin", evil)], first="baseline")
    assert "\x1b" not in details("ma\x1bin", evil)


def test_programs_get_everything_that_is_kept() -> None:
    (row, killed) = json.loads(as_json([("main", an_entry()), ("killed", None)], first="baseline"))
    assert row["baseline"] == "main"
    assert row["entry"]["run"]["series"][0]["middles"]["ttft"]["median_ms"] == 500.0
    assert killed == {"baseline": "killed", "entry": None}


def test_one_baseline_is_told_fact_by_fact() -> None:
    text = details("main", an_entry(acceptance=ACCEPTANCE, outcome="regression"))
    assert text.splitlines() == [
        "baseline main: run bench_0000000000000001",
        "  name      support-bot",
        "  measured  2026-03-01T10:00:00.000000Z for 300 s on runner-1",
        "  series    openai/gpt-small: 300 of 300 requests succeeded",
        "  commit    000000000001 of main",
        "  verdict   regression",
        "  accepted  by ada on 2026-03-05, until 2026-04-30: a larger model",
    ]


def test_a_baseline_of_which_little_is_known_is_told_as_far_as_it_is() -> None:
    bare = IndexEntry(
        kind="run",
        id="x",
        name="x",
        created_at="x",
        schema_version=1,
        acceptance=Acceptance(by="ada", reason="so", at="2026-03-05"),
    )
    assert details("main", bare).splitlines()[2:] == [
        "  commit    unknown of no branch",
        "  verdict   not judged",
        "  accepted  by ada on 2026-03-05: so",
    ]
    assert table([("main", bare)], first="baseline").splitlines()[1].split() == ["main", "unknown"]
    assert a_row().runner in details("main", an_entry(row=a_row()))
