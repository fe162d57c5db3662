"""The action in real workflows, run by act: what it says, what it sets, and how its job ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.real.acting import ROOT, Runner, make_pull_request

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

WORKFLOW = """\
on: pull_request
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - id: gate
        uses: ./
        with:
          until-decided: true
      - if: always()
        env:
          OUTPUTS: ${{ toJSON(steps.gate.outputs) }}
        run: echo "$OUTPUTS" > "$SEEN/gate.json"
"""


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner(tmp_path_factory.mktemp("runner"))


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    command = [sys.executable, "-m", "lens_gate", "simulate", "--seed", "7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait(20)


def readme_block(first_line: str) -> str:
    """Return the one block of code in README.md that begins with a line, word for word."""
    blocks = (ROOT / "README.md").read_text(encoding="utf-8").split("```")[1::2]
    (found,) = (block.partition("\n")[2] for block in blocks if block.partition("\n")[2].startswith(first_line))
    return found


def config(address: str, model: str = "sim-small", *, system: str = "You are helpful.", **sections: Any) -> str:
    """A configuration that asks the simulator, and bears with a machine that is busy with other things."""
    late, never = {"warn": "30s", "invalid": "60s"}, {"warn": None, "invalid": None}
    written: dict[str, Any] = {
        "profiler": {"name": "support-bot", "requests": 240},
        "providers": [
            {
                "name": "sim",
                "api": "openai-chat",
                "endpoint": f"{address}/v1",
                "models": [{"id": model, "max_tokens": 10}],
            }
        ],
        "regression": {"methods": [{"type": "threshold", "metric": "mean_latency", "threshold_percent": 12}]},
        "workload": {
            "fixed": {"requests_per_second": 60},
            "prompts": [{"id": "order", "system": system, "template": "Where is my order?"}],
        },
        "validity": {"send_lateness": late, "loop_lag": late, "cpu_share": never, "achieved_rate": never},
    }
    return json.dumps(written | sections, indent=1)


def test_a_pull_request_that_makes_the_endpoint_slower_fails_its_job_with_every_output_set(
    runner: Runner, simulator: str, tmp_path: Path
) -> None:
    slower = {"lens-gate.yaml": config(simulator, "sim-small+slower=20")}
    base = {"lens-gate.yaml": config(simulator), ".github/workflows/ci.yml": WORKFLOW}
    payload = make_pull_request(tmp_path / "slower", base, slower)
    acted = runner.act(tmp_path / "slower", payload=payload)
    assert acted.code == 1, acted.log
    assert "outcome=regression" in acted.log


def test_the_workflow_of_the_readme_gives_a_verdict_on_its_first_run(
    runner: Runner, simulator: str, tmp_path: Path
) -> None:
    workflow = readme_block("on: pull_request")
    assert len(workflow.splitlines()) == 6
    base = {"lens-gate.yaml": config(simulator), ".github/workflows/ci.yml": workflow}
    change = {"lens-gate.yaml": config(simulator, system="You are a helpful friend.")}
    payload = make_pull_request(tmp_path / "fresh", base, change, with_action=False)
    acted = runner.act(tmp_path / "fresh", payload=payload, secrets={"OPENAI_API_KEY": "sk-not-needed"})
    assert acted.code == 0, acted.log
    assert "outcome=pass" in acted.log, acted.log
