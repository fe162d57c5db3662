"""Verdicts on their way to GitLab: many jobs that share one note, and what a run without secrets can say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

import pytest
from typing_extensions import override

from lens_gate.ci.gitlab.platform import GitLab
from lens_gate.ci.notes import Notes, Patience
from lens_gate.ci.waiting import Waiting
from lens_gate.errors import PublishFailed
from lens_gate.steps.publishing.publish import Stage, Wish, publish
from lens_gate.steps.publishing.unmeasured import Unmeasured, publish_unmeasured
from lens_gate.vocabulary.publishing import Publication
from tests.fakes.github import Answer, Fault
from tests.fakes.gitlab import REQUEST, GitLabServer, gitlab_server, refused
from tests.fakes.virtual_time import Travelling, VirtualTime
from tests.unit.steps.test_steps_publish import another, finished, suites_in

JOBS = 10
NAMES = [f"job {number}" for number in range(JOBS)]
NO_KEY = Unmeasured(suite="s", headline="no secrets", why="A fork has none.", missing="OPENAI_API_KEY is not set")
FORK = {"CI_PROJECT_ID": "8", "GITLAB_TOKEN": ""}
OF_BRANCH = {"CI_MERGE_REQUEST_IID": "", "CI_OPEN_MERGE_REQUESTS": f"7!{REQUEST}"}


@pytest.fixture
def server() -> Iterator[GitLabServer]:
    with gitlab_server() as running:
        yield running


def at_once(server: GitLabServer, folder: Path) -> tuple[list[PublishFailed], float]:
    """Publish ten results from ten jobs of one pipeline; return what failed, and the seconds that it took."""
    clock, failures = VirtualTime(), list[PublishFailed]()

    class FarAway(GitLab):
        """A job whose requests take a third of a second each way."""

        @override
        def notes(self) -> Sequence[Notes]:
            return [Travelling(one, lambda: clock.sleep(0.3)) for one in super().notes()]

    def job(number: int) -> Callable[[], None]:
        waiting = Waiting(sleep=clock.sleep, now=lambda: clock.now, rng=Random(number))
        platform = FarAway(server.environment(CI_JOB_ID=str(5000 + number)), folder, waiting)
        stage = Stage(platform=platform, patience=Patience(waiting=waiting), say=lambda _: None)
        wish = Wish(kinds=(Publication.COMMENT,), strict=True)
        return lambda: failures.extend(publish([finished(suite=NAMES[number])], wish, stage))

    clock.run([job(number) for number in range(JOBS)])
    return failures, clock.now


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [Fault(refused(429, "Too Many Requests", **{"Retry-After": "6"}), method="PUT", times=4)],
        [Fault(Answer(502), method="PUT", times=3), Fault(Answer(0), method="POST", after=True)],
    ],
    ids=["lost", "limited", "in an outage"],
)
def test_ten_jobs_that_write_at_once_while_updates_are_lost_end_in_one_note_with_ten_results(
    tmp_path: Path, server: GitLabServer, faults: list[Fault]
) -> None:
    server.add_note("what people say")
    server.lose, server.faults = 6, faults
    failures, seconds = at_once(server, tmp_path)
    assert failures == []
    _, body = server.bodies()
    assert suites_in(body) == NAMES
    assert "Regression in all 10 suites" in body
    assert server.lose == 0
    assert [fault.times for fault in faults] == [0] * len(faults)
    assert seconds < 180


def test_one_report_job_for_ten_results_writes_once(tmp_path: Path, server: GitLabServer) -> None:
    stage = a_stage(server, tmp_path, [])
    publish([finished(suite=name) for name in NAMES], Wish(kinds=(Publication.COMMENT,)), stage)
    (body,) = server.bodies()
    assert suites_in(body) == NAMES
    assert [one.method for one in server.asked if one.method != "GET"] == ["POST"]


def a_stage(server: GitLabServer, folder: Path, said: list[str], **changes: str) -> Stage:
    waiting = Waiting(sleep=lambda _: None, now=lambda: 0.0, rng=Random(1))
    platform = GitLab(server.environment(**changes), folder, waiting)
    return Stage(platform=platform, patience=Patience(waiting=waiting), say=said.append)


@pytest.mark.parametrize(("source", "stands"), [("parent_pipeline", True), ("merge_request_event", False)])
def test_a_pass_of_another_child_pipeline_on_the_same_commit_takes_no_regression_away(
    tmp_path: Path, server: GitLabServer, source: str, *, stands: bool
) -> None:
    for pipeline, scenario in (("901", "regression"), ("902", "pass")):
        stage = a_stage(server, tmp_path, [], CI_PIPELINE_ID=pipeline, CI_PIPELINE_SOURCE=source)
        publish([another(scenario)], Wish(kinds=(Publication.COMMENT,), strict=True), stage)
    (body,) = server.bodies()
    assert ("Regression in 1 of 2 suites" in body) == stands


def test_a_pass_of_the_branch_s_own_pipeline_takes_no_regression_of_the_merge_request_s_away(
    tmp_path: Path, server: GitLabServer
) -> None:
    of_branch = {"CI_PIPELINE_SOURCE": "push", **OF_BRANCH}
    for pipeline, scenario, changes in (("901", "regression", {}), ("902", "pass", of_branch)):
        stage = a_stage(server, tmp_path, [], CI_PIPELINE_ID=pipeline, **changes)
        assert publish([another(scenario)], Wish(kinds=(Publication.COMMENT,), strict=True), stage) == ()
    (body,) = server.bodies()
    assert "Regression in 1 of 2 suites" in body


def test_it_does_not_matter_how_a_pipeline_of_a_branch_was_started(tmp_path: Path, server: GitLabServer) -> None:
    for pipeline, source, scenario in (("901", "web", "regression"), ("902", "push", "pass")):
        stage = a_stage(server, tmp_path, [], CI_PIPELINE_ID=pipeline, CI_PIPELINE_SOURCE=source, **OF_BRANCH)
        assert publish([another(scenario)], Wish(kinds=(Publication.COMMENT,), strict=True), stage) == ()
    (body,) = server.bodies()
    assert body.splitlines()[1].startswith("## ✓ Pass")


def test_a_fork_without_secrets_leaves_the_reports_that_gitlab_has_and_tries_no_other(
    tmp_path: Path, server: GitLabServer
) -> None:
    said = list[str]()
    auto = Wish(kinds=None, strict=True)
    assert publish_unmeasured(NO_KEY, auto, a_stage(server, tmp_path, said, **FORK)) == ()
    assert [line.split(" is published")[0] for line in said] == ["no summary", "no check", "no comment"]
    assert "LENS_GATE_VERDICT=not_measured" in (tmp_path / "lens-gate.env").read_text()
    assert server.asked == []


def test_what_gitlab_has_no_place_for_is_tried_where_it_is_asked_for_by_name_and_its_failure_told(
    tmp_path: Path, server: GitLabServer
) -> None:
    said = list[str]()
    by_name = Wish(kinds=(Publication.SUMMARY,))
    assert publish_unmeasured(NO_KEY, by_name, a_stage(server, tmp_path, said, **FORK)) == ()
    assert len(said) == 1
    assert said[0].startswith("warning: not published:")
    strict = Wish(kinds=(Publication.SUMMARY,), strict=True)
    (failure,) = publish_unmeasured(NO_KEY, strict, a_stage(server, tmp_path, [], **FORK))
    assert failure.exit_code == 7
