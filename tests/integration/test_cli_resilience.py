"""Retries, circuit breakers and giving up against a real server, through `lens-gate run`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import KEY, Answer, Invoke

Configure = Callable[..., Path]
Measure = Callable[..., tuple[Answer, dict[str, Any]]]


@pytest.fixture
def measure(invoke: Invoke, configure: Configure, simulator: str) -> Measure:
    """Run some requests to a model of the simulator; return what was answered, and the artifact."""

    def call(model: str, *arguments: str, rate: float = 60, **sections: Any) -> tuple[Answer, dict[str, Any]]:
        provider = {"name": "sim", "endpoint": f"{simulator}/v1", "api_key": KEY, "models": [{"id": model}]}
        configure(
            providers=[provider],
            workload={"fixed": {"requests_per_second": rate}, "prompts": [{"id": "p", "template": "Say hello."}]},
            **sections,
        )
        answer = invoke("run", "--output", "run.json", *arguments)
        return answer, json.loads(Path("run.json").read_text(encoding="utf-8"))

    return call


def check(run: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in run["validity"]["checks"] if one["name"] == name)
    return found


def test_failed_requests_are_tried_again_and_each_attempt_is_in_the_artifact(measure: Measure) -> None:
    _, run = measure(
        "sim-small+errors=50",
        "--requests",
        "40",
        resilience={"retries": {"max_attempts": 4, "backoff": "fixed", "initial_delay": "20ms"}},
    )
    requests = run["providers"][0]["models"][0]["requests"]
    # One in sixteen fails four times; the machine may be too busy for some of the others.
    assert requests["successful"] >= 25
    assert requests["retried"] >= 10
    rows = Counter(row["index"] for row in run["attempts"])
    assert len(rows) == requests["retried"]
    assert set(rows.values()) <= {2, 3, 4}
    assert {row["error_class"] for row in run["attempts"] if row["attempt"] == 1} == {"api_error"}
    later = [row for row in run["attempts"] if row["attempt"] > 1]
    assert min(row["backoff_ns"] for row in later) >= 20_000_000
    assert not check(run, "retried_share")["ok"]


def test_an_open_breaker_sheds_and_the_artifact_tells_when(measure: Measure) -> None:
    answer, run = measure(
        "sim-small+fault=500",
        "--requests",
        "40",
        resilience={"circuit_breaker": {"enabled": True, "failure_threshold": 3, "timeout": "200ms"}},
    )
    assert answer.code == 3
    assert [change["state"] for change in run["breaker"]][:3] == ["open", "half_open", "open"]
    assert run["providers"][0]["models"][0]["requests"]["shed"] > 20
    assert not check(run, "breaker_openings")["ok"]
    assert check(run, "achieved_rate")["effect"] == "invalid"


def test_too_many_errors_end_the_run_with_exit_code_3_and_keep_what_was_measured(measure: Measure) -> None:
    answer, run = measure("sim-small+errors=60", "--requests", "2000", "--abort-error-rate", "40")
    assert (answer.code, answer.told["ending"], answer.told["exit"]) == (3, "error_rate", "3")
    assert run["ending"] == "error_rate"
    assert "requests failed" in run["ending_message"]
    assert 20 <= run["summary"]["total_requests"] < 400


def test_an_abort_that_is_no_percentage_is_refused(invoke: Invoke) -> None:
    answer = invoke("run", "--abort-error-rate", "140")
    assert answer.code == 2
    assert "--abort-error-rate" in answer.err


@pytest.fixture
def strict_simulator() -> Iterator[str]:
    """The address of a simulator that refuses more than 20 requests per second."""
    command = [sys.executable, "-m", "lens_gate", "simulate", "--rate-limit", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait(20)


def test_limits_keep_a_burst_within_what_the_provider_allows(
    invoke: Invoke, configure: Configure, strict_simulator: str
) -> None:
    # As fast as 30 slots go, or at half of what the provider allows: a busy machine may bunch what it sends.
    none, half = dict[str, Any](), {"rate_limits": {"requests_per_minute": 600}}
    throttled = []
    for limits, requests in ((half, "30"), (none, "100")):
        provider = {"name": "sim", "endpoint": f"{strict_simulator}/v1", "models": [{"id": "sim-instant"}], **limits}
        configure(providers=[provider], workload={"closed": {"concurrency": 30}})
        invoke("run", "--requests", requests, "--output", "run.json")
        run = json.loads(Path("run.json").read_text(encoding="utf-8"))
        throttled.append(run["providers"][0]["models"][0]["requests"]["throttled"])
    assert throttled[0] == 0
    assert throttled[1] > 10


def test_a_rate_beyond_a_limit_is_refused_before_anything_is_sent(invoke: Invoke, configure: Configure) -> None:
    configure(cost_controls={"rate_limits": {"requests_per_minute": 100}})
    for arguments in (("run", "--dry-run"), ("run",)):
        answer = invoke(*arguments, "--rps", "10", "--duration", "10s")
        assert answer.code == 2
        assert "600 requests per minute of all providers together, and the limit is 100" in answer.err


def test_a_daily_budget_holds_over_many_runs_and_ends_with_exit_code_6(
    invoke: Invoke, configure: Configure, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setenv("LENS_GATE_DATA", str(home / "data"))
    # 32 tokens at 1.5 dollars a million, and less than 200 of input at 0.5: about 0.0001 dollars a request at most.
    configure(cost_controls={"budgets": {"daily_usd": 0.0008}})
    codes = [invoke("run", "--requests", "40", "--output", f"run{number}.json").code for number in range(12)]
    assert codes[0] in (0, 3, 6)
    assert codes[-1] == 6
    spent = sum(json.loads(path.read_text(encoding="utf-8"))["spend"]["spent_usd"] for path in home.glob("run*.json"))
    assert 0 < spent <= 0.0008
    answer = invoke("run", "--requests", "40", "--dry-run")
    assert (answer.code, "budget" in answer.err) in {(6, True), (0, False)}


def test_validate_refuses_a_cap_that_cannot_hold(invoke: Invoke, configure: Configure, simulator: str) -> None:
    unpriced = {"name": "sim", "endpoint": f"{simulator}/v1", "models": [{"id": "unheard-of", "max_tokens": 9}]}
    for sections in (
        {"profiler": {"max_cost_usd": 1.0}},
        {"cost_controls": {"budgets": {"monthly_usd": 9.0}}},
    ):
        configure(providers=[unpriced], **sections)
        answer = invoke("validate")
        assert answer.code == 2
        assert "the price of sim/unheard-of is unknown" in answer.err
    configure(profiler={"max_cost_usd": 1.0})
    assert invoke("validate").code == 0


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_run_ends_at_its_time_cap_with_what_it_measured(measure: Measure, processes: str, unhurried: None) -> None:
    answer, run = measure(
        "sim-small", "--requests", "4000", "--rps", "20", "--time-cap", "1s", "--processes", processes,
    )  # fmt: skip
    assert answer.told["exit"] == "6"
    assert (run["ending"], run["ending_message"]) == ("time_cap", "the run was stopped at its time cap of 1 s")
    assert 0 < run["summary"]["total_requests"] < 400


def test_a_time_cap_in_the_configuration_is_kept_and_none_of_no_length_is_taken(
    measure: Measure, invoke: Invoke, unhurried: None
) -> None:
    answer, run = measure("sim-small", "--requests", "4000", resilience={"timeouts": {"run": "1s"}})
    assert (answer.told["exit"], run["ending"]) == ("6", "time_cap")
    refused = invoke("run", "--time-cap", "0s")
    assert refused.code == 2
    assert "--time-cap" in refused.err
