"""`replay` as a user types it: real streams of a simulator, the pace and lengths of a log, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lens_gate.artifacts.codec import load_run
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Samples
from lens_gate.steps.recorded.reading import samples_beside
from tests.integration.conftest import KEY, Invoke, Listener

Configure = Callable[..., Path]

PROMPT_TOKENS = [30, 64, 7, 300, 41] * 4
HEAD = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
TRACE = HEAD + "".join(
    f"2023-11-16 18:17:{number // 2:02d}.{number % 2 * 5}000000,{tokens},{3 + number % 4}\n"
    for number, tokens in enumerate(PROMPT_TOKENS)
)


@pytest.fixture
def trace(home: Path) -> Path:
    path = home / "trace.csv"
    path.write_text(TRACE, encoding="utf-8")
    return path


def run_in(path: Path) -> tuple[Run, Samples]:
    run = load_run(path.read_bytes(), name=str(path))
    return run, samples_beside(run, path)


def column(samples: Samples, name: str) -> list[float]:
    order = np.argsort(samples.numbers["index"])
    return [float(value) for value in samples.numbers[name][order]]


def test_a_trace_is_played_at_its_pace_with_its_lengths(
    invoke: Invoke, configure: Configure, trace: Path, home: Path, unhurried: None
) -> None:
    configure()
    answer = invoke("replay", "--log", "trace.csv", "--time-scale", "5", "--output", "replay.json")
    assert answer.code == 0, answer.err
    run, samples = run_in(home / "replay.json")
    assert column(samples, "intended_ns") == [number * 10**8 for number in range(20)]
    assert column(samples, "input_tokens") == PROMPT_TOKENS
    assert run.plan.arrival == "replay"
    assert run.replayed is not None
    assert (run.replayed.format, run.replayed.requests, run.replayed.time_scale) == ("azure", 20, 5)
    asked = run.replayed.input_tokens
    assert asked is not None
    assert (asked.asked, asked.counted, asked.equal) == (sum(PROMPT_TOKENS), sum(PROMPT_TOKENS), 20)
    assert "Played 20 requests of trace.csv (azure) 5.00 times as fast." in answer.out.replace("\u00a0", " ")
    assert "workload.prompts are left aside" in answer.err


def test_both_versions_are_sent_the_log_in_pairs_and_judged(
    invoke: Invoke, configure: Configure, trace: Path, home: Path, unhurried: None
) -> None:
    workload = {"type": "replay", "replay": {"source": "trace.csv", "time_scale": 20}}
    configure(models=("sim-small", "sim-small+slower=200"), workload=workload)
    answer = invoke("ci", "--model", "sim-small+slower=200", "--against-model", "sim-small")
    assert answer.code in {0, 1}, answer.err
    run, samples = run_in(home / "results" / "run.json")
    assert run.replayed is not None
    assert (len(samples), run.plan.requests) == (40, 40)
    for number in range(20):
        members = samples.where(samples.numbers["pair"] == number)
        assert {*members.texts["arm"].strings()} == {"base", "candidate"}
        assert len({*members.numbers["intended_ns"].tolist()}) == 1
        assert len({*members.texts["prompt_hash"].strings()}) == 1


def test_a_window_a_duration_and_a_limit_choose_a_part(
    invoke: Invoke, configure: Configure, trace: Path, home: Path, unhurried: None
) -> None:
    configure()
    part = ("--from", "2s", "--to", "6s", "--limit", "5", "--duration", "1s", "--time-scale", "10")
    answer = invoke("replay", "--log", "trace.csv", *part, "--output", "part.json")
    assert answer.code == 0, answer.err
    assert column(run_in(home / "part.json")[1], "input_tokens") == PROMPT_TOKENS[4:9]


def test_prompts_of_a_log_are_sent_as_they_were_to_the_models_that_it_names(
    invoke: Invoke, configure: Configure, home: Path, unhurried: None
) -> None:
    configure(models=("sim-small", "sim-large"))
    entries: list[dict[str, Any]] = [
        {"timestamp": 10, "model": "sim-large", "prompt": "x" * 40},
        {"timestamp": 10.2, "model": "sim-small", "messages": [{"role": "user", "content": "{{y}}" * 40}]},
        {"timestamp": 10.1, "model": "elsewhere", "prompt": "z"},
    ]
    (home / "log.json").write_text(json.dumps({"requests": entries}), encoding="utf-8")
    answer = invoke("replay", "--log", "log.json", "--route", "log", "--output", "replay.json")
    assert answer.code == 0, answer.err
    run, samples = run_in(home / "replay.json")
    assert column(samples, "input_tokens") == [10, 50]
    assert run.replayed is not None
    assert (run.replayed.prompts, run.replayed.unrouted, run.replayed.input_tokens) == (2, 1, None)


def test_a_dry_run_knows_the_lengths_of_the_log(invoke: Invoke, configure: Configure, trace: Path) -> None:
    configure()
    answer = invoke("replay", "--log", "trace.csv", "--dry-run")
    assert answer.code == 0, answer.err
    assert "In all 20 requests in 10 s" in answer.out
    (row,) = (line.split() for line in answer.out.splitlines() if line.startswith("sim/"))
    assert row[3:6] == ["20", f"{sum(PROMPT_TOKENS):,}", str(sum(3 + number % 4 for number in range(20)))]


def test_without_a_configuration_requests_go_to_the_providers_of_the_log(
    invoke: Invoke, home: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    entries = [{"timestamp": number, "model": f"gpt-{number}", "prompt": "Hi"} for number in range(2)]
    (home / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    answer = invoke("replay", "--log", "log.jsonl", "--dry-run")
    assert answer.code == 0, answer.err
    assert "openai/gpt-0" in answer.out
    assert "openai/gpt-1" in answer.out
    assert KEY not in answer.out + answer.err


BAD = [
    ((), "", "there is no log to play"),
    (("--log", "nowhere.csv"), "", "nowhere.csv: there is no such file"),
    (("--log", "."), "", "folder"),
    (("--log", "trace.csv"), TRACE + "2023-11-16 18:18:00,oops,1\n", "trace.csv:22: `ContextTokens`: 'oops'"),
    (("--log", "trace.csv"), "hello\n", "trace.csv: this is no log"),
    (("--log", "trace.csv", "--format", "burstgpt"), TRACE, "trace.csv:1: there is no column Timestamp"),
    (("--log", "trace.csv", "--from", "1h"), TRACE, "trace.csv: there is no request to play"),
    (("--log", "trace.csv", "--route", "log"), TRACE, "20 to models that are not measured"),
    (("--log", "trace.csv", "--time-scale", "0"), TRACE, "--time-scale"),
    (("--log", "trace.csv", "--rps", "3"), TRACE, "--rps"),
    (("--log", "trace.csv", "--warmup", "1h"), TRACE, "leave nothing"),
]


@pytest.mark.parametrize(("options", "content", "message"), BAD)
def test_a_bad_log_is_found_before_anything_is_sent(
    options: tuple[str, ...], content: str, message: str, invoke: Invoke, configure: Configure, listener: Listener
) -> None:
    provider = {"name": "sim", "api": "openai-chat", "endpoint": listener.url, "models": ["m"]}
    folder = configure(providers=[provider]).parent
    (folder / "trace.csv").write_text(content, encoding="utf-8")
    answer = invoke("replay", *options)
    assert (answer.code, answer.told["exit"]) == (2, "2")
    assert message in answer.err
    assert len(listener) == 0


def test_without_a_configuration_a_log_must_name_models_that_are_known(invoke: Invoke, trace: Path) -> None:
    answer = invoke("replay", "--log", "trace.csv")
    assert answer.code == 2
    assert "trace.csv:2: the request names no model" in answer.err
    (trace.parent / "log.jsonl").write_text('{"timestamp": 1, "model": "mine", "prompt": "x"}\n', encoding="utf-8")
    answer = invoke("replay", "--log", "log.jsonl")
    assert answer.code == 2
    assert "mine, of no provider that is known" in answer.err


def test_a_workload_of_type_replay_needs_its_section(invoke: Invoke, configure: Configure) -> None:
    configure(workload={"type": "replay"})
    for command in ("run", "validate"):
        answer = invoke(command)
        assert answer.code == 2
        assert "no log is named" in answer.err


def test_validate_reads_the_log_through(invoke: Invoke, configure: Configure, trace: Path) -> None:
    configure(workload={"replay": {"source": "trace.csv"}})
    assert invoke("validate").code == 0
    trace.write_text(TRACE + "damaged\n", encoding="utf-8")
    answer = invoke("validate")
    assert answer.code == 2
    assert "trace.csv:22" in answer.err


def test_a_cost_cap_holds_for_a_replay(
    invoke: Invoke, configure: Configure, trace: Path, home: Path, unhurried: None
) -> None:
    configure()
    options = ("--time-scale", "20", "--max-cost", "0.0003", "--output", "capped.json")
    answer = invoke("replay", "--log", "trace.csv", *options)
    assert answer.code in {3, 6}, answer.err
    assert run_in(home / "capped.json")[0].spend.spent_usd <= 0.0003


def test_several_models_are_compared_on_one_log(
    invoke: Invoke, configure: Configure, trace: Path, home: Path, unhurried: None
) -> None:
    configure(models=("sim-small", "sim-large"), workload={"replay": {"source": "trace.csv", "time_scale": 20}})
    answer = invoke("compare", "--output", "comparison.json")
    assert answer.code == 0, answer.err
    run, samples = run_in(home / "comparison.run.json")
    assert run.replayed is not None
    assert (run.replayed.requests, len(samples)) == (20, 40)


def test_a_replay_can_be_planned_and_examined(
    invoke: Invoke, configure: Configure, trace: Path, unhurried: None
) -> None:
    configure(workload={"replay": {"source": "trace.csv", "time_scale": 20}})
    planned = invoke("plan")
    assert planned.code == 0, planned.err
    examined = invoke("doctor", "--pairs", "8")
    assert examined.code in {0, 3}, examined.err
    assert "8 pairs" in examined.out.replace("\u00a0", " ")
