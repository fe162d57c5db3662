"""Publishing through the command line, where GitHub's runner starts it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lens_gate.artifacts.codec import dumps
from lens_gate.ci.github import platform
from lens_gate.cli import judging
from tests.fakes.github import FORBIDDEN, TOKEN, Fault, GitHubServer
from tests.fakes.github_runner import Runner, commands_in
from tests.integration.conftest import Invoke, OnGitHub
from tests.selftests import a_selftest


def test_a_regression_is_published_as_summary_outputs_and_annotations(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub
) -> None:
    verdict, runner = judged(), on_github()
    answer = invoke("report", str(verdict), "--publish", "summary,outputs,annotations")
    assert answer.code == 0
    assert runner.summary.startswith("## ◆ Regression")
    assert runner.outputs["verdict"] == "regression"
    assert runner.outputs["exit-code"] == "1"
    assert int(runner.outputs["regressions"]) >= 1
    assert float(runner.outputs["mean-latency-ms"]) > 0
    assert runner.outputs["artifacts"] == str(verdict.parent)
    assert {one.name for one in commands_in(answer.out)} == {"error"}


def test_a_breach_stands_on_the_line_of_the_model_it_is_about(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub
) -> None:
    rules = {"providers": [{"name": "openai", "models": [{"id": "other"}, {"id": "gpt-small"}]}]}
    verdict, _ = judged(rules=rules), on_github()
    answer = invoke("report", str(verdict), "--publish", "annotations")
    lines = (verdict.parent / "lens-gate.yaml").read_text(encoding="utf-8").splitlines()
    wanted = next(number for number, line in enumerate(lines, 1) if '"gpt-small"' in line)
    places = {(one.properties["file"], one.properties["line"]) for one in commands_in(answer.out)}
    assert places <= {("lens-gate.yaml", str(wanted)), ("lens-gate.yaml", str(wanted - 1))}
    assert places


def test_outside_of_a_pipeline_it_is_said_that_nothing_is_published(
    invoke: Invoke, judged: Callable[..., Path]
) -> None:
    answer = invoke("report", str(judged()), "--publish", "auto")
    assert answer.code == 0
    assert "nothing is published" in answer.err


def test_an_unknown_kind_is_named_with_those_that_there_are(invoke: Invoke, judged: Callable[..., Path]) -> None:
    answer = invoke("report", str(judged()), "--publish", "summary,tweet")
    assert answer.code == 2
    assert "--publish tweet is unknown" in answer.err
    assert "annotations" in answer.err


def test_the_configuration_publishes_without_an_option(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub
) -> None:
    verdict, runner = judged(rules={"publish": {"kinds": ["outputs"]}}), on_github()
    assert invoke("report", str(verdict), "--config", "lens-gate.yaml").code == 0
    assert runner.outputs["verdict"] == "regression"
    assert not runner.summary


def test_what_cannot_be_published_is_a_warning_or_exit_7_where_that_is_asked(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub, home: Path
) -> None:
    verdict, _ = judged(), on_github(GITHUB_OUTPUT=str(home))
    lenient = invoke("report", str(verdict), "--publish", "outputs")
    assert lenient.code == 0
    assert "warning: not published" in lenient.err
    assert invoke("report", str(verdict), "--publish", "outputs", "--publish-strict").code == 7


def test_ci_publishes_at_its_end_and_exits_with_its_verdict(
    invoke: Invoke, configure: Callable[..., Path], on_github: OnGitHub
) -> None:
    configure()
    runner = on_github()
    command = ("ci", "--against-model", "sim-small", "--requests", "40", "--publish", "summary,outputs")
    answer = invoke(*command)
    assert answer.told["outcome"] == "nothing_to_compare"
    assert runner.outputs["verdict"] == "nothing_to_compare"
    assert runner.outputs["exit-code"] == str(answer.code)
    assert runner.outputs["report"].endswith("report.md")
    assert "Nothing to compare" in runner.summary


def test_a_bad_kind_is_refused_before_anything_is_measured(
    invoke: Invoke, configure: Callable[..., Path], home: Path
) -> None:
    configure()
    answer = invoke("ci", "--against-model", "sim-large", "--requests", "40", "--publish", "everything")
    assert answer.code == 2
    assert not (home / "results").exists()


def test_two_verdicts_of_one_name_are_told_apart_by_their_folders(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub
) -> None:
    fast, slow = judged("fast/verdict.json", factor=1.0), judged("slow/verdict.json")
    runner = on_github()
    assert invoke("report", str(fast), str(slow), "--publish", "summary,outputs").code == 0
    assert runner.outputs["verdict"] == "regression"
    assert runner.summary.index("Regression") < runner.summary.index("Pass")


@pytest.mark.parametrize("legs", [("",), ("chat/",), ("chat/", "search/")])
def test_a_folder_stands_for_the_verdicts_that_jobs_left_in_it(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub, legs: tuple[str, ...]
) -> None:
    for leg in legs:
        judged(f"left/{leg}verdict.json")
    runner = on_github()
    assert invoke("report", "--allow-none", "left", "--publish", "summary,outputs").code == 0
    assert runner.outputs["verdict"] == "regression"
    assert runner.summary.count("## ◆ Regression") == len(legs)


def test_a_folder_without_a_verdict_is_told_by_the_file_that_is_missing(invoke: Invoke, home: Path) -> None:
    (home / "left" / "chat").mkdir(parents=True)
    answer = invoke("report", "left")
    assert answer.code == 2
    assert "left/verdict.json" in answer.err
    assert invoke("report", "left", "--allow-none").code == 3


def test_a_leg_of_a_matrix_is_named_by_its_values_unless_a_name_is_given(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    verdict, _ = judged(rules={"profiler": {"name": "bot"}}), on_pull_request(LENS_GATE_LEG='{"model": "a", "n": 2}')
    given = ("report", str(verdict), "--config", "lens-gate.yaml", "--publish", "check")
    assert invoke(*given).code == invoke(*given, "--suite", "chat").code == 0
    assert invoke(*given[:1], "--begin", *given[2:]).code == 0
    names = [check["name"] for check in github.checks.values()]
    assert names == ["lens-gate / bot (a, 2)", "lens-gate / chat", "lens-gate / bot (a, 2)"]


def test_a_name_of_the_configuration_is_for_a_single_verdict(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub
) -> None:
    rules = {"publish": {"suite": "bot"}}
    paths = [judged(f"{name}/verdict.json", rules=rules) for name in ("one", "two")]
    on_github(LENS_GATE_LEG='{"model": "a"}')
    answer = invoke("report", *map(str, paths), "--config", "lens-gate.yaml", "--publish", "outputs")
    assert answer.code == 0, answer.err


def test_names_of_suites_must_fit_the_verdicts(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub
) -> None:
    fast, slow = judged("fast/verdict.json", factor=1.0), judged("slow/verdict.json")
    on_github()
    answer = invoke("report", str(fast), str(slow), "--publish", "outputs", "--suite", "one")
    assert answer.code == 2
    assert "there are 2 verdicts" in answer.err
    same = invoke("report", str(fast), str(slow), "--publish", "outputs", "--suite", "one", "--suite", "one")
    assert same.code == 2


def test_an_artifact_without_a_verdict_is_not_published(invoke: Invoke, on_github: OnGitHub, home: Path) -> None:
    runner = on_github()
    (home / "selftest.json").write_bytes(dumps(a_selftest()))
    answer = invoke("report", "selftest.json", "--publish", "outputs")
    assert answer.code == 2
    assert "no verdict to publish" in answer.err
    assert runner.outputs == {}


def test_auto_comments_and_checks_where_a_token_allows_it(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    verdict, _ = judged(), on_pull_request()
    answer = invoke("report", str(verdict), "--publish", "auto", "--suite", "bot", "--publish-strict")
    assert answer.code == 0
    assert "## ◆ Regression" in github.bodies()[0]
    (check,) = github.checks.values()
    assert (check["name"], check["conclusion"]) == ("lens-gate / bot", "failure")
    assert TOKEN not in answer.out + answer.err


def test_a_check_that_was_begun_is_ended_by_the_verdict(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    verdict, _ = judged(factor=1.0), on_pull_request()
    assert invoke("report", "--publish", "check", "--begin", "--suite", "bot").code == 0
    (check,) = github.checks.values()
    assert check["status"] == "in_progress"
    assert invoke("report", str(verdict), "--publish", "check", "--suite", "bot").code == 0
    assert (check["status"], check["conclusion"]) == ("completed", "success")


@pytest.mark.parametrize("content", [None, "{"])
def test_without_a_verdict_to_read_the_check_ends_as_a_failure(
    invoke: Invoke, on_pull_request: Callable[..., Runner], github: GitHubServer, home: Path, content: str | None
) -> None:
    on_pull_request()
    if content:
        (home / "verdict.json").write_text(content, encoding="utf-8")
    invoke("report", "--publish", "check", "--begin", "--suite", "bot")
    assert invoke("report", "verdict.json", "--publish", "check", "--suite", "bot").code == 2
    (check,) = github.checks.values()
    assert check["conclusion"] == "failure"
    assert "no verdict" in check["output"]["summary"]


@pytest.mark.parametrize(
    "way",
    [
        ("report", "reported", RuntimeError("a defect")),
        ("gate", "verdict_of", RuntimeError("a defect")),
        ("gate", "render", KeyboardInterrupt()),
    ],
)
def test_a_check_that_was_begun_ends_whatever_stands_between_the_file_and_its_verdict(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer,
    monkeypatch: pytest.MonkeyPatch, way: tuple[str, str, BaseException],
) -> None:  # fmt: skip
    def broken(*_: object, **__: object) -> None:
        raise error

    (command, part, error), verdict, _ = way, str(judged()), on_pull_request()
    assert invoke("report", "--publish", "check", "--begin", "--suite", "bot").code == 0
    monkeypatch.setattr(judging, part, broken)
    given = (command, verdict, "--publish", "check", "--suite", "bot", "--output", "r.json")
    assert invoke(*given).code == (130 if isinstance(error, KeyboardInterrupt) else 70)
    (check,) = github.checks.values()
    assert (check["status"], check["conclusion"]) == ("completed", "failure")


def test_a_comment_says_that_a_new_commit_has_no_verdict_until_it_has_one(
    invoke: Invoke, configure: Callable[..., Path], judged: Callable[..., Path], on_pull_request: Callable[..., Runner],
    github: GitHubServer,
) -> None:  # fmt: skip
    verdict = str(judged(factor=1.0))

    def publish(run: str, *command: str) -> str:
        on_pull_request(GITHUB_RUN_ID=run, SIM_KEY="")
        invoke(*command, "--publish", "comment", "--suite", "bot")
        (body,) = github.bodies()
        return body

    assert "## ✓ Pass" in publish("1", "report", verdict)
    configure()
    commands = (("ci", "--against-model", "sim-large"), ("report", "lost.json"), ("gate", "lost.json"))
    for run, command in enumerate(commands, 2):
        assert "## ✗ Not measured: there is no verdict" in publish(str(run), *command)
    body = publish("5", "report", verdict)
    assert "## ✓ Pass" in body
    assert "Not measured" not in body


def test_that_one_of_several_verdicts_cannot_be_read_is_told_until_all_can(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    rules = {"publish": {"suite": "bot"}}
    legs = [str(judged(f"{name}/verdict.json", rules=rules, factor=1.0)) for name in ("one", "two")]
    for run, paths in enumerate(((legs[0], "lost.json"), legs), 1):
        on_pull_request(GITHUB_RUN_ID=str(run))
        invoke("report", *paths, "--config", "lens-gate.yaml", "--publish", "comment")
        assert ("Not measured: there is no verdict" in github.bodies()[0]) == (run == 1)
    assert "## ✓ Pass in all 2 suites" in github.bodies()[0]


def test_ci_shows_a_check_from_its_beginning_and_ends_it_where_it_fails(
    invoke: Invoke, configure: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    configure(resilience={"timeouts": {"run": "1ms"}}, profiler={"name": "bot"})
    on_pull_request(SIM_KEY="wrong")
    answer = invoke("ci", "--against-model", "sim-large", "--requests", "20", "--publish", "check")
    assert answer.code != 0
    (check,) = github.checks.values()
    assert (check["name"], check["status"], check["conclusion"]) == ("lens-gate / bot", "completed", "failure")
    first, *_ = (one for one in github.asked if one.writes)
    assert first.body["status"] == "in_progress"


def test_ci_ends_the_check_that_it_began_where_there_is_no_verdict(
    invoke: Invoke, configure: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    configure(profiler={"name": "bot"})
    on_pull_request()
    monkeypatch.delenv("SIM_KEY")
    answer = invoke("ci", "--against-model", "sim-large", "--requests", "20", "--publish", "check")
    assert answer.code == 2
    (check,) = github.checks.values()
    assert check["conclusion"] == "failure"
    assert "SIM" in check["output"]["summary"]


def test_a_dry_run_publishes_nothing(
    invoke: Invoke, configure: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    configure()
    runner = on_pull_request()
    assert invoke("ci", "--against-model", "sim-large", "--requests", "20", "--dry-run", "--publish", "auto").code == 0
    assert (github.asked, runner.summary, runner.outputs) == ([], "", {})


def test_begin_needs_a_check_to_begin(
    invoke: Invoke, on_pull_request: Callable[..., Runner], on_github: OnGitHub
) -> None:
    on_pull_request()
    assert invoke("report", "--publish", "summary", "--begin").code == 2
    on_github(GITHUB_TOKEN="")
    answer = invoke("report", "--publish", "auto", "--begin")
    assert answer.code == 0
    assert "no check is begun" in answer.err


@pytest.mark.parametrize(("strict", "code"), [((), 0), (("--publish-strict",), 7)])
def test_a_check_that_cannot_be_begun_counts_only_where_that_is_asked(
    invoke: Invoke, on_pull_request: Callable[..., Runner], github: GitHubServer, strict: tuple[str, ...], code: int
) -> None:
    on_pull_request()
    github.faults = [Fault(FORBIDDEN, times=9)]
    answer = invoke("report", "--publish", "check", "--begin", *strict)
    assert answer.code == code
    assert "permissions: checks: write" in answer.err


def test_without_the_extra_it_is_said_before_anything_is_measured(
    invoke: Invoke, configure: Callable[..., Path], on_pull_request: Callable[..., Runner],
    monkeypatch: pytest.MonkeyPatch, home: Path,
) -> None:  # fmt: skip
    configure()
    on_pull_request()
    monkeypatch.setattr(platform, "find_spec", lambda _: None)
    answer = invoke("ci", "--against-model", "sim-large", "--requests", "40", "--publish", "comment")
    assert answer.code == 2
    assert "pip install 'lens-gate[github]'" in answer.err
    assert not (home / "results").exists()
    lenient = invoke("report", "--publish", "auto", "--begin")
    assert (lenient.code, "no check is begun" in lenient.err) == (0, True)


def test_the_environment_of_a_step_is_all_that_a_report_needs_to_merge_many_verdicts(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    paths = [judged(f"leg-{number}/verdict.json", factor=1.0 if number else 1.6) for number in range(3)]
    on_pull_request()
    assert invoke("report", *map(str, paths), "--publish", "comment", "--publish-strict").code == 0
    (body,) = github.bodies()
    assert "## ◆ Regression in 1 of 3 suites" in body
    assert "leg-2" in body
