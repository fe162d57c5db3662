from __future__ import annotations

import json
from typing import Any

import pytest

from lens_gate.ci.change import Change, change_of, needs_payload, place_of, target_of
from lens_gate.ci.repository import ChangePlace
from lens_gate.errors import SecurityRefusal
from tests.fakes.github_runner import VARIABLES, a_finished_run, a_pull_request

GITLAB = {"GITLAB_CI": "true", "CI_PROJECT_PATH": "acme/widgets"}
REQUEST = GITLAB | {"CI_MERGE_REQUEST_IID": "12", "CI_MERGE_REQUEST_PROJECT_ID": "7"}


def on_github(name: str, event: dict[str, Any] | None) -> Change:
    environment = VARIABLES | {"GITHUB_EVENT_NAME": name}
    assert needs_payload(environment) is name.startswith(("pull_request", "workflow_run"))
    return change_of(environment, b"" if event is None else json.dumps(event).encode())


@pytest.mark.parametrize("name", ["pull_request", "pull_request_target", "pull_request_review"])
def test_a_pull_request_has_its_number_and_a_fork_is_seen(name: str) -> None:
    own = on_github(name, {"pull_request": a_pull_request()})
    assert own == Change(name="pull/482", project="acme/widgets", fork=False)
    for home in ("visitor/widgets", None):
        assert on_github(name, {"pull_request": a_pull_request(home=home)}).fork


def test_the_half_that_follows_a_pull_request_of_a_fork_counts_as_that_fork() -> None:
    assert on_github("workflow_run", {"workflow_run": a_finished_run()}).fork
    assert on_github("workflow_run", {"workflow_run": a_finished_run(home=None)}).fork
    assert not on_github("workflow_run", {"workflow_run": a_finished_run(home="acme/widgets")}).fork


@pytest.mark.parametrize("event", [None, {}, {"pull_request": {"number": "x"}}])
def test_a_pull_request_of_which_nothing_is_known_counts_as_a_fork(event: dict[str, Any] | None) -> None:
    assert on_github("pull_request", event).fork
    assert on_github("workflow_run", event).fork
    merge = VARIABLES | {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_REF": "refs/pull/9/merge"}
    assert change_of(merge, b"").fork


@pytest.mark.parametrize("name", ["push", "schedule", "workflow_dispatch"])
def test_a_push_is_nobody_elses_change(name: str) -> None:
    assert on_github(name, None) == Change(project="acme/widgets")


def test_a_merge_request_has_its_number_and_a_fork_is_seen() -> None:
    own = change_of(REQUEST | {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "7"}, b"")
    assert own == Change(name="merge_request/12", project="acme/widgets", fork=False)
    assert change_of(REQUEST | {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "8"}, b"").fork
    assert change_of(REQUEST, b"").fork


def test_outside_of_pipelines_there_is_no_change() -> None:
    assert change_of({}, b"") == Change()
    assert change_of(GITLAB, b"") == Change(project="acme/widgets")


def test_only_the_merge_that_the_platform_made_is_one() -> None:
    asked = {"GITHUB_REF": "refs/pull/9/merge", "GITHUB_SHA": "a" * 40, "GITHUB_BASE_REF": "release"}
    assert place_of(asked) == ChangePlace(merge="a" * 40, goes_to=("release",))
    assert place_of(asked | {"GITHUB_REF": "refs/heads/x/refs/pull/9/merge"}).merge is None
    assert target_of({"GITHUB_BASE_REF": ""}) is None


@pytest.mark.parametrize(
    ("kind", "merge"), [("detached", None), ("merged_result", "b" * 40), ("merge_train", "b" * 40)]
)
def test_a_merge_request_says_where_it_left_its_target(kind: str, merge: str | None) -> None:
    asked = REQUEST | {
        "CI_MERGE_REQUEST_EVENT_TYPE": kind,
        "CI_COMMIT_SHA": "b" * 40,
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": "c" * 40,
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "release",
        "CI_DEFAULT_BRANCH": "trunk",
    }
    assert place_of(asked) == ChangePlace(merge=merge, left_at="c" * 40, goes_to=("release", "trunk"))
    assert target_of(asked) == "release"


QUEUED = {"GITHUB_EVENT_NAME": "merge_group", "GITHUB_SHA": "a" * 40, "GITHUB_RUN_ID": "1"} | {
    "GITHUB_REPOSITORY": "acme/widgets"
}


def group(**changes: str) -> bytes:
    told = {"base_sha": "b" * 40, "base_ref": "refs/heads/release/2", "head_sha": "a" * 40} | changes
    return json.dumps({"merge_group": told}).encode()


def test_a_group_of_a_merge_queue_is_compared_with_what_it_stands_on_and_is_nobody_s_fork() -> None:
    assert needs_payload(QUEUED)
    assert place_of(QUEUED, group()) == ChangePlace(left_at="b" * 40, goes_to=("release/2",))
    assert target_of(QUEUED, group()) == "release/2"
    assert change_of(QUEUED, group()) == Change(project="acme/widgets")


@pytest.mark.parametrize("payload", [b"", b"{", group(base_sha="main"), group(base_ref="")])
def test_a_group_that_github_does_not_describe_goes_to_the_branch_that_its_own_one_names(payload: bytes) -> None:
    made = QUEUED | {"GITHUB_REF": f"refs/heads/gh-readonly-queue/release/2/pr-12-{'b' * 40}"}
    assert place_of(made, payload) == ChangePlace(goes_to=("release/2",))
    assert target_of(made, payload) == "release/2"
    assert change_of(made, payload).fork


@pytest.mark.parametrize("ref", ["", "refs/heads/main", "refs/heads/gh-readonly-queue/pr-12", "refs/tags/main/pr-1-a"])
def test_a_group_whose_branch_nobody_knows_is_refused(ref: str) -> None:
    for ask in (target_of, place_of):
        with pytest.raises(SecurityRefusal, match="which branch this merge queue is for"):
            ask(QUEUED | {"GITHUB_REF": ref}, b"")
