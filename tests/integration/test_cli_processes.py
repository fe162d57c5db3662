"""`--processes`: real processes against a simulator that knows the truth, one killed, all interrupted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lens_gate.artifacts.journal import decode_journal
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Samples
from lens_gate.simulator.log import read_log
from lens_gate.steps.recorded.reading import read_artifact, samples_beside
from lens_gate.steps.simulated import simulated
from lens_gate.vocabulary.outcomes import Ending
from tests.integration.conftest import KEY, Invoke
from tests.integration.test_cli_exit_codes import while_it_measures

Configure = Callable[..., Path]
PROMPTS = [
    {"id": f"p{number}", "template": "Say hello.", "headers": {"x-request-id": f"p{number}"}} for number in range(20)
]
"""The simulator's log names the prompt by the header."""


def configured(configure: Configure, base_url: str, **sections: Any) -> None:
    model = {"id": "sim-small", "max_tokens": 16, "input_usd_per_million": 0.5, "output_usd_per_million": 1.5}
    provider = {"name": "sim", "api": "openai-chat", "endpoint": f"{base_url}/v1", "api_key": KEY, "models": [model]}
    workload = {"fixed": {"requests_per_second": 50}, "prompts": PROMPTS}
    configure(providers=[provider], workload=workload, **sections)


def read(path: Path) -> tuple[Run, Samples]:
    run = read_artifact(path)
    assert isinstance(run, Run)
    return run, samples_beside(run, path)


def by_name(rows: Iterable[tuple[str, float, float]]) -> dict[str, list[float]]:
    """The durations of the requests of each name, in the order in which they began."""
    found: dict[str, list[float]] = defaultdict(list)
    for name, _, duration in sorted(rows):
        found[name].append(duration)
    return found


def test_two_processes_send_one_schedule_and_measure_what_the_server_logged(
    invoke: Invoke, configure: Configure, home: Path
) -> None:
    log = home / "log.jsonl"
    with simulated(log) as base_url:
        configured(configure, base_url, profiler={"requests": 100})
        answer = invoke("run", "--processes", "2", "--output", "run.json")
    run, samples = read(home / "run.json")
    assert (run.plan.processes, run.ending, run.summary.successful_requests) == (2, Ending.COMPLETE, 100), answer.err
    numbers = samples.numbers
    ranked = samples.where(np.argsort(numbers["index"])).numbers
    assert ranked["intended_ns"].tolist() == [number * 20_000_000 for number in range(100)]
    measured = by_name(
        zip(
            map(str, samples.texts["prompt_id"].strings()),
            numbers["sent_ns"],
            numbers["first_token_ns"] - numbers["sent_ns"],
            strict=True,
        )
    )
    true = by_name(
        (str(one.request_id), one.received_ns, (one.first_token_ns or 0) - one.received_ns) for one in read_log(log)
    )
    assert {name: len(found) for name, found in measured.items()} == {name: len(found) for name, found in true.items()}
    errors_ms = [
        (mine - theirs) / 1e6 for name in true for mine, theirs in zip(measured[name], true[name], strict=True)
    ]
    # The server's own times are a part of what was measured here, whatever else the machine does meanwhile.
    assert np.median(errors_ms) > 0


def while_both_measure(home: Path, process: subprocess.Popen[str]) -> None:
    """Wait until requests of both processes are in the journal."""
    while_it_measures(home, process)
    for _ in range(300):
        (journal,) = home.glob("run.*.journal.*")
        kept = decode_journal([journal.read_bytes()], name=journal.name).samples
        if len(set(kept.numbers["index"].astype(int) % 2)) == 2:
            return
        time.sleep(0.1)
    raise AssertionError("one of the processes has measured nothing in half a minute")


def sending(command: subprocess.Popen[str]) -> list[int]:
    """The processes that a command has started to send."""
    children = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text(encoding="ascii").split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of a run under /proc")
@pytest.mark.parametrize("whom", ["one process", "the command"])
def test_whoever_is_killed_or_interrupted_what_was_measured_is_kept_and_nobody_goes_on(
    configure: Configure, simulator: str, home: Path, whom: str
) -> None:
    configured(configure, simulator, profiler={"duration": "100s", "processes": 2})
    command = [sys.executable, "-m", "lens_gate", "run", "--output", "run.json"]
    with subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while_both_measure(home, process)
        pids = sending(process)
        assert len(pids) == 2
        if whom == "one process":
            os.kill(pids[1], signal.SIGKILL)
        else:
            process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    run, samples = read(home / "run.json")
    assert run.ending is Ending.INTERRUPTED
    survivors = {0, 1}
    if whom == "one process":
        killed = re.fullmatch(r"process ([12]) of 2 was killed by signal 9, .* is lost", run.ending_message or "")
        assert killed is not None
        survivors.remove(int(killed[1]) - 1)
    else:
        assert run.ending_message == "the run was interrupted"
    assert not list(home.glob("*.journal.*"))
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    index = np.sort(samples.numbers["index"]).astype(int)
    for number in survivors:
        share = index[index % 2 == number].tolist()
        # Not one is missing, those that were cut off included.
        assert share
        assert share == list(range(number, number + 2 * len(share), 2))


@pytest.mark.parametrize("command", [["run", "--output", "run.json"], ["run", "--dry-run"]])
def test_what_cannot_be_split_is_a_usage_error(
    invoke: Invoke, configure: Configure, simulator: str, command: list[str]
) -> None:
    configured(configure, simulator, profiler={"requests": 20}, resilience={"circuit_breaker": {"enabled": True}})
    answer = invoke(*command, "--processes", "2")
    assert answer.code == 2
    assert "profiler.processes" in answer.err
    assert "the circuit breaker must see all requests of a run" in answer.err
