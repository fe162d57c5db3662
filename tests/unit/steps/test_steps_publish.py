"""Verdicts on their way to a platform: what is tried, what is left out, and who learns of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count, product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic import JsonValue
from typing_extensions import override

from lens_gate.artifacts.leg import LeftOut, Leg, left_out, read_leg, written_leg
from lens_gate.ci.board import MOST_SLOTS, Board, Slot, digest, read_board, written
from lens_gate.ci.github.files import RunnerFiles
from lens_gate.ci.github.platform import GitHub
from lens_gate.ci.notes import Notes, Patience
from lens_gate.ci.waiting import Waiting
from lens_gate.errors import ConfigProblem, PublishFailed
from lens_gate.reports.comment import badness
from lens_gate.steps.publishing.check import begin_checks
from lens_gate.steps.publishing.comment import STATE_CHARACTERS, Measured, Said, composed, publish_comment, wanted
from lens_gate.steps.publishing.publish import Finished, Stage, Wish, publish, worst_first
from lens_gate.steps.publishing.unmeasured import STANDING, Unmeasured, publish_unmeasured, without_verdict
from lens_gate.vocabulary.outcomes import ExitCode, Outcome
from lens_gate.vocabulary.publishing import CommentMode, Publication
from tests.builders import (
    a_benchmark,
    a_finding,
    a_model_result,
    a_provider_result,
    a_verdict,
    an_analysis,
    an_arm,
    an_error_count,
)
from tests.fakes.github import (
    FORBIDDEN,
    PUBLISHED_LIMIT,
    TOKEN,
    Fault,
    GitHubServer,
    an_open_pull,
    github_server,
    refused,
)
from tests.fakes.github_runner import BASE_SHA, SHA, Runner, a_finished_run, a_pull_request, commands_in
from tests.fakes.virtual_time import Travelling, VirtualTime
from tests.hostile import HOSTILE
from tests.scenarios import SCENARIOS, SLOWER, failed_by_warnings
from tests.unit.reports.test_reports_comment import a_leg
from tests.unit.reports.test_reports_markdown import html_of

COMMENT = Wish(kinds=(Publication.COMMENT,))
AUTO = Wish(kinds=None)
MEASUREMENTS = count()


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    with github_server() as running:
        yield running


def a_runner(
    folder: Path, server: GitHubServer, *, run: int = 4242, name: str = "pull_request", **event: Any
) -> Runner:
    changes = {"GITHUB_API_URL": server.url, "GITHUB_TOKEN": TOKEN, "GITHUB_RUN_ID": str(run)}
    payload = event or {"pull_request": a_pull_request()}
    return Runner(folder / f"{run}", name=name, event=payload, changes=changes)


def a_stage(
    runner: Runner, said: list[str], waiting: Waiting | None = None, make: type[GitHub] = GitHub, **changes: str
) -> Stage:
    environment = {**runner.environment(), **changes}
    files = RunnerFiles(environment=environment, show=said.append, draw=lambda: "0f0f")
    waiting = waiting or Waiting(sleep=lambda _: None, now=lambda: 0.0, rng=Random(1))
    return Stage(platform=make(environment, files, waiting), patience=Patience(waiting=waiting), say=said.append)


def finished(scenario: str = "regression", suite: str = "support-bot", **changes: Any) -> Finished:
    verdict = SCENARIOS[scenario]()
    return Finished(suite=suite, verdict=verdict, code=changes.pop("code", verdict.exit_code), **changes)


def suites_in(body: str) -> list[str]:
    return sorted(leg.suite for leg in legs_in(body) if isinstance(leg, Leg))


def legs_in(body: str) -> list[Leg | LeftOut]:
    read = (read_leg(slot.content) for slot in read_board([body]).slots)
    return [leg for leg in read if leg is not None]


def another(scenario: str = "regression", suite: str = "support-bot", **changes: Any) -> Finished:
    """A verdict on a measurement of its own."""
    one = finished(scenario, suite, **changes)
    analysis = one.verdict.analysis
    benchmark = analysis.benchmark.model_copy(update={"id": f"bench_{scenario}_{next(MEASUREMENTS)}"})
    verdict = one.verdict.model_copy(update={"analysis": analysis.model_copy(update={"benchmark": benchmark})})
    return replace(one, verdict=verdict)


def test_auto_on_a_pull_request_writes_everywhere(tmp_path: Path, server: GitHubServer) -> None:
    runner, said = a_runner(tmp_path, server), list[str]()
    assert publish([finished()], AUTO, a_stage(runner, said)) == ()
    (check,) = server.checks.values()
    assert (check["name"], check["conclusion"]) == ("lens-gate / support-bot", "failure")
    (body,) = server.bodies()
    assert "## ◆ Regression" in body
    assert body.startswith("<!-- lens-gate board lens%2Dgate -->")
    assert runner.summary.startswith("## ◆ Regression")
    assert runner.outputs["verdict"] == "regression"


def test_a_second_run_updates_the_comment_in_place(tmp_path: Path, server: GitHubServer) -> None:
    for run, scenario in ((10, "regression"), (11, "pass")):
        publish([finished(scenario)], COMMENT, a_stage(a_runner(tmp_path, server, run=run), []))
    (body,) = server.bodies()
    assert "## ✓ Pass" in body
    assert "actions/runs/11" in body
    assert "actions/runs/10" not in body


def test_a_slow_older_run_does_not_overwrite_a_newer_one(tmp_path: Path, server: GitHubServer) -> None:
    for run, scenario in ((11, "pass"), (10, "regression")):
        publish([finished(scenario)], COMMENT, a_stage(a_runner(tmp_path, server, run=run), []))
    (body,) = server.bodies()
    assert "## ✓ Pass" in body


def test_ten_legs_that_write_at_once_while_updates_are_lost_end_in_one_comment_with_ten_results(
    tmp_path: Path, server: GitHubServer
) -> None:
    clock = VirtualTime()

    class FarAway(GitHub):
        """A step whose requests take a third of a second each way."""

        @override
        def notes(self) -> Sequence[Notes]:
            return [Travelling(one, lambda: clock.sleep(0.3)) for one in super().notes()]

    server.lose = 6
    names = [f"leg {number}" for number in range(10)]
    failures: list[PublishFailed] = []

    def job(number: int) -> Callable[[], None]:
        waiting = Waiting(sleep=clock.sleep, now=lambda: clock.now, rng=Random(number))
        stage = a_stage(a_runner(tmp_path, server, run=100 + number), [], waiting, FarAway)
        wish = Wish(kinds=COMMENT.kinds, strict=True)
        return lambda: failures.extend(publish([finished(suite=names[number])], wish, stage))

    clock.run([job(number) for number in range(10)])
    assert failures == []
    (body,) = server.bodies()
    assert suites_in(body) == names
    assert "Regression in all 10 suites" in body
    assert server.lose == 0


def test_one_report_job_for_ten_legs_writes_once(tmp_path: Path, server: GitHubServer) -> None:
    names = [f"leg {number}" for number in range(10)]
    publish([finished(suite=name) for name in names], COMMENT, a_stage(a_runner(tmp_path, server), []))
    (body,) = server.bodies()
    assert suites_in(body) == names
    assert [line for line in server.writes() if "comments" in line] == ["POST /repos/acme/widgets/issues/482/comments"]


def test_two_boards_have_two_comments(tmp_path: Path, server: GitHubServer) -> None:
    for board in ("a", "b"):
        publish([finished()], Wish(kinds=COMMENT.kinds, board=board), a_stage(a_runner(tmp_path, server), []))
    assert len(server.bodies()) == 2


def test_state_that_somebody_edited_is_left_out_and_the_comment_mended(tmp_path: Path, server: GitHubServer) -> None:
    forged: JsonValue = {"suite": "other name", "outcome": "fine", "exit_code": 0, "headline": "x"}
    slots = (a_slot(run_id=2**40, content=forged), a_slot(run_id=1, source="2", content=3))
    server.add_comment(written("lens-gate", "edited", Board(slots)))
    publish([finished()], COMMENT, a_stage(a_runner(tmp_path, server), []))
    (body,) = server.bodies()
    assert suites_in(body) == ["support-bot"]


@pytest.mark.parametrize(
    ("mode", "scenario", "exists", "written_"),
    [
        (CommentMode.ALWAYS, "pass", False, True),
        (CommentMode.OFF, "regression", True, False),
        (CommentMode.FAILURES, "pass", False, False),
        (CommentMode.FAILURES, "inconclusive", False, False),
        (CommentMode.FAILURES, "regression", False, True),
        (CommentMode.FAILURES, "pass", True, True),
        (CommentMode.CHANGES, "pass", False, False),
        (CommentMode.CHANGES, "inconclusive", False, True),
        (CommentMode.CHANGES, "regression", True, False),
        (CommentMode.CHANGES, "pass", True, True),
    ],
)
def test_a_mode_says_when_the_comment_is_written(
    mode: CommentMode, scenario: str, *, exists: bool, written_: bool
) -> None:
    before = [Said(a_slot(), a_leg("regression"))] if exists else []
    assert wanted(mode, [Said(a_slot(), a_leg(scenario))], before, exists=exists) == written_


def test_with_changes_a_job_is_compared_with_itself_and_always_told_where_others_share_its_lane() -> None:
    passed, failed = Said(a_slot(), a_leg("pass")), Said(a_slot(source="2"), a_leg("regression"))
    elsewhere = Said(a_slot(lane="b"), a_leg("regression"))
    assert not wanted(CommentMode.CHANGES, [passed], [elsewhere], exists=True)
    assert not wanted(CommentMode.CHANGES, [passed], [passed, elsewhere], exists=True)
    assert wanted(CommentMode.CHANGES, [passed], [passed, failed], exists=True)
    assert wanted(CommentMode.CHANGES, [passed], [Said(a_slot(), left_out(a_leg("pass")))], exists=True)


# Several jobs of one name


@pytest.mark.parametrize("first", ["regression", "pass"])
@pytest.mark.parametrize("jobs", [("gate", "gate"), ("gate", "nightly")])
def test_two_jobs_of_one_name_keep_both_results_and_are_told_to_take_two(
    tmp_path: Path, server: GitHubServer, first: str, jobs: tuple[str, str]
) -> None:
    second = "pass" if first == "regression" else "regression"
    for scenario, job in zip((first, second), jobs, strict=True):
        stage = a_stage(a_runner(tmp_path, server), [], None, GitHub, GITHUB_JOB=job)
        publish([another(scenario)], COMMENT, stage)
    (body,) = server.bodies()
    assert "## ◆ Regression in 1 of 2 suites" in body
    lines = [line for line in body.splitlines() if "[run](" in line and line.startswith("|")]
    assert [line.split(" | ")[1] for line in lines] == ["support-bot (1 of 2)", "support-bot (2 of 2)"]
    assert "regression" in lines[0]
    assert "**Several jobs publish as `support-bot`.** Give each a name of its own" in body


def test_a_verdict_that_is_published_twice_is_told_once(tmp_path: Path, server: GitHubServer) -> None:
    one = another()
    for job in ("gate", "report"):
        publish([one], COMMENT, a_stage(a_runner(tmp_path, server), [], None, GitHub, GITHUB_JOB=job))
    assert suites_in(server.bodies()[0]) == ["support-bot"]
    assert "Several jobs" not in server.bodies()[0]


def test_a_measurement_that_two_jobs_judge_differently_is_told_twice(tmp_path: Path, server: GitHubServer) -> None:
    strict = another("regression")
    lenient = replace(strict, verdict=strict.verdict.model_copy(update={"outcome": Outcome.PASS}), code=ExitCode.OK)
    for one in (strict, lenient):
        publish([one], COMMENT, a_stage(a_runner(tmp_path, server), []))
    assert "## ◆ Regression in 1 of 2 suites" in server.bodies()[0]


@pytest.mark.parametrize("again", [("pass",), ("pass", "pass")])
def test_where_only_some_of_them_run_again_the_regression_stays(
    tmp_path: Path, server: GitHubServer, again: tuple[str, ...]
) -> None:
    for attempt, scenarios in (("1", ("pass", "regression")), ("2", again)):
        for scenario in scenarios:
            stage = a_stage(a_runner(tmp_path, server), [], None, GitHub, GITHUB_RUN_ATTEMPT=attempt)
            publish([another(scenario)], COMMENT, stage)
    assert ("Regression in 1 of 3 suites" in server.bodies()[0]) == (len(again) == 1)
    assert ("Pass in all 2 suites" in server.bodies()[0]) == (len(again) == 2)


def no_verdict(*, named: bool = True) -> Unmeasured:
    return without_verdict(ConfigProblem("odd"), "support-bot", ["support-bot"], named=named)


def a_leg_of(folder: Path, server: GitHubServer, runner: str, attempt: int = 1) -> Stage:
    """A job that nothing but its runner tells from the other legs of its matrix."""
    changes = {"RUNNER_NAME": runner, "GITHUB_RUN_ATTEMPT": str(attempt)}
    return a_stage(a_runner(folder, server), [], None, GitHub, **changes)


@pytest.mark.parametrize("named", [True, False])
def test_two_legs_of_one_name_that_crash_are_two(tmp_path: Path, server: GitHubServer, *, named: bool) -> None:
    for runner in ("a", "b"):
        publish_unmeasured(no_verdict(named=named), COMMENT, a_leg_of(tmp_path, server, runner))
    assert "Not measured in all 2 suites" in server.bodies()[0]
    publish([another("pass")], COMMENT, a_leg_of(tmp_path, server, "a", attempt=2))
    assert "Not measured in 2 of 3 suites" in server.bodies()[0]
    publish([another("pass")], COMMENT, a_leg_of(tmp_path, server, "b", attempt=2))
    assert "Pass in all 2 suites" in server.bodies()[0]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("mode", [CommentMode.ALWAYS, CommentMode.CHANGES])
def test_a_job_that_tries_again_takes_back_that_it_had_no_verdict(
    tmp_path: Path, server: GitHubServer, mode: CommentMode, *, named: bool
) -> None:
    wish = Wish(kinds=(Publication.CHECK, Publication.COMMENT), comment=mode, strict=True)
    stage = a_leg_of(tmp_path, server, "a")
    assert publish_unmeasured(no_verdict(named=named), wish, stage) == ()
    assert "Not measured" in server.bodies()[0]
    assert publish([another("pass")], wish, stage) == ()
    assert "Not measured" not in server.bodies()[0]
    assert "## ✓ Pass" in server.bodies()[0]
    assert [check["conclusion"] for check in server.checks.values()] == ["failure", "success"]


@pytest.mark.parametrize("mode", [CommentMode.ALWAYS, CommentMode.CHANGES])
def test_a_verdict_on_something_else_takes_back_no_word_that_has_no_name(
    tmp_path: Path, server: GitHubServer, mode: CommentMode
) -> None:
    kinds = (Publication.CHECK, Publication.COMMENT)
    chat, search = (Wish(kinds=kinds, comment=mode, strict=True, asked=asked) for asked in ("chat", "search"))
    stage = a_leg_of(tmp_path, server, "a")
    assert publish_unmeasured(no_verdict(named=False), chat, stage) == ()
    assert publish([another("pass")], search, stage) == ()
    assert "Not measured in 1 of 2 suites" in server.bodies()[0]
    assert [check["conclusion"] for check in server.checks.values()] == ["failure", "failure"]
    assert publish([another("pass")], chat, stage) == ()
    assert "Not measured" not in server.bodies()[0]
    assert [check["conclusion"] for check in server.checks.values()][1:] == ["success", "success"]


@pytest.mark.parametrize("again", [("chat", "search"), ("search", "chat")])
def test_a_word_that_has_no_name_goes_once_a_later_attempt_has_said_as_much(
    tmp_path: Path, server: GitHubServer, again: tuple[str, ...]
) -> None:
    def wish(asked: str) -> Wish:
        return Wish(kinds=(Publication.COMMENT,), strict=True, asked=asked)

    first, second = (a_leg_of(tmp_path, server, "a", attempt=number) for number in (1, 2))
    publish_unmeasured(no_verdict(named=False), wish("chat"), first)
    publish([another("pass")], wish("search"), first)
    for number, asked in enumerate(again):
        assert ("Not measured" in server.bodies()[0]) == (number < 2)
        publish([another("pass", suite=asked)], wish(asked), second)
    assert "Not measured" not in server.bodies()[0]


def test_what_fails_after_a_verdict_stands_beside_it(tmp_path: Path, server: GitHubServer) -> None:
    stage = a_leg_of(tmp_path, server, "a")
    wish = Wish(kinds=(Publication.CHECK, Publication.COMMENT), strict=True)
    assert publish([another("pass")], wish, stage) == ()
    assert publish_unmeasured(no_verdict(), wish, stage) == ()
    assert "Not measured in 1 of 2 suites" in server.bodies()[0]
    assert {check["conclusion"] for check in server.checks.values()} == {"failure"}


@pytest.mark.parametrize("first", ["regression", "pass"])
def test_no_check_of_a_name_looks_better_than_the_worst_of_them(
    tmp_path: Path, server: GitHubServer, first: str
) -> None:
    wish = Wish(kinds=(Publication.CHECK,), strict=True)
    second = "pass" if first == "regression" else "regression"
    for scenario, runner in ((first, "one"), (second, "two")):
        stage = a_stage(a_runner(tmp_path, server), [], None, GitHub, RUNNER_NAME=runner)
        assert publish([another(scenario)], wish, stage) == ()
    assert [one["conclusion"] for one in server.checks.values()] == ["failure", "failure"]
    (passed,) = (one for one in server.checks.values() if one["external_id"].endswith("/success"))
    assert passed["output"]["title"].startswith("Worse in another job of this name. Here: Pass")
    assert passed["output"]["summary"].startswith("**Several jobs publish under this name")


def test_with_changes_a_repeated_result_leaves_the_comment_alone(tmp_path: Path, server: GitHubServer) -> None:
    wish = Wish(kinds=COMMENT.kinds, comment=CommentMode.CHANGES)
    for run, scenario in ((1, "pass"), (2, "regression"), (3, "regression"), (4, "pass")):
        publish([finished(scenario)], wish, a_stage(a_runner(tmp_path, server, run=run), []))
    assert [line.split()[0] for line in server.writes()] == ["POST", "PATCH"]
    assert "## ✓ Pass" in server.bodies()[0]


def a_commit(digit: str) -> dict[str, Any]:
    return {"pull_request": a_pull_request(sha=digit * 40)}


def test_with_changes_a_repeated_regression_moves_to_its_commit_and_stays_in_the_heading(
    tmp_path: Path, server: GitHubServer
) -> None:
    wish = Wish(kinds=COMMENT.kinds, comment=CommentMode.CHANGES)
    runs = (("a", "A", "regression"), ("a", "B", "regression"), ("b", "A", "regression"), ("b", "B", "pass"))
    for run, (commit, suite, scenario) in enumerate(runs, 1):
        runner = a_runner(tmp_path, server, run=run, **a_commit(commit))
        publish([another(scenario, suite)], wish, a_stage(runner, [], GITHUB_JOB=suite))
    (body,) = server.bodies()
    assert "## ◆ Regression in 1 of 2 suites" in body
    assert "an earlier commit" not in body


def test_with_changes_a_pass_takes_away_that_nothing_was_measured(tmp_path: Path, server: GitHubServer) -> None:
    wish = Wish(kinds=COMMENT.kinds, comment=CommentMode.CHANGES)
    nothing = Unmeasured(suite="bot", headline="no job left a verdict", why="So it is.", missing="Not there: a")
    publish_unmeasured(nothing, wish, a_stage(a_runner(tmp_path, server, run=1), []))
    assert "Not measured" in server.bodies()[0]
    publish([another("pass", "bot")], wish, a_stage(a_runner(tmp_path, server, run=2), []))
    assert "Not measured" not in server.bodies()[0]


def test_what_no_job_runs_any_more_stands_and_the_comment_says_how_it_goes(
    tmp_path: Path, server: GitHubServer
) -> None:
    """Of two legs that cannot be told apart one is gone since commit `b`."""
    for run, (commit, scenario) in enumerate((("a", "regression"), ("a", "pass"), ("b", "pass"), ("c", "pass"))):
        runner = a_runner(tmp_path, server, run=max(1, run), **a_commit(commit))
        publish([another(scenario)], COMMENT, a_stage(runner, []))
    (body,) = server.bodies()
    assert "## ◆ Regression in 1 of 2 suites" in body
    assert "If it never will, delete this comment: the next run writes it anew." in body
    server.comments.clear()
    publish([another("pass")], COMMENT, a_stage(a_runner(tmp_path, server, run=4, **a_commit("c")), []))
    assert "## ✓ Pass" in server.bodies()[0]


def test_a_regression_stands_while_its_leg_has_not_run_again_though_a_run_in_between_was_cancelled(
    tmp_path: Path, server: GitHubServer
) -> None:
    """Legs that cannot be told apart: of the run on `b` only the first one came to its end."""
    said = (("a", "pass"), ("a", "regression"), ("b", "pass"), ("c", "pass"), ("c", "pass"))
    headings = []
    for commit, scenario in said:
        runner = a_runner(tmp_path, server, run=ord(commit), **a_commit(commit))
        publish([another(scenario)], COMMENT, a_stage(runner, []))
        headings.append("Regression in" in server.bodies()[0])
    assert headings == [False, True, True, True, False]
    assert "## ✓ Pass in all 2 suites" in server.bodies()[0]


def test_a_fix_clears_what_several_runs_on_the_commit_before_it_said(tmp_path: Path, server: GitHubServer) -> None:
    server.pulls = [an_open_pull(99, sha=sha, ref="longer-prompt") for sha in (SHA, BASE_SHA)]
    said = ((100, SHA, "regression"), (101, SHA, "pass"), (102, BASE_SHA, "pass"))
    for run, sha, scenario in said:
        finished_run = a_finished_run(id=run, head_sha=sha)
        runner = a_runner(tmp_path, server, run=run, name="workflow_run", workflow_run=finished_run)
        assert publish([another(scenario)], Wish(kinds=COMMENT.kinds, strict=True), a_stage(runner, [])) == ()
    assert "## ✓ Pass" in server.bodies()[0]


def test_switched_off_not_even_a_pull_request_is_looked_for(tmp_path: Path, server: GitHubServer) -> None:
    wish = Wish(kinds=COMMENT.kinds, comment=CommentMode.OFF, strict=True)
    assert publish([finished()], wish, a_stage(a_runner(tmp_path, server), [])) == ()
    assert server.asked == []


# What stands in the way


def test_without_a_permission_the_verdict_stands_and_the_summary_says_what_is_missing(
    tmp_path: Path, server: GitHubServer
) -> None:
    server.faults = [Fault(FORBIDDEN, method="POST", path=".*comments", times=9)]
    runner, said = a_runner(tmp_path, server), list[str]()
    wish = Wish(kinds=(Publication.SUMMARY, Publication.COMMENT))
    assert publish([finished()], wish, a_stage(runner, said)) == ()
    assert "permissions: pull-requests: write" in "\n".join(said)
    assert "Not published elsewhere" in runner.summary
    assert "does not let this token write a comment" in runner.summary


def test_a_strict_wish_returns_what_failed(tmp_path: Path, server: GitHubServer) -> None:
    server.faults = [Fault(FORBIDDEN, times=99)]
    wish = Wish(kinds=COMMENT.kinds, strict=True)
    (failure,) = publish([finished()], wish, a_stage(a_runner(tmp_path, server), []))
    assert failure.exit_code == 7


def test_a_fork_is_told_of_the_second_workflow_and_asks_github_for_nothing(
    tmp_path: Path, server: GitHubServer
) -> None:
    runner, said = a_runner(tmp_path, server, pull_request=a_pull_request(home="visitor/widgets")), list[str]()
    assert publish([finished()], Wish(kinds=None, strict=True), a_stage(runner, said)) == ()
    assert "no comment is published on GitHub: the pull request comes from a fork" in said
    assert "workflow&#95;run" in runner.summary or "workflow\\_run" in runner.summary
    assert server.asked == []


@pytest.mark.parametrize(
    ("event", "changes", "why"),
    [
        ("push", {}, "belongs to no pull request"),
        ("pull_request", {"GITHUB_TOKEN": ""}, "there is no token"),
        ("pull_request", {"GITHUB_REPOSITORY": "?"}, "GITHUB_REPOSITORY"),
    ],
)
def test_auto_leaves_out_the_comment_that_cannot_be_and_says_why(
    tmp_path: Path, server: GitHubServer, event: str, changes: dict[str, str], why: str
) -> None:
    runner, said = a_runner(tmp_path, server, name=event), list[str]()
    assert publish([finished()], Wish(kinds=None, strict=True), a_stage(runner, said, None, GitHub, **changes)) == ()
    assert any(line.startswith("no comment is published") and why in line for line in said)
    assert runner.outputs["verdict"] == "regression"
    assert server.comments == {}


def test_a_comment_asked_for_by_name_without_a_token_is_a_failure(tmp_path: Path, server: GitHubServer) -> None:
    stage = a_stage(a_runner(tmp_path, server), [], GITHUB_TOKEN="")
    (failure,) = publish([finished()], Wish(kinds=COMMENT.kinds, strict=True), stage)
    assert "no token" in failure.message


def test_outside_of_a_pipeline_nothing_is_published_and_nothing_is_asked_for_in_silence() -> None:
    said: list[str] = []
    stage = Stage(platform=None, patience=a_patience(), say=said.append)
    assert publish([finished()], Wish(kinds=()), stage) == ()
    assert said == []
    assert publish([finished()], AUTO, stage) == ()
    assert said == ["nothing is published: no platform's pipeline runs this"]


def a_patience() -> Patience:
    return Patience(waiting=Waiting(sleep=lambda _: None, now=lambda: 0.0, rng=Random(1)))


def test_the_trusted_half_comments_where_the_first_half_came_from(tmp_path: Path, server: GitHubServer) -> None:
    server.pulls = [an_open_pull(99, sha=SHA, ref="longer-prompt")]
    runner = a_runner(tmp_path, server, name="workflow_run", workflow_run=a_finished_run())
    assert publish([finished()], Wish(kinds=COMMENT.kinds, strict=True), a_stage(runner, [])) == ()
    (comment,) = server.comments.values()
    assert comment["issue"] == 99
    assert "actions/runs/4100" in comment["body"]


def test_each_pull_request_of_one_head_gets_the_comment_even_where_another_refuses_it(
    tmp_path: Path, server: GitHubServer
) -> None:
    server.pulls = [an_open_pull(number, sha=SHA, ref="longer-prompt") for number in (98, 99)]
    server.faults = [Fault(FORBIDDEN, method="POST", path=".*/98/comments", times=9)]
    runner = a_runner(tmp_path, server, name="workflow_run", workflow_run=a_finished_run())
    (failure,) = publish([finished()], Wish(kinds=COMMENT.kinds, strict=True), a_stage(runner, []))
    assert "permissions: pull-requests: write" in str(failure)
    assert [comment["issue"] for comment in server.comments.values()] == [99]


@pytest.mark.parametrize(("again", "heading"), [({"run_attempt": 3}, "Pass"), ({"id": 4200}, "Regression in 1 of 2")])
def test_a_pass_for_another_pull_request_of_the_same_commit_takes_no_regression_away(
    tmp_path: Path, server: GitHubServer, again: dict[str, Any], heading: str
) -> None:
    server.pulls = [an_open_pull(99, sha=SHA, ref="longer-prompt")]
    for scenario, run in (("regression", a_finished_run()), ("pass", a_finished_run(**again))):
        runner = a_runner(tmp_path, server, run=len(server.asked) + 1, name="workflow_run", workflow_run=run)
        assert publish([another(scenario)], Wish(kinds=COMMENT.kinds, strict=True), a_stage(runner, [])) == ()
    (body,) = server.bodies()
    assert f" {heading}" in next(line for line in body.splitlines() if line.startswith("## "))
    told = (
        "**Several runs measured `support-bot` on this commit**, perhaps for other pull requests of it: only another "
    )
    assert (told in body) == (heading == "Regression in 1 of 2")
    assert "`--suite`" not in body


def test_a_fork_s_own_word_takes_no_place_of_a_trusted_run_s_even_of_the_same_measurement(
    tmp_path: Path, server: GitHubServer
) -> None:
    server.pulls = [an_open_pull(99, sha=SHA, ref="longer-prompt")]
    trusted = a_runner(tmp_path, server, run=4000, name="pull_request_target", pull_request=a_pull_request(number=99))
    theirs = [
        a_runner(tmp_path, server, run=run, name="workflow_run", workflow_run=a_finished_run(id=run))
        for run in (4100, 4101)
    ]
    regression = another("regression")
    publish([regression], COMMENT, a_stage(trusted, []))
    for runner, one in zip(theirs, (regression, another("pass")), strict=True):
        publish([one], COMMENT, a_stage(runner, []))
    (body,) = server.bodies()
    assert "Regression in 2 of 3 suites" in body


def test_a_fork_that_measured_nothing_is_told_of_the_second_workflow_too(tmp_path: Path, server: GitHubServer) -> None:
    runner = a_runner(tmp_path, server, pull_request=a_pull_request(home="visitor/widgets"))
    nothing = Unmeasured(suite="bot", headline="this run has no secrets", why="So it is.", missing="KEY is not set")
    assert publish_unmeasured(nothing, Wish(kinds=None, strict=True), a_stage(runner, [])) == ()
    assert "Not published elsewhere" in runner.summary
    assert "lens-gate report verdict.json" in runner.summary


def test_outputs_and_order_follow_the_code_that_weighs_most() -> None:
    codes = (ExitCode.OK, ExitCode.INCONCLUSIVE, ExitCode.GATE_FAILED)
    ordered = worst_first([finished(suite=f"s{number}", code=code) for number, code in enumerate(codes)])
    assert [one.suite for one in ordered] == ["s2", "s1", "s0"]


def test_of_results_that_fail_nothing_the_outputs_tell_of_what_was_not_measured(
    tmp_path: Path, server: GitHubServer
) -> None:
    runner = a_runner(tmp_path, server)
    nothing = Unmeasured(suite="z", headline="this run has no secrets", why="So it is.", missing="KEY is not set")
    passes = finished("pass", suite="a", code=ExitCode.OK)
    wish = Wish(kinds=(Publication.OUTPUTS, Publication.SUMMARY), strict=True)
    assert publish([passes, nothing], wish, a_stage(runner, [])) == ()
    assert runner.outputs["verdict"] == "not_measured"
    assert runner.summary.index("Not measured") < runner.summary.index("Pass")


# Limits


def a_slot(**changes: Any) -> Slot:
    return Slot(**{"lane": "a", "run_id": 1, "attempt": 1, "source": "1", "content": None, **changes})


def many(number: int, *, width: int = 1, noise: bool = False) -> list[Said]:
    rng, letters = Random(7), "abcdefghijklmnopqrstuvwxyzABCDEFGH0123456789|<&"
    leg = a_leg("regression")
    row = leg.rows[0]

    def a_text(length: int) -> str:
        return "".join(rng.choices(letters, k=length)) if noise else "x" * length

    def one(suite: str) -> Leg:
        rows = tuple(row.model_copy(update={"title": a_text(250), "reason": a_text(600)}) for _ in range(width))
        return leg.model_copy(update={"suite": suite, "rows": rows, "headline": a_text(600), "second": a_text(1500)})

    legs = [one(f"{a_text(90) if noise else 's'}{index}") for index in range(number)]
    return [said_of(leg) for leg in legs]


def said_of(leg: Leg) -> Said:
    where = {"lane": digest(leg.suite), "source": digest(leg.suite, "source")}
    return Said(a_slot(**where, run_id=10**10, content=written_leg(leg)), leg)


def url_of(run: int) -> str:
    return f"https://github.com/acme/widgets/actions/runs/{run}"


@pytest.mark.parametrize(
    ("number", "noise"), [*product((1, 4, 5, 10, 30, 64, 256), (True, False)), (300, False), (1100, False)]
)
def test_no_number_of_suites_breaks_the_limits_and_ordinary_ones_are_all_kept(number: int, *, noise: bool) -> None:
    suites = many(number, width=10, noise=noise)
    body = composed("lens-gate", suites, url_of)
    assert len(body) <= PUBLISHED_LIMIT
    kept = suites_in(body)
    assert len(body.rpartition("<!-- lens-gate state")[2]) <= STATE_CHARACTERS
    assert len(kept) == number or ((noise or number > 300) and number > 60 and kept)
    assert len(legs_in(body)) == min(number, MOST_SLOTS)


def passing(one: Said) -> Said:
    leg = Leg.model_validate(one.leg.model_copy(update={"outcome": Outcome.PASS, "exit_code": ExitCode.OK}))
    return Said(replace(one.slot, content=written_leg(leg)), leg)


def test_where_there_is_no_room_for_all_the_best_are_left_out_and_counted() -> None:
    *others, worst = sorted(many(256, noise=True), key=lambda one: one.slot.lane)
    assert isinstance(worst.leg, Leg)
    body = composed("b", [*map(passing, others), worst], url_of)
    kept = suites_in(body)
    assert len(kept) < 256
    assert worst.leg.suite in kept
    assert "## ◆ Regression in 1 of 256 suites" in body
    assert f"{256 - 60} more suites: {256 - 60} pass." in body


def test_what_was_left_out_of_an_earlier_commit_is_not_counted_as_of_this_one() -> None:
    *others, last = map(passing, many(256, noise=True))
    newest = Said(replace(last.slot, run_id=10**11), last.leg.model_copy(update={"commit": BASE_SHA}))
    body = composed("b", [*others, newest], url_of)
    assert "## ✓ Pass in 1 suite" in body


def test_what_did_not_pass_on_an_earlier_commit_is_counted_even_where_it_was_left_out() -> None:
    *others, last = many(256, noise=True)
    newest = Said(replace(last.slot, run_id=10**11), last.leg.model_copy(update={"commit": BASE_SHA}))
    assert "## ◆ Regression in all 256 suites" in composed("b", [*others, newest], url_of)


def test_a_job_that_finds_itself_left_out_writes_nothing_more(tmp_path: Path, server: GitHubServer) -> None:
    platform = a_stage(a_runner(tmp_path, server), []).platform
    assert platform is not None
    legs = [one.leg for one in map(passing, many(200, noise=True)) if isinstance(one.leg, Leg)]
    results = [Measured(leg=leg, id="bench_1") for leg in legs]

    def publish_them(some: Sequence[Measured]) -> None:
        publish_comment(some, platform, a_patience(), board="b", mode=CommentMode.ALWAYS)

    publish_them(results)
    (body,) = server.bodies()
    kept = suites_in(body)
    left = [result for result in results if result.leg.suite not in kept]
    server.asked.clear()
    publish_them([min(left, key=lambda result: badness(result.leg))])
    assert server.writes() == []
    assert "Pass in all 200 suites" in body


def test_the_same_suites_give_the_same_comment_again() -> None:
    first = composed("b", many(12, width=3), url_of)
    board = read_board([first])
    again = [Said(slot, Leg.model_validate(slot.content)) for slot in board.slots]
    assert composed("b", again, url_of) == first


# Checks


@pytest.mark.parametrize(
    ("scenario", "code", "ends"),
    [
        ("pass", ExitCode.OK, "success"),
        ("regression", ExitCode.GATE_FAILED, "failure"),
        ("regression", ExitCode.OK, "neutral"),
        ("inconclusive", ExitCode.OK, "neutral"),
        ("inconclusive", ExitCode.INCONCLUSIVE, "failure"),
        ("no_baseline", ExitCode.OK, "neutral"),
        ("nothing_to_compare", ExitCode.OK, "neutral"),
        ("not_measured", ExitCode.COULD_NOT_MEASURE, "failure"),
        ("not_measured", ExitCode.OK, "neutral"),
    ],
)
def test_a_check_ends_as_the_verdict_and_its_code_say(
    tmp_path: Path, server: GitHubServer, scenario: str, code: ExitCode, ends: str
) -> None:
    wish = Wish(kinds=(Publication.CHECK,), strict=True)
    assert publish([finished(scenario, code=code)], wish, a_stage(a_runner(tmp_path, server), [])) == ()
    (check,) = server.checks.values()
    assert check["conclusion"] == ends


def test_what_warnings_fail_is_a_pass_in_no_place(tmp_path: Path, server: GitHubServer) -> None:
    verdict = failed_by_warnings()
    for code, ends in ((verdict.exit_code, "failure"), (ExitCode.OK, "neutral")):
        runner = a_runner(tmp_path, server, run=int(code) + 1)
        one = Finished(suite="strict", verdict=verdict, code=code)
        assert publish([one], Wish(kinds=None, strict=True), a_stage(runner, [])) == ()
        *_, check = server.checks.values()
        assert (check["conclusion"], check["output"]["title"][:19]) == (ends, "Fails by 1 warning:")
        assert runner.summary.startswith("## ▲ Fails by 1 warning:")
        assert "## ▲ Fails by 1 warning:" in server.bodies()[0]


def test_what_stands_on_a_line_is_told_by_the_check_and_by_commands_only_without_one(
    tmp_path: Path, server: GitHubServer
) -> None:
    wish = Wish(kinds=(Publication.CHECK, Publication.ANNOTATIONS))
    said: list[str] = []
    publish([finished(places=lambda _: ("a.yaml", 7))], wish, a_stage(a_runner(tmp_path, server), said))
    assert said == []
    (check,) = server.checks.values()
    assert {one["start_line"] for one in check["annotations"]} == {7}
    server.faults = [Fault(FORBIDDEN, times=99)]
    publish([finished(places=lambda _: ("a.yaml", 7))], wish, a_stage(a_runner(tmp_path, server), said))
    assert any(line.startswith("::error file=a.yaml,line=7") for line in said)


def test_a_check_with_a_thousand_rows_stays_below_its_limit(tmp_path: Path, server: GitHubServer) -> None:
    rows = [SLOWER.model_copy(update={"series": f"openai/model-{number} 😀"}) for number in range(1000)]
    one = Finished(suite="s", verdict=a_verdict(an_analysis(*rows)), code=ExitCode.GATE_FAILED)
    runner = a_runner(tmp_path, server)
    assert publish([one], Wish(kinds=None, strict=True), a_stage(runner, [])) == ()
    (check,) = server.checks.values()
    assert len(check["output"]["summary"].encode()) <= 65_535
    assert len(runner.summary.encode()) <= 1024 * 1024
    assert "990 more checks did not pass" in server.bodies()[0]


def test_a_check_that_cannot_be_written_takes_no_other_with_it_and_the_worst_comes_first(
    tmp_path: Path, server: GitHubServer
) -> None:
    server.faults = [Fault(refused(422, "Validation Failed"), method="POST", path=".*/check-runs")]
    suites = {"a": "pass", "b": "regression", "c": "pass"}
    several = [finished(scenario, suite) for suite, scenario in suites.items()]
    wish = Wish(kinds=(Publication.CHECK,), strict=True)
    (failure,) = publish(several, wish, a_stage(a_runner(tmp_path, server), []))
    assert failure.exit_code == 7
    assert [check["name"] for check in server.checks.values()] == ["lens-gate / a", "lens-gate / c"]
    assert publish(several, wish, a_stage(a_runner(tmp_path, server, run=4243), [])) == ()
    assert [check["name"] for check in server.checks.values()][2] == "lens-gate / b"


def test_checks_are_begun_and_given_up_by_name(tmp_path: Path, server: GitHubServer) -> None:
    stage = a_stage(a_runner(tmp_path, server), [])
    assert stage.platform is not None
    assert begin_checks(["a", "b"], stage.platform) == ()
    for suite, error in (("a", ConfigProblem("`x` is @octocat")), ("b", KeyboardInterrupt())):
        one = without_verdict(error, suite, [suite], named=True)
        assert publish_unmeasured(one, Wish(kinds=(Publication.CHECK,), strict=True), stage) == ()
    ended = {one["name"]: one for one in server.checks.values()}
    assert {one["conclusion"] for one in ended.values()} == {"failure"}
    assert "@octocat" not in ended["lens-gate / a"]["output"]["summary"]
    assert "was stopped" in ended["lens-gate / b"]["output"]["summary"]


def test_a_command_that_ends_without_a_verdict_writes_only_what_would_go_on_saying_what_was_before(
    tmp_path: Path, server: GitHubServer
) -> None:
    publish([another("pass")], AUTO, a_stage(a_runner(tmp_path, server, run=1, **a_commit("a")), []))
    runner = a_runner(tmp_path, server, run=2, **a_commit("b"))
    one = without_verdict(ConfigProblem("odd"), "support-bot", ["support-bot"], named=True)
    assert publish_unmeasured(one, AUTO, a_stage(runner, []), STANDING) == ()
    assert (runner.summary, runner.outputs) == ("", {})
    assert "## ✗ Not measured: there is no verdict" in server.bodies()[0]
    publish([another("pass")], AUTO, a_stage(a_runner(tmp_path, server, run=3, **a_commit("c")), []))
    assert "## ✓ Pass" in server.bodies()[0]


def test_no_word_of_what_nobody_vouches_for_is_repeated_where_it_cannot_be_read() -> None:
    one = without_verdict(ConfigProblem("owned"), "a", ["a"], named=True, vouched=False)
    assert "owned" not in repr(one)
    assert one.code is ExitCode.USAGE


# Hostile texts


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_verdict_is_more_than_text_wherever_it_is_published(
    tmp_path: Path, server: GitHubServer, text: str
) -> None:
    model = text.encode("utf-8", "replace").decode()
    finding = a_finding(series=f"openai/{model}", outcome=Outcome.REGRESSION, reason=model)
    analysis = an_analysis(
        finding,
        benchmark=a_benchmark(name=model or "x"),
        arms=(an_arm(label=model, commit=None),),
        providers=(a_provider_result(a_model_result(id=model, errors=(an_error_count(model, 2, example=model),))),),
        notes=(model,),
    )
    one = Finished(suite=model[:100], verdict=a_verdict(analysis), code=ExitCode.GATE_FAILED)
    runner, shown = a_runner(tmp_path, server), list[str]()
    assert publish([one], Wish(kinds=None, strict=True), a_stage(runner, shown)) == ()
    assert runner.outputs["verdict"] == "regression"
    assert set(runner.outputs) == {
        "verdict", "exit-code", "regressions", "mean-latency-ms", "p95-latency-ms", "cost-usd", "baseline-id",
        "artifact-name",
    }  # fmt: skip
    assert [command.name for command in commands_in("\n".join(shown))] == ["error"]
    (check,) = server.checks.values()
    for body in (runner.summary, server.bodies()[0], check["output"]["summary"]):
        html = {tag for tag in html_of(body) if not tag.startswith(("<details><summary>", "<!-- lens-gate "))}
        assert html <= {"<details>", "</details>"}
        assert "@octocat" not in body
        assert "@acme" not in body
        assert "](https://evil" not in body
    assert suites_in(server.bodies()[0]) != []
