from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.ci.github.event import Event, MergeGroup, read_event
from lens_gate.errors import PublishFailed
from tests.fakes.github_runner import BEFORE_SHA, SHA, VARIABLES, Runner, a_finished_run, a_pull_request

MERGE_SHA = "abcdef0123" * 4
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def an_event(tmp_path: Path, payload: Any, name: str, **changes: str) -> Event:
    return read_event(Runner(tmp_path, name=name, changes=changes).environment(), json.dumps(payload))


def test_a_pull_request_is_checked_at_its_head_and_not_at_its_merge_commit(tmp_path: Path) -> None:
    payload = {"pull_request": a_pull_request(), "before": BEFORE_SHA}
    event = an_event(tmp_path, payload, "pull_request", GITHUB_SHA=MERGE_SHA)
    assert event.sha == SHA
    assert event.before == BEFORE_SHA
    assert event.pull is not None
    assert (event.pull.number, event.pull.fork) == (482, False)
    assert event.run_url == "https://github.com/acme/widgets/actions/runs/4242"
    assert event.origin is None


@pytest.mark.parametrize("home", ["visitor/widgets", None])
def test_a_branch_of_another_or_of_a_deleted_repository_is_a_fork(tmp_path: Path, home: str | None) -> None:
    event = an_event(tmp_path, {"pull_request": a_pull_request(home=home)}, "pull_request")
    assert event.pull is not None
    assert event.pull.fork


def test_a_push_has_no_pull_request_and_zeros_are_no_commit(tmp_path: Path) -> None:
    event = an_event(tmp_path, {"before": "0" * 40}, "push")
    assert (event.pull, event.before, event.sha) == (None, None, SHA)


def test_a_payload_without_the_pull_request_leaves_the_merge_ref(tmp_path: Path) -> None:
    event = an_event(tmp_path, {}, "pull_request", GITHUB_REF="refs/pull/7/merge", GITHUB_SHA=MERGE_SHA)
    assert event.pull is not None
    assert (event.pull.number, event.sha) == (7, MERGE_SHA)
    assert an_event(tmp_path, {}, "pull_request", GITHUB_REF="refs/heads/x").pull is None


def test_the_run_before_a_workflow_run_says_whose_results_these_are(tmp_path: Path) -> None:
    event = an_event(tmp_path, {"workflow_run": a_finished_run()}, "workflow_run", GITHUB_SHA=MERGE_SHA)
    assert event.origin is not None
    assert (event.origin.owner, event.origin.branch, event.origin.sha) == ("visitor", "longer-prompt", SHA)
    assert event.origin.repository == "visitor/widgets"
    assert (event.sha, event.run_id, event.attempt) == (SHA, 4100, 2)


def test_a_deleted_fork_is_no_repository(tmp_path: Path) -> None:
    run = a_finished_run(home=None)
    event = an_event(tmp_path, {"workflow_run": run}, "workflow_run")
    assert event.origin is not None
    assert event.origin.repository is None


def test_a_merge_group_says_where_it_goes_and_what_it_stands_on(tmp_path: Path) -> None:
    group = {"base_ref": "refs/heads/main", "base_sha": BEFORE_SHA, "head_ref": "refs/heads/queue/1", "head_sha": SHA}
    event = an_event(tmp_path, {"merge_group": group}, "merge_group")
    assert event.group == MergeGroup(branch="main", base_sha=BEFORE_SHA)
    assert event.pull is None


def test_addresses_of_an_enterprise_server_are_taken_from_its_variables(tmp_path: Path) -> None:
    changes = {"GITHUB_API_URL": "https://git.acme.example/api/v3/", "GITHUB_SERVER_URL": "https://git.acme.example"}
    event = an_event(tmp_path, {}, "push", **changes)
    assert event.api_url == "https://git.acme.example/api/v3"
    assert event.run_url == "https://git.acme.example/acme/widgets/actions/runs/4242"


def test_without_an_attempt_or_addresses_the_usual_ones_are_meant(tmp_path: Path) -> None:
    environment = Runner(tmp_path).environment()
    for name in ("GITHUB_RUN_ATTEMPT", "GITHUB_API_URL", "GITHUB_SERVER_URL"):
        del environment[name]
    event = read_event(environment, "")
    assert (event.attempt, event.api_url, event.server_url) == (1, "https://api.github.com", "https://github.com")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GITHUB_REPOSITORY", "acme/widgets/../secrets"),
        ("GITHUB_REPOSITORY", ""),
        ("GITHUB_SHA", "main"),
        ("GITHUB_RUN_ID", "one"),
        ("GITHUB_RUN_ID", ""),
        ("GITHUB_RUN_ATTEMPT", "-1"),
        ("GITHUB_API_URL", "file:///etc/passwd"),
        ("GITHUB_SERVER_URL", "https://x/ y"),
    ],
)
def test_a_variable_that_github_would_not_set_is_named(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(PublishFailed, match=variable):
        an_event(tmp_path, {}, "push", **{variable: value})


@pytest.mark.parametrize("payload", ["{", "[1]", '"text"'])
def test_a_payload_that_is_no_object_is_refused(tmp_path: Path, payload: str) -> None:
    with pytest.raises(PublishFailed, match="payload"):
        read_event(Runner(tmp_path).environment(), payload)


@pytest.mark.parametrize(
    "run",
    [
        {},
        a_finished_run(head_branch=None),
        a_finished_run(head_branch=""),
        a_finished_run(head_sha="HEAD"),
        a_finished_run(head_repository={"owner": {"login": "a b"}}),
        a_finished_run(id="x"),
        a_finished_run(event=3),
    ],
)
def test_a_workflow_run_that_does_not_say_whose_it_is_publishes_nothing(tmp_path: Path, run: dict[str, Any]) -> None:
    with pytest.raises(PublishFailed):
        an_event(tmp_path, {"workflow_run": run}, "workflow_run")


@given(payload=JSON, name=st.sampled_from(["push", "pull_request", "workflow_run", "schedule", ""]))
def test_any_payload_gives_an_event_or_says_why_not(payload: Any, name: str) -> None:
    environment = {**VARIABLES, "GITHUB_EVENT_NAME": name}
    for document in (payload, {"pull_request": payload}, {"workflow_run": payload}):
        try:
            event = read_event(environment, json.dumps(document))
        except PublishFailed:
            continue
        assert (event.origin is not None) == (name == "workflow_run")
