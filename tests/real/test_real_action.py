"""The action in real workflows, run by act: what it says, what it sets, and how its job ends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.github import github_server
from tests.integration.test_target import APP, slowed
from tests.integration.test_target import CONFIG as APP_CONFIG
from tests.real.acting import PULL_REQUEST, ROOT, Acted, Runner, make_pull_request

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

KEY = "sk-live-0123456789abcdefKEY"
OUTPUTS = {
    "verdict",
    "exit-code",
    "regressions",
    "mean-latency-ms",
    "p95-latency-ms",
    "cost-usd",
    "baseline-id",
    "report",
    "junit",
    "artifacts",
    "artifact-name",
}
SHOWN = """\
      - if: always()
        env:
          OUTPUTS: ${{ toJSON(steps.gate.outputs) }}
        run: echo "$OUTPUTS" > "$SEEN/gate.json"
"""


@pytest.fixture(scope="module")
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


def workflow(**inputs: str) -> str:
    """A workflow with one step of the action, and one that keeps its outputs."""
    given = "".join(f"\n          {name.replace('_', '-')}: {json.dumps(text)}" for name, text in inputs.items())
    head = (
        "on: pull_request\njobs:\n  gate:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n"
    )
    return f"{head}      - id: gate\n        uses: ./\n{f'        with:{given}' if given else ''}\n{SHOWN}"


def readme_block(first_line: str) -> str:
    """Return the one block of code in README.md that begins with a line, word for word."""
    blocks = (ROOT / "README.md").read_text(encoding="utf-8").split("```")[1::2]
    (found,) = (block.partition("\n")[2] for block in blocks if block.partition("\n")[2].startswith(first_line))
    return found


def patient(written: Mapping[str, Any]) -> str:
    """A configuration that bears with a machine that is busy with other things."""
    late, never = {"warn": "30s", "invalid": "60s"}, {"warn": None, "invalid": None}
    validity = {"send_lateness": late, "loop_lag": late, "cpu_share": never, "achieved_rate": never}
    return json.dumps({"validity": validity, **written}, indent=1)


def config(
    address: str, model: str = "sim-large", *, system: str = "Be kind.", requests: int = 240, **more: Any
) -> str:
    """A configuration that asks the simulator."""
    models = [{"id": model, "max_tokens": 10, "input_usd_per_million": 0.5, "output_usd_per_million": 1.5}]
    provider = {"name": "sim", "api": "openai-chat", "endpoint": f"{address}/v1", "models": models}
    written = {
        "profiler": {"name": "support-bot", "requests": requests},
        "providers": [{**provider, **more}],
        "regression": {"methods": [{"type": "threshold", "metric": "mean_latency", "threshold_percent": 12}]},
        "workload": {
            "fixed": {"requests_per_second": 40},
            "prompts": [{"id": "order", "system": system, "template": "Where is my order?"}],
        },
    }
    return patient(written)


def acted(runner: Runner, folder: Path, base: Mapping[str, str], change: Mapping[str, str], **options: Any) -> Acted:
    """Run the pull request of `change` to `base`, both files by name."""
    payload = make_pull_request(folder, base, change, with_action=options.pop("with_action", True))
    payload["pull_request"]["head"]["repo"]["full_name"] = options.pop("pull_from", "acme/widgets")
    with github_server() as github:
        options.setdefault("variables", {"GITHUB_API_URL": github.url})
        return runner.act(folder, payload=payload, **options)


def files(configuration: str, **inputs: str) -> dict[str, str]:
    return {"lens-gate.yaml": configuration, ".github/workflows/ci.yml": workflow(**inputs)}


def test_a_slower_model_fails_the_job_with_every_output_set_and_shows_it_on_the_pull_request(
    runner: Runner, simulator: str, tmp_path: Path
) -> None:
    slower = {"lens-gate.yaml": config(simulator, "sim-large+slower=20")}
    with github_server() as github:
        around = {"GITHUB_API_URL": github.url}
        done = acted(runner, tmp_path / "slower", files(config(simulator)), slower, variables=around)
    assert done.code == 1, done.log
    outputs = done.outputs()
    assert set(outputs) == OUTPUTS
    assert (outputs["verdict"], outputs["exit-code"]) == ("regression", "1")
    assert int(outputs["regressions"]) >= 1
    assert float(outputs["mean-latency-ms"]) < float(outputs["p95-latency-ms"])
    assert float(outputs["cost-usd"]) > 0
    assert len(outputs["baseline-id"]) == 40
    assert (outputs["report"], outputs["junit"]) == ("results/report.md", "results/junit.xml")
    assert "fetched what this is compared with: +refs/heads/main:refs/remotes/origin/main" in done.log
    assert len(github.comments) == 1, done.log
    (comment,) = github.comments.values()
    assert comment["issue"] == PULL_REQUEST
    assert "Regression" in comment["body"]


def test_few_requests_are_inconclusive_and_fail_nothing(runner: Runner, simulator: str, tmp_path: Path) -> None:
    other = {"lens-gate.yaml": config(simulator, system="Be calm.", requests=24)}
    done = acted(runner, tmp_path / "few", files(config(simulator, requests=24)), other)
    assert done.code == 0, done.log
    assert done.outputs()["verdict"] == "inconclusive"


def test_a_change_of_something_else_sends_nothing(runner: Runner, simulator: str, tmp_path: Path) -> None:
    done = acted(runner, tmp_path / "same", files(config(simulator)), {"notes.md": "only words"})
    assert done.code == 0, done.log
    assert done.outputs()["verdict"] == "nothing_to_compare"
    assert done.outputs()["mean-latency-ms"] == ""


def test_an_empty_store_is_no_baseline(runner: Runner, simulator: str, tmp_path: Path) -> None:
    base = files(config(simulator, requests=60), baseline="runs/")
    done = acted(runner, tmp_path / "first", base, {"notes.md": "only words"})
    assert done.code == 0, done.log
    assert done.outputs()["verdict"] == "no_baseline"
    assert float(done.outputs()["mean-latency-ms"]) > 0


def test_an_application_is_started_from_both_commits_and_the_slower_one_found(runner: Runner, tmp_path: Path) -> None:
    written = patient({**APP_CONFIG, "workload": {"fixed": {"requests_per_second": 24}}})
    base = files(written, requests="120") | {"app.py": APP}
    done = acted(runner, tmp_path / "app", base, {"app.py": slowed(APP, 1.5)})
    assert done.code == 1, done.log
    assert done.outputs()["verdict"] == "regression"


def test_the_pull_request_of_a_fork_without_the_key_is_neutral_and_loud(
    runner: Runner, simulator: str, tmp_path: Path
) -> None:
    keyed = files(config(simulator, api_key="${OPENAI_API_KEY}"))
    other = {"lens-gate.yaml": config(simulator, "sim-large+slower=20", api_key="${OPENAI_API_KEY}")}
    done = acted(runner, tmp_path / "fork", keyed, other, pull_from="stranger/widgets")
    assert done.code == 0, done.log
    assert done.outputs()["verdict"] == "not_measured"
    assert re.search(r"lens-gate: not measured|secrets", done.log), done.log


def test_a_configuration_that_points_the_key_at_another_host_is_refused(
    runner: Runner, simulator: str, tmp_path: Path
) -> None:
    with_key = files(config(simulator, api_key="${OPENAI_API_KEY}"))
    step = 'uses: ./\n        env: {OPENAI_API_KEY: "${{ secrets.OPENAI_API_KEY }}"}'
    with_key[".github/workflows/ci.yml"] = with_key[".github/workflows/ci.yml"].replace("uses: ./", step)
    thief = {"lens-gate.yaml": config("http://127.0.0.1:9", api_key="${OPENAI_API_KEY}")}
    done = acted(runner, tmp_path / "thief", with_key, thief, secrets={"OPENAI_API_KEY": KEY})
    assert done.code == 1, done.log
    assert (done.outputs()["verdict"], done.outputs()["exit-code"]) == ("not_measured", "2")
    assert "would send the variable OPENAI_API_KEY to http://127.0.0.1:9" in done.log
    assert KEY not in done.log


def test_the_workflow_of_the_readme_gives_a_verdict_on_its_first_run(
    runner: Runner, simulator: str, tmp_path: Path
) -> None:
    written = readme_block("on: pull_request")
    assert len(written.splitlines()) == 6
    base = {"lens-gate.yaml": config(simulator), ".github/workflows/ci.yml": written}
    change = {"lens-gate.yaml": config(simulator, system="Be calm.")}
    secrets = {"OPENAI_API_KEY": "sk-not-needed"}
    done = acted(runner, tmp_path / "fresh", base, change, with_action=False, secrets=secrets)
    assert done.code == 0, done.log
    assert re.search(r"outcome=(pass|inconclusive) exit=0", done.log), done.log


def test_the_step_of_the_readme_gives_a_verdict_too(runner: Runner, simulator: str, tmp_path: Path) -> None:
    steps = readme_block("- uses: actions/checkout@v4").replace("\n", "\n      ")
    written = f"on: pull_request\njobs:\n  gate:\n    runs-on: ubuntu-latest\n    steps:\n      {steps.rstrip()}\n"
    base = {"lens-gate.yaml": config(simulator), ".github/workflows/ci.yml": written}
    change = {"lens-gate.yaml": config(simulator, "sim-large+slower=30")}
    done = acted(runner, tmp_path / "step", base, change, with_action=False)
    assert done.code == 1, done.log
    assert "outcome=regression" in done.log


MATRIX = """\
on: pull_request
jobs:
  gate:
    strategy:
      fail-fast: false
      max-parallel: 1
      matrix:
        suite: [chat, search, summaries]
    uses: org/llm-lens/.github/workflows/gate.yml@v1
    with:
      config: ${{ matrix.suite }}.yaml
      suite: ${{ matrix.suite }}
      publish: summary,outputs
      args: --exit-zero
  report:
    needs: gate
    if: always()
    uses: org/llm-lens/.github/workflows/report.yml@v1
"""


def test_three_legs_of_a_matrix_make_one_comment(runner: Runner, simulator: str, tmp_path: Path) -> None:
    suites = {"chat": "sim-large", "search": "sim-large+slower=40", "summaries": "sim-large"}
    base = {f"{suite}.yaml": config(simulator, requests=160) for suite in suites}
    change = {
        f"{suite}.yaml": config(simulator, model, system="Be calm.", requests=160) for suite, model in suites.items()
    }
    with github_server() as github:
        around = {"GITHUB_API_URL": github.url}
        written = base | {".github/workflows/ci.yml": MATRIX}
        done = acted(runner, tmp_path / "matrix", written, change, with_action=False, variables=around)
    assert done.code == 0, done.log
    assert done.log.count("outcome=regression") == 1, done.log
    assert len(github.comments) == 1, done.log
    (comment,) = github.comments.values()
    assert all(suite in comment["body"] for suite in suites), comment["body"]
