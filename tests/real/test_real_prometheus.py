"""Exported metrics on the programs that read them: promtool, a Pushgateway, and a Prometheus that scrapes it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lens_gate.artifacts.codec import dumps
from lens_gate.cli.app import execute
from lens_gate.vocabulary.requests import Arm, ErrorClass
from tests.builders import MS, a_failed_sample, a_run, a_sample

pytestmark = pytest.mark.real

READY_WITHIN_S = 20.0
SLOW = 200 * 1_000 * MS
SAMPLES = [
    *(a_sample(index=number, model='odd "name"\\', arm=Arm.BASE) for number in range(3)),
    *(a_sample(index=number) for number in range(3, 10)),
    a_sample(index=10, end_ns=SLOW, first_token_ns=SLOW // 4),
    a_failed_sample(ErrorClass.TIMEOUT, index=11),
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "run.json"
    path.write_bytes(dumps(a_run(samples=SAMPLES)))
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str], folder: Path, ready: str) -> Iterator[None]:
    with (folder / f"{command[0]}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            until(lambda: urllib.request.urlopen(ready, timeout=2).status == 200)
            yield
        finally:
            process.terminate()
            process.wait(10)


def until(asked: Any) -> Any:
    """Ask until there is an answer that is true."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            if answer := asked():
                return answer
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError("no answer in time")


def test_promtool_finds_nothing_to_lint(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert execute(["export", "prometheus", str(run)]) == 0
    text = capfd.readouterr().out
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_a_push_arrives_in_prometheus_with_the_values_of_the_run(run: Path, tmp_path: Path) -> None:
    gateway, server = free_port(), free_port()
    scrape = {"targets": [f"127.0.0.1:{gateway}"]}
    jobs = [{"job_name": "push", "honor_labels": True, "scrape_interval": "1s", "static_configs": [scrape]}]
    (tmp_path / "prometheus.yml").write_text(json.dumps({"scrape_configs": jobs}), encoding="utf-8")
    pushgateway = ["prometheus-pushgateway", f"--web.listen-address=127.0.0.1:{gateway}"]
    prometheus = ["prometheus", f"--web.listen-address=127.0.0.1:{server}", "--config.file=prometheus.yml"]
    prometheus.append(f"--storage.tsdb.path={tmp_path / 'data'}")

    def asked(query: str) -> dict[str, float]:
        address = f"http://127.0.0.1:{server}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        with urllib.request.urlopen(address, timeout=5) as answer:
            found = json.load(answer)["data"]["result"]
        return {one["metric"].get("model", ""): float(one["value"][1]) for one in found}

    with (
        running(pushgateway, tmp_path, f"http://127.0.0.1:{gateway}/-/ready"),
        running(prometheus, tmp_path, f"http://127.0.0.1:{server}/-/ready"),
    ):
        push = ["export", "prometheus", str(run), "--push", f"http://127.0.0.1:{gateway}", "--grouping", "branch=main"]
        assert execute(push) == 0
        requests = until(lambda: asked('sum by (model) (llm_requests_total{job="lens_gate", branch="main"})'))
        assert requests == {"gpt-small": 9, 'odd "name"\\': 3}
        assert execute(push) == 0
        quantile = (
            'histogram_quantile(0.95, sum by (le, model) (llm_request_duration_seconds_bucket{status="success"}))'
        )
        assert 120 < asked(quantile)["gpt-small"] <= 300
        shares = "sum by (model) (llm_errors_total) / sum by (model) (llm_requests_total)"
        assert asked(shares) == {"gpt-small": pytest.approx(1 / 9)}
