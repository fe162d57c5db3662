"""Other load generators: what they are asked for, and that their own files are read in the order of sending."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from benchmarks.load import install_peers, peers
from benchmarks.load.clients import Client
from benchmarks.load.figures import Load
from benchmarks.load.logs import Truth
from benchmarks.load.server import Certificate, Script, Serving
from benchmarks.load.tables import report

LOAD = Load(20.0, 0.1, 0.05)
"""Three requests, of which the first falls into the warm-up."""

NONE = np.zeros(0, dtype=np.int64)
TRUTH = Truth(NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 0)
PYTHON = Path("/peers/bin/python")
Writing = Callable[[Path], None]


def written(name: str, content: object) -> Writing:
    def write(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")

    return write


def aiperf_line(start_ns: int, ms: float | None) -> str:
    metrics = {} if ms is None else {"time_to_first_token": {"value": ms, "unit": "ms"}}
    return json.dumps({"metadata": {"request_start_ns": start_ns}, "metrics": metrics}) + "\n"


def inference_perf_entry(start_s: float, first_s: float | None) -> dict[str, object]:
    info = None if first_s is None else {"response_metrics": {"output_token_times": [first_s, first_s + 1]}}
    return {"start_time": start_s, "end_time": start_s + 2, "info": info, "error": None}


READ: dict[str, tuple[Client, Writing]] = {
    "aiperf": (
        peers.Aiperf(PYTHON),
        written("aiperf/profile_export.jsonl", aiperf_line(3, None) + aiperf_line(1, 10.0) + aiperf_line(2, 52.0)),
    ),
    "vllm": (
        peers.Vllm(PYTHON),
        written("vllm.json", {"start_times": [2.0, 1.0, 3.0], "ttfts": [0.052, 0.010, 0.0]}),
    ),
    "guidellm": (
        peers.Guidellm(PYTHON),
        written(
            "guidellm.json",
            {
                "benchmarks": [
                    {
                        "requests": {
                            "successful": [
                                {"request_start_time": 2.0, "time_to_first_token_ms": 52.0},
                                {"request_start_time": 1.0, "time_to_first_token_ms": 10.0},
                                {"request_start_time": 3.0, "time_to_first_token_ms": None},
                            ]
                        }
                    }
                ]
            },
        ),
    ),
    "inference-perf": (
        peers.InferencePerf(PYTHON),
        written(
            "reports/per_request_lifecycle_metrics.json",
            [inference_perf_entry(2.0, 2.052), inference_perf_entry(1.0, 1.01), inference_perf_entry(3.0, None)],
        ),
    ),
}


@pytest.mark.parametrize("name", READ)
def test_times_are_read_in_milliseconds_without_the_warm_up_and_without_those_that_were_not_answered(
    name: str, tmp_path: Path
) -> None:
    client, write = READ[name]
    write(tmp_path)
    assert client.told(LOAD, TRUTH, tmp_path).ttft_ms.tolist() == pytest.approx([52.0])


@pytest.mark.parametrize("name", READ)
def test_each_is_asked_for_all_requests_and_trusts_the_certificate(name: str, tmp_path: Path) -> None:
    client, _ = READ[name]
    serving = Serving(8080, Certificate(tmp_path / "c.pem", tmp_path / "k.pem"), tmp_path / "log", "C")
    order = client.order(Load(20.0, 2.5, 0.0), Script(), serving, tmp_path)
    assert order.environment == {"SSL_CERT_FILE": str(tmp_path / "c.pem")}
    files = "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
    assert "https://127.0.0.1:8080" in " ".join(order.command) + files
    assert "50" in " ".join(order.command) or files.count("2000-01-01") == 50


def test_the_trace_of_inference_perf_is_even_and_its_stage_takes_as_many_requests(tmp_path: Path) -> None:
    load = Load(20.0, 2.5, 0.0)
    peers.InferencePerf(PYTHON).order(load, Script(), Serving(1, None, tmp_path / "log", "C"), tmp_path)
    lines = (tmp_path / "trace.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [line.split(",")[0].rsplit(":", 1)[1] for line in lines[:3]] == ["00.000000", "00.050000", "00.100000"]
    (stage,) = json.loads((tmp_path / "inference-perf.json").read_text(encoding="utf-8"))["load"]["stages"]
    assert int(stage["rate"] * stage["duration"]) == len(lines) == load.requests


def test_only_what_is_installed_and_speaks_the_wire_format_runs_and_the_rest_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install_peers, "CACHE", tmp_path)
    for name in ("vllm", "locust"):
        python = install_peers.python_of(name)
        python.parent.mkdir(parents=True)
        python.touch()
    assert [client.name for client in peers.installed_peers("openai-chat")] == ["vllm bench serve", "locust HttpUser"]
    assert [client.name for client in peers.installed_peers("anthropic")] == ["locust HttpUser"]
    absent = ["aiohttp + uvloop", "inference-perf", "aiperf", "guidellm"]
    assert peers.absent_peers() == absent
    assert f"Not installed: {', '.join(absent)}." in report([], absent)
    assert "Not installed" not in report([])


def test_a_tool_that_needs_a_newer_python_gets_one_or_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sound = tmp_path / "python3.12", tmp_path / "python3.13"
    broken.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
    sound.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    for program in (broken, sound):
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(sys, "version_info", (3, 11, 7))
    assert install_peers.interpreter_for("inference-perf") == str(sound)
    assert install_peers.interpreter_for("vllm") == sys.executable
    sound.unlink()
    broken.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(install_peers.Unavailable, match=r"Python 3\.12 or newer"):
        install_peers.interpreter_for("inference-perf")
