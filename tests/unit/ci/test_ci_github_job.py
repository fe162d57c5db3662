"""The job that a step belongs to, from what GitHub's runner sets."""

from __future__ import annotations

import json

import pytest

from lens_gate.ci.github.job import LEG, leg_of, read_job

HERE = {
    "GITHUB_WORKFLOW_REF": "acme/widgets/.github/workflows/gate.yml@refs/pull/12/merge",
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_JOB": "gate",
    "GITHUB_REF": "refs/pull/12/merge",
    "RUNNER_TRACKING_ID": "github_1",
    "RUNNER_NAME": "runner 7",
}


def test_a_job_has_the_same_name_in_every_run_and_on_every_branch() -> None:
    later = {
        "GITHUB_WORKFLOW_REF": "acme/widgets/.github/workflows/gate.yml@refs/heads/other",
        "RUNNER_TRACKING_ID": "github_2",
        "RUNNER_NAME": "runner 8",
    }
    first, second = read_job(HERE), read_job(HERE | later)
    assert first.name == second.name
    assert first.nonce != second.nonce


@pytest.mark.parametrize(
    "other",
    [
        {"GITHUB_WORKFLOW_REF": "acme/widgets/.github/workflows/other.yml@refs/pull/12/merge"},
        {"GITHUB_EVENT_NAME": "push"},
        {"GITHUB_JOB": "other"},
        {"GITHUB_REF": "refs/pull/13/merge"},
        {LEG: '{"model": "b"}'},
    ],
)
def test_jobs_are_told_apart_by_workflow_event_change_name_and_matrix(other: dict[str, str]) -> None:
    assert read_job(HERE).name != read_job(HERE | other).name


def test_pull_requests_into_two_branches_are_told_apart_where_the_ref_does_not_say_which() -> None:
    target = HERE | {"GITHUB_EVENT_NAME": "pull_request_target", "GITHUB_REF": "refs/heads/main"}
    assert read_job(target | {"GITHUB_BASE_REF": "main"}).name != read_job(target | {"GITHUB_BASE_REF": "v1"}).name


def test_only_a_workflow_after_another_one_may_be_for_several_changes_of_a_commit() -> None:
    assert read_job(HERE).one_change
    assert not read_job(HERE | {"GITHUB_EVENT_NAME": "workflow_run"}).one_change


@pytest.mark.parametrize("other", [{"RUNNER_TRACKING_ID": ""}, {"RUNNER_NAME": "runner 8"}])
def test_jobs_of_one_name_are_told_apart_by_their_runners(other: dict[str, str]) -> None:
    assert read_job(HERE).name == read_job(HERE | other).name
    assert read_job(HERE).nonce != read_job(HERE | other).nonce


def test_without_the_path_of_its_workflow_a_job_goes_by_that_ones_name() -> None:
    assert read_job({"GITHUB_WORKFLOW": "a"}).name != read_job({"GITHUB_WORKFLOW": "b"}).name


@pytest.mark.parametrize(
    ("matrix", "leg"),
    [
        ({"model": "gpt-4", "users": 10, "fast": True}, "gpt-4, 10, true"),
        ({"model": {"id": "x", "users": [1, 2.5], "seed": None}, "region": "eu"}, "x, 1, 2.5, eu"),
        ({}, ""),
        (None, ""),
        ([1, 2], ""),
    ],
)
def test_a_leg_is_named_by_the_values_of_its_matrix(matrix: object, leg: str) -> None:
    assert leg_of({LEG: json.dumps(matrix)}) == leg


@pytest.mark.parametrize("around", [{}, {LEG: ""}, {LEG: "{"}])
def test_without_a_matrix_there_is_no_leg(around: dict[str, str]) -> None:
    assert leg_of(around) == ""
