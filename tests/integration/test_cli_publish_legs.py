"""What the legs of a matrix left, in one report: each under its name, and of its last attempt."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.github import GitHubServer
from tests.fakes.github_runner import Runner, commands_in
from tests.integration.conftest import Duet, Invoke

Leg = Callable[..., Path]


@pytest.fixture
def leg(invoke: Invoke, duet: Duet, home: Path, on_pull_request: Callable[..., Runner]) -> Leg:
    """Judge in a job of its own, and upload what that left as `gate.yml` does; return the folder of the download."""

    def judge(*words: str, factor: float = 1.0, attempt: int = 1) -> Path:
        duet(factor=factor, pairs=60)
        runner = on_pull_request(GITHUB_RUN_ATTEMPT=str(attempt))
        invoke("gate", "run.json", "--output", "verdict.json", "--publish", "outputs", *words)
        folder = home / "left" / runner.outputs["artifact-name"]
        folder.mkdir(parents=True)
        shutil.move(home / "verdict.json", folder)
        return folder

    return judge


@pytest.fixture
def reported(invoke: Invoke, on_pull_request: Callable[..., Runner], github: GitHubServer) -> Callable[..., Any]:
    """Report what was left, and return how each suite's check ended."""

    def report(*words: str, attempt: int = 1) -> dict[str, str]:
        github.checks.clear()
        on_pull_request(GITHUB_RUN_ATTEMPT=str(attempt))
        assert invoke("report", "left", "--publish", "check,comment", "--publish-strict", *words).code == 0
        return {check["name"].removeprefix("lens-gate / "): check["conclusion"] for check in github.checks.values()}

    return report


def test_a_leg_goes_by_its_suite_whatever_other_legs_left(leg: Leg, reported: Callable[..., Any], home: Path) -> None:
    suites = ("openai/gpt-4: fast", "search")
    folders = [leg("--suite", suite) for suite in suites]
    assert set(reported()) == set(suites)
    shutil.rmtree(folders[1])
    assert set(reported()) == set(suites[:1])
    # A download of one upload alone makes no folder of it.
    shutil.move(folders[0] / "verdict.json", home / "left")
    folders[0].rmdir()
    assert set(reported()) == set(suites[:1])


def test_a_leg_that_ran_again_takes_its_earlier_word_back(
    leg: Leg, reported: Callable[..., Any], github: GitHubServer
) -> None:
    leg("--suite", "chat", factor=1.6)
    leg("--suite", "search")
    assert reported() == {"chat": "failure", "search": "success"}
    leg("--suite", "chat", attempt=2)
    assert reported(attempt=2) == {"chat": "success", "search": "success"}
    (body,) = github.bodies()
    assert "Pass in all 2 suites" in body


@pytest.mark.parametrize("words", [(), ("--result", "failure"), ("--result", "success")])
def test_a_leg_that_crashed_and_ran_again_takes_nothing_from_another_of_its_name(
    leg: Leg, reported: Callable[..., Any], github: GitHubServer, words: tuple[str, ...]
) -> None:
    """Two legs that share their suite: the first regresses, the second leaves nothing and runs again, alone."""
    leg(factor=1.6)
    assert reported("--result", "failure") == {"support-bot": "failure"}
    leg(attempt=2)
    ended = reported(*words, attempt=2)
    proven = "success" in words
    assert sorted(ended.values()) == (["success"] if proven else ["failure", "success"])
    assert ("## ◆ Regression in" in github.bodies()[0]) is not proven


def test_what_a_regression_replaces_is_no_better_and_keeps_its_name(leg: Leg, reported: Callable[..., Any]) -> None:
    leg()
    leg(factor=1.6, attempt=2)
    assert reported("--result", "failure", attempt=2) == {"support-bot": "failure"}
    leg(factor=1.6, attempt=3)
    assert reported("--result", "failure", attempt=3) == {"support-bot": "failure"}


def test_a_job_with_exit_zero_proves_by_its_success_nothing(leg: Leg, reported: Callable[..., Any]) -> None:
    leg(factor=1.6)
    leg(attempt=2)
    ended = reported("--result", "success", "--exit-zero", attempt=2)
    assert sorted(ended.values()) == ["neutral", "success"]


def test_a_replaced_verdict_is_left_out_of_all_that_is_told_and_that_is_said(
    invoke: Invoke, leg: Leg, on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    first = leg("--suite", "chat", factor=1.6)
    again = leg("--suite", "chat", attempt=2)
    runner = on_pull_request(GITHUB_RUN_ATTEMPT="2")
    told = invoke("report", "left", "--publish", "auto", "--suite", "bot")
    assert told.code == 0, told.err
    assert f"left/{first.name}/verdict.json: left out" in told.err
    assert "Regression" not in told.out + runner.summary + github.bodies()[0]
    assert [check["name"] for check in github.checks.values()] == ["lens-gate / bot"]
    # Whoever names each one, or publishes nothing, gets each one.
    files = [str(folder / "verdict.json") for folder in (first, again)]
    invoke("report", *files, "--publish", "check", "--suite", "one", "--suite", "two")
    assert {check["name"] for check in github.checks.values()} >= {"lens-gate / one", "lens-gate / two"}
    assert "Regression" in invoke("report", *files).out


def test_legs_of_one_name_are_numbered_and_one_that_ran_again_takes_nothing_from_the_others(
    leg: Leg, reported: Callable[..., Any]
) -> None:
    names = [f"{'b' * 79}… ({number})" for number in (1, 2, 3)]
    for factor in (1.6, 1.0):
        leg("--suite", "b" * 90, factor=factor)
    assert sorted(reported()) == names[:2]
    leg("--suite", "b" * 90, attempt=2)
    ends = reported(attempt=2)
    assert sorted(ends) == names
    assert sorted(ends.values()) == ["failure", "success", "success"]


def test_the_values_of_a_matrix_tell_an_attempt_of_a_leg_from_the_other_legs(
    invoke: Invoke, duet: Duet, home: Path, on_pull_request: Callable[..., Runner], reported: Callable[..., Any]
) -> None:
    for attempt, factor in (("1", 1.6), ("2", 1.0)):
        folder = home / "left" / attempt
        folder.mkdir(parents=True)
        duet(pairs=60, factor=factor)
        on_pull_request(LENS_GATE_LEG='{"model": "gpt-4"}', GITHUB_RUN_ATTEMPT=attempt)
        invoke("gate", "run.json", "--output", str(folder / "verdict.json"))
    on_pull_request(LENS_GATE_LEG="null")
    assert reported(attempt=2) == {"benchmark (gpt-4)": "success"}


def test_the_values_of_a_matrix_stay_the_name_of_a_leg(
    invoke: Invoke, duet: Duet, home: Path, on_pull_request: Callable[..., Runner], reported: Callable[..., Any]
) -> None:
    (home / "left").mkdir()
    duet(pairs=60)
    on_pull_request(LENS_GATE_LEG='{"model": "gpt-4", "region": "eu"}')
    invoke("gate", "run.json", "--output", "left/verdict.json")
    on_pull_request(LENS_GATE_LEG="null")
    assert set(reported()) == {"benchmark (gpt-4, eu)"}


def test_a_verdict_that_is_judged_again_keeps_its_name_unless_it_is_given_another(
    invoke: Invoke, leg: Leg, on_pull_request: Callable[..., Runner], github: GitHubServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path = str(leg("--suite", "chat") / "verdict.json")
    on_pull_request(GITHUB_RUN_ATTEMPT="2")
    assert invoke("gate", path, "--output", path, "--publish", "check,comment").code == 0
    assert [check["name"] for check in github.checks.values()] == ["lens-gate / chat"]
    assert "· chat\n" in github.bodies()[0]
    assert _job(path) == ("chat", 1)
    assert invoke("gate", path, "--output", path, "--publish", "check", "--suite", "bot").code == 0
    assert _job(path) == ("bot", 2)
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert invoke("gate", path, "--output", path, "--suite", "elsewhere").code == 0
    assert _job(path) == ("bot", 2)


def _job(path: str) -> tuple[str, int]:
    job = json.loads(Path(path).read_bytes())["job"]
    return job["suite"], job["attempt"]


def test_ci_keeps_in_its_verdict_which_job_reached_it(
    invoke: Invoke, configure: Callable[..., Path], on_pull_request: Callable[..., Runner], home: Path
) -> None:
    configure()
    on_pull_request(GITHUB_RUN_ATTEMPT="3")
    invoke("ci", "--against-model", "sim-small", "--requests", "20", "--suite", "chat")
    job = json.loads((home / "results" / "verdict.json").read_bytes())["job"]
    assert (job["suite"], job["run_id"], job["attempt"]) == ("chat", 4242, 3)


@pytest.mark.parametrize("run", [None, "not a number"])
def test_where_no_pipeline_says_which_job_it_is_none_is_named(
    judged: Callable[..., Path], on_pull_request: Callable[..., Runner], run: str | None
) -> None:
    if run is not None:
        on_pull_request(GITHUB_RUN_ID=run)
    assert json.loads(judged().read_bytes())["job"] is None


def test_no_folder_that_a_fork_names_in_its_upload_is_a_command_to_the_runner(
    invoke: Invoke, judged: Callable[..., Path], in_trusted_half: Callable[..., Runner], home: Path
) -> None:
    for name in ("a\n::error::b", "##[error]c"):
        judged(f"left/{name}/verdict.json")
    in_trusted_half()
    answer = invoke("report", "left", "--publish", "check,summary")
    assert answer.code == 0
    (home / "left" / name / "verdict.json").write_text("{", encoding="utf-8")
    broken = invoke("report", "left", "--publish", "check,summary")
    assert broken.code == 2
    assert [one for said in (answer, broken) for text in (said.out, said.err) for one in commands_in(text)] == []


def test_no_name_that_a_fork_gives_itself_loses_a_verdict_or_says_more_than_a_name(
    invoke: Invoke, leg: Leg, in_trusted_half: Callable[..., Runner], github: GitHubServer
) -> None:
    forged = ["chat", "chat", "chat (1)", "x" * 300, "x" * 400, "a\n::error::b", " ", "../../etc"]
    for suite in forged:
        path = leg("--suite", "chat") / "verdict.json"
        document = json.loads(path.read_bytes())
        document["job"] |= {"suite": suite, "attempt": 2**62, "job": suite}
        path.write_text(json.dumps(document), encoding="utf-8")
    in_trusted_half()
    answer = invoke("report", "left", "--publish", "check", "--publish-strict")
    assert answer.code == 0, answer.err
    names = [check["name"] for check in github.checks.values()]
    assert len(set(names)) == len(forged)
    assert all(len(name) <= len("lens-gate / ") + 100 and "\n" not in name for name in names)


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (("lens-gate-chat-0a0a0a0a", "lens-gate-search-0b0b0b0b"), ("chat", "search")),
        (("lens-gate-gpt-4-0a0a0a0a", "lens-gate-gpt-4-2.0b0b0b0b"), ("gpt-4 (1)", "gpt-4 (2)")),
        (("lens-gate-chat-0a0a0a0a", "lens-gate-chat-0b0b0b0b"), ("chat (1)", "chat (2)")),
        (("chat", "bot-search"), ("bot (chat)", "bot (search)")),
    ],
)
def test_a_verdict_that_names_no_job_goes_by_its_upload_else_by_its_folder(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer,
    folders: tuple[str, str], names: tuple[str, str],
) -> None:  # fmt: skip
    paths = [judged(f"{folder}/verdict.json", rules={"publish": {"kinds": []}}) for folder in folders]
    for path in paths:
        _older(path, "bot")
    on_pull_request()
    assert invoke("report", *map(str, paths), "--publish", "check").code == 0
    assert sorted(check["name"] for check in github.checks.values()) == [f"lens-gate / {name}" for name in names]


def _older(path: Path, benchmark: str) -> None:
    """Write another name into a verdict, and leave out what older ones have not."""
    document = json.loads(path.read_bytes())
    document["analysis"]["benchmark"]["name"] = benchmark
    document.pop("job", None)
    path.write_text(json.dumps(document), encoding="utf-8")
