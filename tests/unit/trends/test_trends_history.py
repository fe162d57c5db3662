"""Which runs make up a history, in which order, and what each of them says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.artifacts.run import Run
from lens_gate.errors import ArtifactCorrupt
from lens_gate.trends.history import arrange, record
from lens_gate.vocabulary.metric_table import metric
from tests.builders import (
    PROVENANCE,
    SERIES,
    a_benchmark,
    a_model_result,
    a_provider_result,
    a_run,
    a_spend,
    a_validity,
    a_validity_check,
    an_arm,
    an_unmeasured_latency,
)
from tests.histories import FIRST_DAY, a_history_run, a_record, commit, run_id, start

MEDIAN = metric("median_latency")


def test_a_record_holds_the_candidates_values_its_commit_and_its_start() -> None:
    found = record(a_history_run(3), [MEDIAN, metric("mean_ttft")], file="a.json")
    assert found.values == {(SERIES, "median_latency"): 1500.0, (SERIES, "mean_ttft"): pytest.approx(550.0)}
    assert (found.run, found.commit, found.branch) == (run_id(3), commit(3), PROVENANCE.branch)
    assert (found.start, found.time) == (FIRST_DAY + timedelta(days=3), start(3))
    assert found.defect is None


def test_a_metric_of_the_whole_run_belongs_to_no_series() -> None:
    found = record(a_run(spend=a_spend(spent_usd=1.2)), [metric("total_cost_usd")], file="a.json")
    assert found.values == {(None, "total_cost_usd"): 1.2}


def test_a_value_that_was_not_measured_is_unknown() -> None:
    run = a_run(providers=(a_provider_result(a_model_result(latency=an_unmeasured_latency())),))
    assert record(run, [MEDIAN], file="a.json").values == {(SERIES, "median_latency"): None}


def test_without_a_commit_of_the_arm_the_one_of_the_writer_counts() -> None:
    assert record(a_run(arms=(an_arm(commit=None),)), [], file="a.json").commit == PROVENANCE.commit
    assert record(a_run(arms=()), [], file="a.json").commit == PROVENANCE.commit


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02T10:00:00+02:00", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("2026-03-02T10:00:00.250Z", datetime(2026, 3, 2, 10, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-03-02T10:00:00", datetime(2026, 3, 2, 10, tzinfo=UTC)),
    ],
)
def test_a_start_is_read_in_utc(text: str, moment: datetime) -> None:
    assert record(a_run(benchmark=a_benchmark(start_time=text)), [], file="a.json").start == moment


def test_a_start_that_is_no_time_is_refused_by_its_file() -> None:
    with pytest.raises(ArtifactCorrupt, match="no time: 'yesterday'") as caught:
        record(a_run(benchmark=a_benchmark(start_time="yesterday")), [], file="a.json")
    assert caught.value.place == "a.json"


@pytest.mark.parametrize(
    ("run", "defect"),
    [
        (a_run(validity=a_validity(a_validity_check(ok=False, message="sent too late"))), "not valid (sent too late)"),
        (a_run(validity=a_validity(a_validity_check()).model_copy(update={"valid": False})), "does not say why"),
        (a_run(providers=()), "measured nothing"),
    ],
)
def test_a_run_that_cannot_be_used_says_why(run: Run, defect: str) -> None:
    assert defect in (record(run, [MEDIAN], file="a.json").defect or "")


@given(st.permutations(range(6)))
def test_runs_are_put_in_the_order_of_their_start(order: list[int]) -> None:
    history = arrange(a_record(number) for number in order)
    assert [run.run for run in history.runs] == [run_id(number) for number in range(6)]
    assert history.left_out == ()


def test_copies_invalid_runs_and_other_branches_are_left_out_and_named() -> None:
    records = [
        a_record(0, file="a.json"),
        a_record(0, file="copy.json"),
        a_record(1, file="broken.json", defect="the run is not valid"),
        a_record(2, file="branch.json", branch="feature"),
        a_record(3, file="nowhere.json", branch=None),
        a_record(4),
    ]
    history = arrange(records, branch="main")
    assert [run.run for run in history.runs] == [run_id(0), run_id(4)]
    assert {one.what: one.reason for one in history.left_out} == {
        "copy.json": f"this is the run {run_id(0)} of a.json once more",
        "broken.json": "the run is not valid",
        "branch.json": "the run belongs to the branch feature",
        "nowhere.json": "the run belongs to the branch unknown",
    }


def test_the_anchor_may_come_from_another_branch() -> None:
    records = [a_record(0, branch="release"), a_record(1)]
    assert [run.run for run in arrange(records, branch="main", anchor=run_id(0)).runs] == [run_id(0), run_id(1)]
