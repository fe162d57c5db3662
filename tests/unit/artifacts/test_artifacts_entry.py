"""What a store keeps of a run says to a history exactly what the run itself says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings

from lens_gate.analysis.past import PastRun
from lens_gate.artifacts.entry import entry_of, open_checks
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.verdict import Check
from lens_gate.errors import ArtifactCorrupt
from lens_gate.stores.index_file import read_index, write_index
from lens_gate.trends.history import record, record_of_entry
from lens_gate.vocabulary.index import Acceptance, IndexEntry, OpenCheck, Point, RunRow
from lens_gate.vocabulary.metric_table import METRICS, metric
from lens_gate.vocabulary.outcomes import Outcome, Severity
from tests.builders import (
    MODEL,
    PROVENANCE,
    SERIES,
    a_benchmark,
    a_check,
    a_model_result,
    a_provider_result,
    a_run,
    a_validity,
    a_validity_check,
    a_verdict,
    an_arm,
)
from tests.unit.artifacts.run_strategies import POINT, runs


def kept(run: Run) -> tuple[IndexEntry, RunRow]:
    """Return the entry of a run as it comes back from an index."""
    entry = read_index(write_index({"run.json": entry_of(run)}), place="index.json")["run.json"]
    assert entry.run is not None
    return entry, entry.run


@settings(max_examples=40)
@given(runs())
def test_the_past_of_an_entry_is_the_past_of_its_run(run: Run) -> None:
    assert PastRun.of_entry(*kept(run)) == PastRun.of(run)


def test_an_entry_keeps_what_a_verdict_needs_of_an_earlier_run() -> None:
    assert PastRun.of_entry(*kept(a_run())) == PastRun.of(a_run())


@settings(max_examples=40)
@given(runs())
def test_the_record_of_an_entry_is_the_record_of_its_run(run: Run) -> None:
    everything = list(METRICS)
    assert record_of_entry(*kept(run), everything, file="a") == record(run, everything, file="a")


def test_an_entry_keeps_what_a_history_needs_of_a_run() -> None:
    found = record_of_entry(*kept(a_run()), list(METRICS), file="a")
    assert found == record(a_run(), list(METRICS), file="a")
    assert found.values[(SERIES, "mean_latency")] is not None


def test_an_entry_says_who_measured_what_where_and_how_it_was_judged() -> None:
    acceptance = Acceptance(by="ada", reason="a larger model", at="2026-03-02T11:00:00Z")
    entry = entry_of(a_run(), outcome=Outcome.REGRESSION, acceptance=acceptance)
    assert (entry.kind, entry.id, entry.name, entry.schema_version) == ("run", "run-1", "support-bot", 1)
    assert (entry.commit, entry.branch, entry.outcome) == (an_arm().commit, PROVENANCE.branch, "regression")
    assert (entry.created_at, entry.acceptance) == ("2026-03-02T10:05:01.000000Z", acceptance)
    row = entry.run
    assert row is not None
    assert (row.event, row.sent, row.defect, row.ending) == (None, "candidate-requests", None, "complete")
    assert (row.endpoints, row.runner) == (an_arm().endpoints, "runner-1")
    assert row.values["total_cost_usd"] == 1.2


@pytest.mark.parametrize("label", ["3f9c2ab", "3f9c2ab with uncommitted changes"])
def test_an_entry_says_that_what_was_measured_differs_from_its_commit(label: str) -> None:
    row = entry_of(a_run(arms=(an_arm(label=label),))).run
    assert row is not None
    assert row.uncommitted == ("uncommitted" in label)


def test_what_the_pipeline_ran_for_is_kept() -> None:
    row = entry_of(a_run(provenance=PROVENANCE.model_copy(update={"event": "pull_request"}))).run
    assert row is not None
    assert row.event == "pull_request"


def test_a_series_has_its_counts_its_values_and_its_points_in_time() -> None:
    model = a_model_result(time_series=(POINT,))
    row = entry_of(a_run(providers=(a_provider_result(model),), benchmark=a_benchmark(config={"a": [1]}))).run
    assert row is not None
    assert json.loads(row.config or "") == {"a": [1]}
    (series,) = row.series
    assert (series.model, series.returned, series.requests, series.successful) == (MODEL, (MODEL,), 300, 300)
    assert series.values["median_latency"] == 1500.0
    assert "goodput" not in series.values
    sums = {"total_tokens": model.tokens.total, "total_cost_usd": model.cost.total_usd}
    assert sums.items() <= series.values.items()
    assert series.points == (
        Point(timestamp=POINT.timestamp, rps=1.5, tokens_per_second=40.0, mean_latency_ms=900.0, error_rate=2.5),
    )


def test_an_invalid_run_says_why() -> None:
    run = a_run(validity=a_validity(a_validity_check(ok=False, message="the clock stood still")))
    row = entry_of(run).run
    assert row is not None
    assert row.defect == "the run is not valid (the clock stood still)"


def test_times_are_kept_in_one_form_so_that_their_order_as_text_is_that_of_time() -> None:
    texts = ["2026-03-02T10:00:00Z", "2026-03-02T10:00:00.250Z", "2026-03-02T12:00:01+02:00", "2026-03-02T10:00:02"]
    found = [entry_of(a_run(benchmark=a_benchmark(start_time=text))).run for text in texts]
    starts = [row.start_time for row in found if row is not None]
    assert starts == sorted(starts)
    assert {len(start) for start in starts} == {27}


@pytest.mark.parametrize("field", ["start_time", "end_time"])
def test_a_run_that_began_or_ended_at_no_time_is_not_kept(field: str) -> None:
    with pytest.raises(ArtifactCorrupt, match=rf"run\.json: `benchmark\.{field}` is no time: 'soon'"):
        entry_of(a_run(benchmark=a_benchmark(**{field: "soon"})))


def test_a_record_of_an_entry_that_nobody_here_wrote_needs_a_start() -> None:
    row = RunRow(start_time="soon", end_time="later", duration_seconds=1.0)
    entry = IndexEntry(kind="run", id="x", name="x", created_at="soon", schema_version=1, run=row)
    with pytest.raises(ArtifactCorrupt, match=r"a\.json: `benchmark.start_time` is no time"):
        record_of_entry(entry, row, [metric("median_latency")], file="a.json")


def test_of_a_verdict_is_kept_what_did_not_pass_and_weighs_the_worst_of_each_metric() -> None:
    def of(outcome: Outcome, metric: str, severity: Severity = Severity.ERROR) -> Check:
        return a_check(outcome=outcome, metric=metric, series="openai/a", severity=severity)

    checks = (
        of(Outcome.PASS, "mean_latency"),
        of(Outcome.INCONCLUSIVE, "mean_ttft"),
        of(Outcome.REGRESSION, "mean_ttft"),
        of(Outcome.INCONCLUSIVE, "mean_ttft"),
        of(Outcome.INCONCLUSIVE, "error_rate"),
        of(Outcome.REGRESSION, "cost_per_request_usd", Severity.WARNING),
        of(Outcome.NO_BASELINE, "mean_tpot"),
    )
    found = open_checks(a_verdict().model_copy(update={"checks": checks}))
    assert {(one.metric, one.outcome) for one in found} == {("mean_ttft", "regression"), ("error_rate", "inconclusive")}
    assert {one.series for one in found} == {"openai/a"}


def test_what_a_gate_did_not_let_pass_comes_back_from_an_index() -> None:
    check = OpenCheck(series="openai/a", metric="mean_ttft", outcome="regression")
    for checks in (None, (), (check,)):
        entry = replace(entry_of(a_run()), open_checks=checks)
        assert read_index(write_index({"run.json": entry}), place="index.json")["run.json"].open_checks == checks
