"""Notifications through the command line: who is told what, when, and what happens where that fails."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.github_runner import Runner, a_pull_request
from tests.fakes.receivers import (
    HOOK_PATH,
    INTEGRATION_KEY,
    SIGNING_SECRET,
    SLACK_PATH,
    TEAMS_PATH,
    Fault,
    Receivers,
    receivers,
)
from tests.integration.conftest import Answer, Duet, Invoke

Gate = Callable[..., Answer]

SECRETS = {"PAGERDUTY_KEY": INTEGRATION_KEY, "SIGNING_SECRET": SIGNING_SECRET}


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receivers]:
    """Services on loopback, whose addresses and keys are in the environment."""
    with receivers() as running:
        for name, value in SECRETS.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SLACK_WEBHOOK_URL", running.slack)
        monkeypatch.setenv("TEAMS_WEBHOOK_URL", running.teams)
        monkeypatch.setenv("HOOK_URL", running.hook)
        monkeypatch.setattr("time.sleep", lambda _: None)
        yield running


def everybody(services: Receivers) -> list[dict[str, Any]]:
    return [
        {"type": "slack", "webhook": "${SLACK_WEBHOOK_URL}"},
        {"type": "teams", "webhook": "${TEAMS_WEBHOOK_URL}"},
        {"type": "pagerduty", "integration_key": "${PAGERDUTY_KEY}", "endpoint": services.base_url},
        {"type": "webhook", "webhook": "${HOOK_URL}", "secret": "${SIGNING_SECRET}"},
    ]


def configuration(*notifications: dict[str, Any], store: bool = True, **regression: Any) -> dict[str, Any]:
    stored = {"baseline": {"source": "store/"}} if store else {}
    return {"regression": {"notifications": list(notifications), **stored, **regression}}


@pytest.fixture
def gate(invoke: Invoke, duet: Duet, home: Path) -> Gate:
    """Judge a run whose candidate takes `factor` times as long, by a configuration."""

    def judge(config: dict[str, Any], *arguments: str, factor: float = 1.6) -> Answer:
        (home / "lens-gate.yaml").write_text(json.dumps(config, indent=1), encoding="utf-8")
        duet(factor=factor, pairs=40)
        return invoke("gate", "run.json", "--output", "verdict.json", *arguments)

    return judge


def test_everybody_is_told_once_when_it_begins_and_once_when_it_is_over(gate: Gate, services: Receivers) -> None:
    config = configuration(*everybody(services))
    assert [gate(config, factor=factor).code for factor in (1.6, 1.6, 1.0, 1.0)] == [1, 1, 0, 0]
    for path in (SLACK_PATH, TEAMS_PATH, HOOK_PATH):
        assert len(services.at(path)) == 2
    assert [one["event"] for one in services.at(HOOK_PATH)] == ["opened", "recovered"]
    assert services.at(SLACK_PATH)[1]["text"].startswith("🟢 support-bot: Recovered")
    assert list(services.incidents.values()) == ["resolved"]


def test_without_a_store_each_failing_run_is_told_and_it_is_said_why(gate: Gate, services: Receivers) -> None:
    config = configuration(*everybody(services), store=False)
    answers = [gate(config, factor=factor) for factor in (1.6, 1.6, 1.0)]
    assert [one["event"] for one in services.at(HOOK_PATH)] == ["failing", "failing"]
    assert len(services.at(SLACK_PATH)) == 2
    assert "no store remembers what was told" in answers[0].err
    assert list(services.incidents.values()) == ["resolved"]


def test_the_store_of_the_runs_remembers_what_was_told(gate: Gate, home: Path, services: Receivers) -> None:
    config = configuration({"type": "slack", "webhook": "${SLACK_WEBHOOK_URL}"}, store=False)
    config["output"] = {"database": {"enabled": True, "type": "sqlite", "connection": "runs.db"}}
    gate(config)
    gate(config)
    assert len(services.at(SLACK_PATH)) == 1
    assert (home / "runs.db").is_file()


def test_when_failing_tells_every_failing_run(gate: Gate, services: Receivers) -> None:
    config = configuration({"type": "slack", "webhook": "${SLACK_WEBHOOK_URL}", "when": "failing"})
    for _ in range(3):
        gate(config)
    assert len(services.at(SLACK_PATH)) == 3


def test_the_conditions_of_the_specification_decide_who_is_told(
    gate: Gate, services: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack, _, pager, _ = everybody(services)
    both = ["regression_detected == true", "severity == 'error'"]
    config = configuration(
        {**slack, "conditions": both}, {**pager, "conditions": [*both, "branch == 'main'"]}, store=False
    )
    gate(config)
    assert (len(services.at(SLACK_PATH)), services.incidents) == (1, {})
    monkeypatch.setenv("GITHUB_REF", "refs/heads/main")
    gate(config)
    assert list(services.incidents.values()) == ["triggered"]


def test_a_warning_is_told_to_whom_asked_for_warnings(gate: Gate, services: Receivers) -> None:
    hook = {"type": "webhook", "webhook": "${HOOK_URL}", "secret": "${SIGNING_SECRET}"}
    config = configuration(
        {**hook, "conditions": ["severity == 'warning'"]},
        quality_gates=[{"name": "fast", "condition": "mean_latency < 1", "severity": "warning"}],
    )
    assert gate(config, factor=1.0).code == 0
    (told,) = services.at(HOOK_PATH)
    assert told["verdict"] in {"pass", "inconclusive"}
    assert [one["check"] for one in told["failing"]]


def test_a_failure_to_tell_changes_no_verdict_and_is_tried_again_by_the_next_run(
    gate: Gate, services: Receivers
) -> None:
    config = configuration({"type": "slack", "webhook": "${SLACK_WEBHOOK_URL}"})
    services.faults = [Fault(503), Fault(429, {"Retry-After": "1"}), Fault(500)]
    answer = gate(config)
    assert answer.code == 1
    assert "warning: not told: slack-1: 127.0.0.1 did not take the message (500: no)" in answer.err
    assert answer.told["outcome"] == "regression"
    gate(config)
    assert len(services.at(SLACK_PATH)) == 1


@pytest.mark.parametrize("way", ["option", "key"])
def test_a_failure_counts_where_it_is_asked_to(gate: Gate, services: Receivers, way: str) -> None:
    asked = {"type": "slack", "webhook": "${SLACK_WEBHOOK_URL}", "conditions": ["true"], "strict": way == "key"}
    services.faults = [Fault(404, text="no_service")]
    arguments = ["--notify-strict"] if way == "option" else []
    answer = gate(configuration(asked), *arguments, factor=1.0)
    assert answer.code == 7
    assert "no_service" in answer.err


def test_no_secret_is_shown_whatever_the_receiver_says(gate: Gate, services: Receivers) -> None:
    slack, _, pager, hook = everybody(services)
    services.faults = [Fault(403, text=f"{services.slack} {INTEGRATION_KEY} {SIGNING_SECRET}")] * 3
    answer = gate(configuration(slack, pager, hook), "--log-level", "debug")
    assert answer.err.count("not told") == 3
    shown = answer.out + answer.err
    assert not [secret for secret in (SLACK_PATH, *SECRETS.values()) if secret in shown]


def test_no_notify_tells_nobody(gate: Gate, services: Receivers) -> None:
    gate(configuration(*everybody(services)), "--no-notify")
    assert services.tries == 0


def test_a_dry_run_tells_nobody(invoke: Invoke, home: Path, services: Receivers) -> None:
    config = configuration(*everybody(services)) | {
        "providers": [{"name": "local", "endpoint": "http://127.0.0.1:9/v1", "models": ["m"]}],
        "workload": {"prompts": [{"template": "hello"}]},
    }
    (home / "lens-gate.yaml").write_text(json.dumps(config), encoding="utf-8")
    answer = invoke("ci", "--against-model", "other", "--dry-run")
    assert (answer.code, services.tries) == (0, 0)


def test_a_missing_variable_is_a_warning_and_the_others_are_told(
    gate: Gate, services: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLACK_WEBHOOK_URL")
    answer = gate(configuration(*everybody(services)))
    assert answer.code == 1
    assert "slack-1 is told nothing" in answer.err
    assert "SLACK_WEBHOOK_URL" in answer.err
    assert (len(services.at(SLACK_PATH)), len(services.at(TEAMS_PATH))) == (0, 1)


@pytest.mark.parametrize(
    ("address", "word"),
    [("http://hooks.slack.example/x", "not encrypted"), ("https://a@b.example/x", "no plain"), ("slack", "no plain")],
)
def test_an_address_that_would_show_its_key_is_not_used(
    gate: Gate, services: Receivers, monkeypatch: pytest.MonkeyPatch, address: str, word: str
) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", address)
    answer = gate(configuration({"type": "slack", "webhook": "${SLACK_WEBHOOK_URL}"}))
    assert answer.code == 1
    assert word in answer.err


def test_a_condition_that_cannot_be_read_is_refused_before_anything_is_done(gate: Gate, services: Receivers) -> None:
    asked = {"type": "slack", "webhook": "${SLACK_WEBHOOK_URL}", "conditions": ["brunch == 'main'"]}
    answer = gate(configuration(asked))
    assert answer.code == 2
    assert "Did you mean branch" in answer.err
    assert "lens-gate.yaml:" in answer.err


def test_a_report_tells_of_a_verdict_that_was_written_before(gate: Gate, invoke: Invoke, services: Receivers) -> None:
    config = configuration(*everybody(services))
    gate(config, "--no-notify")
    for _ in range(2):
        assert invoke("report", "verdict.json", "--notify").code == 0
    assert [one["event"] for one in services.at(HOOK_PATH)] == ["opened"]


def test_a_report_without_anybody_to_tell_says_what_to_add(gate: Gate, invoke: Invoke, services: Receivers) -> None:
    gate({})
    answer = invoke("report", "verdict.json", "--notify")
    assert answer.code == 2
    assert "regression.notifications" in answer.err


def test_an_older_verdict_is_not_told_after_a_newer_one(
    gate: Gate, invoke: Invoke, home: Path, services: Receivers
) -> None:
    config = configuration(*everybody(services))
    gate(config, "--no-notify", factor=1.0)
    older = json.loads((home / "verdict.json").read_bytes())
    older["analysis"]["benchmark"]["start_time"] = "2020-02-02T02:02:02Z"
    (home / "older.json").write_text(json.dumps(older), encoding="utf-8")
    gate(config)
    answer = invoke("report", "older.json", "--notify")
    assert "told of a later run already" in answer.err
    assert [one["event"] for one in services.at(HOOK_PATH)] == ["opened"]


def test_a_memory_that_is_damaged_is_no_memory(gate: Gate, home: Path, services: Receivers) -> None:
    hook = {"type": "webhook", "webhook": "${HOOK_URL}", "secret": "${SIGNING_SECRET}"}
    config = configuration(hook)
    gate(config)
    (memory,) = (home / "store" / "notifications").rglob("*.json")
    memory.write_bytes(b"{")
    gate(config)
    gate(config, factor=1.0)
    assert [one["event"] for one in services.at(HOOK_PATH)] == ["opened", "opened", "recovered"]


def test_a_store_that_cannot_be_written_costs_a_warning(gate: Gate, home: Path, services: Receivers) -> None:
    (home / "store" / "notifications").mkdir(parents=True)
    (home / "store" / "notifications" / "support-bot").write_text("in the way", encoding="utf-8")
    answer = gate(configuration({"type": "slack", "webhook": "${SLACK_WEBHOOK_URL}"}))
    assert answer.code == 1
    assert "is not remembered" in answer.err or "cannot be read" in answer.err
    assert len(services.at(SLACK_PATH)) == 1


def on_pull_request(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str, **changes: str) -> None:
    event = {"pull_request": a_pull_request(home=home)}
    runner = Runner(tmp_path / "runner", name="pull_request", event=event, changes=changes)
    for name, value in runner.environment().items():
        monkeypatch.setenv(name, value)


def test_a_pull_request_of_a_fork_tells_nobody_unless_that_is_asked_for(
    gate: Gate, services: Receivers, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    on_pull_request(monkeypatch, tmp_path_factory.mktemp("fork"), "visitor/widgets")
    slack, _, _, hook = everybody(services)
    answer = gate(configuration(slack, {**hook, "forks": True}))
    assert "slack-1 is told nothing: this is a pull request of a fork" in answer.err
    assert (len(services.at(SLACK_PATH)), len(services.at(HOOK_PATH))) == (0, 1)
    assert services.at(HOOK_PATH)[0]["branch"] == "pull/482"


def test_a_pull_request_cannot_send_to_a_place_of_its_own(
    gate: Gate,
    home: Path,
    services: Receivers,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    slack, _, _, hook = everybody(services)
    (home / "lens-gate.yaml").write_text(json.dumps(configuration(slack, store=False), indent=1), encoding="utf-8")
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "lens-gate.yaml")
    git(home, "commit", "-q", "-m", "the trusted configuration")
    git(home, "update-ref", "refs/remotes/origin/main", "HEAD")
    on_pull_request(monkeypatch, tmp_path_factory.mktemp("own"), "acme/widgets", GITHUB_BASE_REF="main")
    mine = {"type": "webhook", "webhook": services.hook, "secret": SIGNING_SECRET}
    answer = gate(configuration({**slack, "when": "failing"}, mine, hook, store=False))
    assert answer.code == 1
    assert answer.err.count("the configuration of refs/remotes/origin/main does not name it") == 2
    assert (len(services.at(SLACK_PATH)), len(services.at(HOOK_PATH))) == (1, 0)


def git(folder: Path, *arguments: str) -> None:
    name = ("-c", "user.name=tester", "-c", "user.email=tester@example.com")
    subprocess.run(["git", *name, *arguments], cwd=folder, check=True, timeout=30)
