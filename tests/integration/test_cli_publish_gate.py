"""`gate --publish`, of a verdict and of a trend; and what the outputs of a step name."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lens_gate.artifacts.codec import dumps
from lens_gate.cli import running
from tests.fakes.github import GitHubServer
from tests.fakes.github_runner import Runner, commands_in
from tests.histories import a_trend, noisy, records_of, stepped
from tests.integration.conftest import Duet, Invoke, OnGitHub

SHIFTED, SHORT, STEADY = stepped(math.log(1.2)), noisy(4), noisy(40)
WriteTrend = Callable[[list[float]], str]


@pytest.fixture
def write_trend(home: Path) -> WriteTrend:
    """Write the trend of a history of these logarithms."""

    def write(logs: list[float]) -> str:
        (home / "trend.json").write_bytes(dumps(a_trend(records_of(logs))))
        return "trend.json"

    return write


@pytest.mark.parametrize(
    ("logs", "verdict", "levels"),
    [(SHIFTED, "regression", ["error"]), (STEADY, "pass", []), (SHORT, "inconclusive", ["notice"])],
)
def test_a_gate_on_a_trend_shows_itself_on_the_page_of_its_run(
    invoke: Invoke, write_trend: WriteTrend, on_github: OnGitHub, logs: list[float], verdict: str, levels: list[str]
) -> None:
    path, runner = write_trend(logs), on_github("schedule")
    answer = invoke("gate", path, "--publish", "auto")
    failed = int(verdict == "regression")
    assert answer.code == failed
    assert runner.outputs == {"verdict": verdict, "exit-code": str(failed), "regressions": str(failed)}
    assert "Trend over" in runner.summary
    assert [one.name for one in commands_in(answer.out)] == levels


def test_a_trend_has_no_check_and_no_comment(
    invoke: Invoke, write_trend: WriteTrend, on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    path = write_trend(SHIFTED)
    on_pull_request()
    answer = invoke("gate", path, "--publish", "auto", "--exit-zero")
    assert answer.code == 0
    assert "no check is published for a trend" in answer.err
    assert github.writes() == []
    assert [one.name for one in commands_in(answer.out)] == ["warning"]


def test_a_trend_that_cannot_be_published_keeps_its_code_unless_that_is_asked(
    invoke: Invoke, write_trend: WriteTrend, on_github: OnGitHub, home: Path
) -> None:
    path = write_trend(STEADY)
    on_github("schedule", GITHUB_OUTPUT=str(home))
    assert invoke("gate", path, "--publish", "outputs").code == 0
    assert invoke("gate", path, "--publish", "outputs", "--publish-strict").code == 7


def test_a_gate_publishes_its_verdict_as_ci_does(
    invoke: Invoke, duet: Duet, on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    duet(factor=1.6, pairs=60)
    runner = on_pull_request()
    assert invoke("gate", "run.json", "--publish", "auto", "--suite", "bot").code == 1
    assert runner.outputs["verdict"] == "regression"
    (check,) = github.checks.values()
    assert (check["name"], check["conclusion"]) == ("lens-gate / bot", "failure")
    assert "## ◆ Regression" in github.bodies()[0]


def test_a_gate_without_an_artifact_ends_its_check_as_a_failure(
    invoke: Invoke, on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    on_pull_request()
    assert invoke("gate", "run.json", "--publish", "check").code == 2
    assert [check["conclusion"] for check in github.checks.values()] == ["failure"]


def test_a_gate_in_the_trusted_half_vouches_for_nothing(
    invoke: Invoke, judged: Callable[..., Path], in_trusted_half: Callable[..., Runner], github: GitHubServer
) -> None:
    verdict = judged(factor=1.0)
    in_trusted_half()
    assert invoke("gate", str(verdict), "--publish", "check").code == 0
    assert [check["conclusion"] for check in github.checks.values()] == ["neutral"]


def test_what_measures_in_the_trusted_half_tells_its_own_failure_in_its_own_words(
    invoke: Invoke, configure: Callable[..., Path], in_trusted_half: Callable[..., Runner], github: GitHubServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    configure()
    in_trusted_half()
    monkeypatch.delenv("SIM_KEY")
    assert invoke("ci", "--requests", "12", "--publish", "check,comment").code == 2
    (check,) = github.checks.values()
    for text in (check["output"]["summary"], github.bodies()[0]):
        assert "SIM" in text
        assert "another run" not in text


@pytest.mark.parametrize("command", ["gate", "report"])
def test_a_file_without_a_verdict_is_told_until_a_step_that_was_given_it_has_one(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer,
    monkeypatch: pytest.MonkeyPatch, command: str,
) -> None:  # fmt: skip
    search, home = judged("search/verdict.json", factor=1.0), Path.cwd()
    name = json.loads(search.read_bytes())["analysis"]["benchmark"]["name"]
    (home / "lens-gate.yaml").write_text(json.dumps({"profiler": {"name": name}}), encoding="utf-8")
    on_pull_request()
    (home / "chat").mkdir()
    for folder, retried in (("chat", False), ("search", False), ("chat", True)):
        if retried:
            (home / "chat" / "verdict.json").write_bytes(search.read_bytes())
        monkeypatch.chdir(home / folder)
        code = invoke(command, "verdict.json", "--config", "../lens-gate.yaml", "--publish", "check,comment").code
        assert code == (2 if (folder, retried) == ("chat", False) else 0)
        assert ("Not measured" in github.bodies()[0]) == (not retried)
        newest = list(github.checks.values())[-1]
        assert newest["conclusion"] == ("success" if retried else "failure")


# What outputs name


@pytest.mark.parametrize("where", [("results", "inner/results"), ("../beside", "beside"), (".", "inner")])
def test_paths_are_from_where_the_steps_of_the_job_start(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub, home: Path, monkeypatch: pytest.MonkeyPatch,
    where: tuple[str, str],
) -> None:  # fmt: skip
    folder, shown = where
    data = judged().read_bytes()
    (home / "inner").mkdir()
    monkeypatch.chdir(home / "inner")
    path = Path(folder) / "verdict.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    path.with_name("report.md").touch()
    runner = on_github(GITHUB_WORKSPACE=str(home))
    assert invoke("report", str(path), "--publish", "outputs").code == 0
    assert (runner.outputs["artifacts"], runner.outputs["report"]) == (shown, f"{shown}/report.md")


def test_what_lies_outside_of_the_job_s_folder_is_named_from_the_root(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub, home: Path
) -> None:
    verdict = judged()
    runner = on_github(GITHUB_WORKSPACE=str(home / "elsewhere"))
    invoke("report", str(verdict), "--publish", "outputs")
    assert runner.outputs["artifacts"] == str(home)


@pytest.mark.parametrize("suite", ["openai/gpt-4: a|b", "chat", "....", "x" * 100])
def test_files_get_a_name_that_an_upload_takes_and_no_other_job_has(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub, suite: str
) -> None:
    verdict, names = judged(), []
    for _ in range(2):
        runner = on_github(GITHUB_RUN_ATTEMPT="3")
        assert invoke("report", str(verdict), "--publish", "outputs", "--suite", suite).code == 0
        names.append(runner.outputs["artifact-name"])
    assert names[0] != names[1]
    assert all(re.fullmatch(r"lens-gate-[A-Za-z0-9._-]+-3\.[0-9a-f]{8}", name) for name in names)


def test_what_cannot_be_taken_away_of_an_earlier_run_ends_before_anything_is_sent(
    invoke: Invoke, configure: Callable[..., Path], home: Path
) -> None:
    configure()
    (home / "results" / "verdict.json").mkdir(parents=True)
    answer = invoke("ci", "--requests", "12")
    assert answer.code == 7
    assert "a file of an earlier run cannot be replaced" in answer.err
    assert not (home / "results" / "run.json").exists()


def test_the_verdict_of_an_earlier_run_is_gone_while_the_next_one_is_measured(
    invoke: Invoke, configure: Callable[..., Path], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure()
    (home / "results").mkdir()
    names = ("analysis.json", "verdict.json", "report.md", "report.html", "junit.xml")
    earlier = [home / "results" / name for name in names]
    for path in earlier:
        path.write_text("of yesterday", encoding="utf-8")
    assert invoke("ci", "--requests", "12", "--dry-run").code == 0
    assert all(path.exists() for path in earlier)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "measure", killed)
    assert invoke("ci", "--requests", "12").code == 130
    assert not any(path.exists() for path in earlier)


@pytest.mark.parametrize(
    "wrong",
    [
        ("--config", "gone.yaml"),
        ("--config", "misspelt.json"),
        ("--config", "keyless.json"),
        ("--baseline", "gone.json"),
        ("--against-model", "sim-large", "--baseline", "gone.json"),
        ("--against-ref", "gone"),
        ("--publish", "everything"),
    ],
)
def test_whatever_ci_fails_by_no_report_after_it_finds_the_verdict_of_an_earlier_run(
    invoke: Invoke, configure: Callable[..., Path], judged: Callable[..., Path], on_github: OnGitHub, home: Path,
    wrong: tuple[str, ...],
) -> None:  # fmt: skip
    judged("results/verdict.json", factor=1.0)
    text = configure().read_text(encoding="utf-8")
    (home / "misspelt.json").write_text('{"providerz": []}', encoding="utf-8")
    (home / "keyless.json").write_text(text.replace("${SIM_KEY}", "${ITS_KEY}"), encoding="utf-8")
    runner = on_github()
    assert invoke("ci", "--requests", "12", *wrong).code in {2, 5}
    assert not (home / "results" / "verdict.json").exists()
    assert invoke("report", "results/verdict.json", "--publish", "outputs", "--suite", "search").code == 2
    assert "verdict" not in runner.outputs
