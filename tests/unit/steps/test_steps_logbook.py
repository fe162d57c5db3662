"""What the log says of a run, on an endpoint that answers from memory."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lens_gate.errors import TargetNotReady
from lens_gate.reports.log_lines import Level
from lens_gate.steps.recorded.resuming import read_earlier
from lens_gate.steps.resolving.order import Against
from lens_gate.steps.running.intent import MeasureOptions
from lens_gate.steps.running.measure import Measured, measure
from tests.fakes.log import Heard
from tests.fakes.world import ChatTransport, NoWatcher, a_world
from tests.unit.steps.test_steps_measure import arms_of, measured
from tests.unit.steps.test_steps_resuming import arms_of as two_arms
from tests.unit.steps.test_steps_resuming import interrupted

FAILING = {
    "retries": {"max_attempts": 2, "initial_delay": "1ms", "backoff": "fixed"},
    "circuit_breaker": {"enabled": True, "failure_threshold": 3, "timeout": "20ms"},
}


def played(folder: Path, level: Level, *, status: int = 200, **sections: Any) -> tuple[Heard, Measured]:
    heard = Heard(level)
    world = replace(a_world(folder, transport=ChatTransport(status=status)), log=heard.log)
    return heard, measured(world, arms_of(world, Against(kind="model", value="n"), **sections))


def test_the_beginning_and_the_end_of_a_run_are_logged_and_no_request(tmp_path: Path) -> None:
    heard, done = played(tmp_path, "info", profiler={"requests": 10, "name": "bot"})
    once = [message for message in heard.messages if message not in {"validity check failed", "requests failed"}]
    assert once == ["run begins", "run ended", "run written"]
    (begun,), (ended,), (written,) = (heard.all_of(message) for message in once)
    assert {name: begun[name] for name in ("id", "name", "candidate", "base", "rate", "requests")} == {
        "id": done.run.benchmark.id,
        "name": "bot",
        "candidate": "m",
        "base": "n",
        "rate": 200.0,
        "requests": 10,
    }
    assert (ended["id"], ended["ending"], ended["sent"], ended["successful"]) == (begun["id"], "complete", 10, 10)
    assert ended["usd"] == done.run.spend.spent_usd > 0
    assert written["path"] == str(tmp_path / "run.json")


def test_failed_checks_and_failures_are_logged_with_an_example(tmp_path: Path) -> None:
    heard, done = played(tmp_path, "warn", status=400)
    failed = {check.name for check in done.run.validity.checks if not check.ok}
    assert {fields["check"] for fields in heard.all_of("validity check failed")} == failed
    failures = heard.all_of("requests failed")
    assert {fields["series"] for fields in failures} == {"p/m"}
    assert all("refused" in fields["example"] for fields in failures)
    assert "run ended" not in heard.messages


def test_retries_and_breakers_are_logged_at_debug_only(tmp_path: Path) -> None:
    heard, done = played(tmp_path / "debug", "debug", status=503, resilience=FAILING)
    quiet, _ = played(tmp_path / "info", "info", status=503, resilience=FAILING)
    tried = heard.all_of("tried")
    assert {fields["attempt"] for fields in tried} == {1, 2}
    assert {fields["http"] for fields in tried} == {503}
    states = [fields["state"] for fields in heard.all_of("circuit breaker changed")]
    assert len(states) == len(done.run.breaker)
    assert states[0] == "open"
    assert "request ended" not in heard.messages
    assert not {"tried", "circuit breaker changed"} & set(quiet.messages)


def test_what_is_held_back_by_a_limit_is_logged_at_debug_only(tmp_path: Path) -> None:
    limit = {"rate_limits": {"requests_per_minute": 600}}
    sections: dict[str, Any] = {
        "profiler": {"requests": 14},
        "providers": [{"name": "p", "endpoint": "http://p.example.org/v1", "models": ["m"], **limit}],
        "workload": {"type": "burst", "burst": {"size": 14, "every": "2s"}},
    }
    heard, done = played(tmp_path / "debug", "debug", **sections)
    held = [fields["waited_ms"] for fields in heard.all_of("held back by a limit")]
    (paced,) = done.run.paced
    assert len(held) == paced.paced >= 1
    assert max(held) == pytest.approx(paced.longest_s * 1000)
    quiet, _ = played(tmp_path / "info", "info", **sections)
    assert "held back by a limit" not in quiet.messages


def test_every_request_is_logged_at_trace(tmp_path: Path) -> None:
    heard, done = played(tmp_path, "trace")
    ended = heard.all_of("request ended")
    assert sorted(fields["index"] for fields in ended) == list(range(10))
    assert {fields["output_tokens"] for fields in ended} == {2}
    assert all(0 < fields["ttft_ms"] < fields["total_ms"] for fields in ended)
    assert len(done.samples) == 10


def test_what_an_earlier_part_brings_along_is_logged(tmp_path: Path) -> None:
    first = interrupted(tmp_path, 12)
    earlier = read_earlier(first)
    heard = Heard("info")
    world = replace(a_world(tmp_path), log=heard.log)
    measure(two_arms(world), tmp_path / "run.json", world, NoWatcher(), MeasureOptions(earlier=earlier))
    (recovered,) = heard.all_of("recovered an earlier part")
    assert recovered == {"path": str(first), "requests": len(earlier.samples), "stretches": 1}


@pytest.mark.parametrize(("answers", "messages"), [(True, ["target started", "target stopped"]), (False, [])])
def test_targets_are_logged_when_they_answer_and_when_they_have_ended(
    tmp_path: Path, answers: bool, messages: list[str]
) -> None:
    serve = f"{sys.executable} -m http.server {{port}} --bind 127.0.0.1" if answers else f"{sys.executable} -c ''"
    target = {"command": serve, "ready_url": "http://127.0.0.1:{port}/", "ready_timeout": "20s"}
    heard = Heard("info")
    world = replace(a_world(tmp_path), log=heard.log)
    try:
        measured(world, arms_of(world, target=target))
    except TargetNotReady:
        assert not answers
    assert [message for message in heard.messages if message.startswith("target")] == messages
    for fields in heard.all_of("target started"):
        assert fields["url"].startswith("http://127.0.0.1:")
