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

from lens_gate.simulator.server import SimulatorThread
from lens_gate.simulator.settings import ModelBehaviour, SimulatorSettings
from tests.fakes.github import GitHubServer, an_open_pull, github_server
from tests.fakes.github_runner import SHA, a_finished_run
from tests.integration.test_cli_stored import a_day
from tests.integration.test_target import APP, slowed
from tests.integration.test_target import CONFIG as APP_CONFIG
from tests.real.acting import PULL_REQUEST, ROOT, Acted, Runner, make_pull_request, stand_ins

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


STEADY = ModelBehaviour(
    ttft_ms=200,
    ttft_sigma=0.02,
    tail_probability=0,
    inter_token_ms=25,
    inter_token_sigma=0.05,
    output_tokens=10,
    output_sigma=0,
    load_wave=None,
    cache=None,
)
"""A model with so little noise that 140 pairs decide: nothing is a pass, and 20 % are a regression."""

ENOUGH = 280
FEW = 24
LOUDLY = (
    "This pull request comes from a fork: GitHub gives its runs no secrets, and so nothing was measured. "
    "Someone who may push to this repository can run the same commit from a branch of it."
)


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    with SimulatorThread(SimulatorSettings(seed=7, models={"steady": STEADY})) as running:
        yield f"http://127.0.0.1:{running.port}"


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
    address: str, model: str = "steady", *, system: str = "Be kind.", requests: int = ENOUGH, **more: Any
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
    slower = {"lens-gate.yaml": config(simulator, "steady+slower=20")}
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
    assert re.fullmatch(r"lens-gate-support-bot-1\.[0-9a-f]{8}", outputs["artifact-name"])
    assert len(github.comments) == 1, done.log
    (comment,) = github.comments.values()
    assert comment["issue"] == PULL_REQUEST
    assert comment["body"].partition("\n")[2].startswith("## ◆ Regression")
    assert checks_of(github) == {"lens-gate / support-bot": "failure"}


def test_few_requests_are_inconclusive_and_fail_nothing_and_paths_are_from_the_root_of_the_checkout(
    runner: Runner, simulator: str, tmp_path: Path
) -> None:
    base = files(config(simulator, requests=FEW), working_directory="inner")
    base["inner/lens-gate.yaml"] = base.pop("lens-gate.yaml")
    other = {"inner/lens-gate.yaml": config(simulator, system="Be calm.", requests=FEW)}
    with github_server() as github:
        done = acted(runner, tmp_path / "few", base, other, variables={"GITHUB_API_URL": github.url})
    assert done.code == 0, done.log
    outputs = done.outputs()
    assert (outputs["verdict"], outputs["exit-code"], outputs["regressions"]) == ("inconclusive", "0", "0")
    assert (outputs["artifacts"], outputs["report"]) == ("inner/results", "inner/results/report.md")
    assert checks_of(github) == {"lens-gate / support-bot": "neutral"}


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
    other = {"lens-gate.yaml": config(simulator, "steady+slower=20", api_key="${OPENAI_API_KEY}")}
    with github_server() as github:
        around = {"GITHUB_API_URL": github.url}
        done = acted(runner, tmp_path / "fork", keyed, other, pull_from="stranger/widgets", variables=around)
    assert done.code == 0, done.log
    outputs = {name: done.outputs()[name] for name in ("verdict", "exit-code", "regressions")}
    assert outputs == {"verdict": "not_measured", "exit-code": "0", "regressions": "0"}
    assert f"warning: Not measured: this run has no secrets. {LOUDLY}" in done.log
    assert f"::warning title=lens-gate%3A not measured::{LOUDLY}" in done.log
    assert "lens-gate: outcome=not_measured exit=0" in done.log
    assert github.asked == []


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
    told: dict[str, Any] = {"secrets": {"OPENAI_API_KEY": "sk-not-needed"}}
    with github_server() as github:
        told["variables"] = {"GITHUB_API_URL": github.url}
        done = acted(runner, tmp_path / "fresh", base, change, with_action=False, **told)
    assert done.code == 0, done.log
    assert "outcome=pass exit=0" in done.log, done.log
    assert checks_of(github) == {"lens-gate / support-bot": "success"}


def test_the_step_of_the_readme_gives_a_verdict_too(runner: Runner, simulator: str, tmp_path: Path) -> None:
    steps = readme_block("- uses: actions/checkout@v4").replace("\n", "\n      ")
    written = f"on: pull_request\njobs:\n  gate:\n    runs-on: ubuntu-latest\n    steps:\n      {steps.rstrip()}\n"
    base = {"lens-gate.yaml": config(simulator), ".github/workflows/ci.yml": written}
    change = {"lens-gate.yaml": config(simulator, "steady+slower=20")}
    done = acted(runner, tmp_path / "step", base, change, with_action=False)
    assert done.code == 1, done.log
    assert "outcome=regression exit=1" in done.log


SUITES = ("chat", "search", "summaries")
LEGS = """\
on: pull_request
jobs:
  gate:
    runs-on: ubuntu-latest
    strategy:
      fail-fast: false
      max-parallel: 1
      matrix:
        suite: [chat, search, summaries]
    steps:
      - uses: actions/checkout@v4
      - id: gate
        uses: org/llm-lens@v1
        with:
          config: ${{ matrix.suite }}.yaml
          suite: ${{ matrix.suite }}
          publish: summary,outputs,check
      - if: always()
        uses: UPLOAD
        with:
          name: ${{ steps.gate.outputs.artifact-name }}
          path: ${{ steps.gate.outputs.artifacts }}
"""
CALLED = """\
on: pull_request
jobs:
  gate:
    strategy:
      matrix:
        suite: [chat]
    uses: org/llm-lens/.github/workflows/gate.yml@v1
    with:
      config: ${{ matrix.suite }}.yaml
      suite: ${{ matrix.suite }}
      publish: summary,outputs
"""
REPORT = """\
  report:
    needs: gate
    if: always()
    uses: org/llm-lens/.github/workflows/report.yml@v1
    with:
      result: ${{ needs.gate.result }}
      publish: KINDS
"""


def test_three_legs_of_a_matrix_make_one_comment_and_a_check_each(
    runner: Runner, simulator: str, tmp_path: Path
) -> None:
    models = dict.fromkeys(SUITES, "steady") | {"search": "steady+slower=20"}
    (upload,) = (name for name in stand_ins() if name.startswith("actions/upload-artifact@"))
    written = (LEGS + REPORT).replace("UPLOAD", upload).replace("KINDS", "comment")
    base = {f"{suite}.yaml": config(simulator) for suite in SUITES} | {".github/workflows/ci.yml": written}
    change = {f"{suite}.yaml": config(simulator, model, system="Be calm.") for suite, model in models.items()}
    with github_server() as github:
        around = {"GITHUB_API_URL": github.url}
        done = acted(runner, tmp_path / "matrix", base, change, with_action=False, variables=around)
    assert done.code == 1, done.log  # by the leg that regressed
    assert done.log.count("outcome=regression exit=1") == 1, done.log
    assert done.log.count("outcome=pass exit=0") == 2, done.log
    assert checks_of(github) == {
        "lens-gate / chat": "success",
        "lens-gate / search": "failure",
        "lens-gate / summaries": "success",
    }
    assert len(github.comments) == 1, done.log
    (comment,) = github.comments.values()
    assert "## ◆ Regression in 1 of 3 suites" in comment["body"]
    assert "### ◆ search: Regression" in comment["body"]


def test_a_matrix_of_a_fork_without_the_key_ends_green_and_says_that_nothing_was_measured(
    runner: Runner, simulator: str, tmp_path: Path
) -> None:
    workflows = {".github/workflows/ci.yml": (CALLED + REPORT).replace("KINDS", "auto")}
    written = {"chat.yaml": config(simulator, api_key="${OPENAI_API_KEY}"), **workflows}
    change = {"chat.yaml": config(simulator, "steady+slower=20", api_key="${OPENAI_API_KEY}")}
    done = acted(runner, tmp_path / "forked", written, change, with_action=False, pull_from="stranger/widgets")
    assert done.code == 0, done.log
    assert done.log.count("warning: Not measured: this run has no secrets") == 1, done.log
    assert done.log.count("warning: chat: Not measured: this run has no secrets") == 1, done.log


GATE_OF_FORKS = "name: lens-gate\n"


@pytest.mark.parametrize(("key", "ends", "told"), [
    ("", "failure", "◆ Regression"),
    ("${OPENAI_API_KEY}", "success", "✗ Not measured: this run has no secrets"),
])  # fmt: skip
def test_the_trusted_half_shows_what_the_run_of_a_fork_found_or_that_it_had_no_secrets(
    runner: Runner, simulator: str, tmp_path: Path, key: str, ends: str, told: str
) -> None:
    keyed: dict[str, Any] = {"api_key": key} if key else {}
    workflows = {
        ".github/workflows/ci.yml": GATE_OF_FORKS + readme_block("on: pull_request"),
        ".github/workflows/report.yml": (ROOT / "workflows" / "fork-report.yml").read_text(encoding="utf-8"),
    }
    folder = tmp_path / f"pair-{ends}"
    base = {"lens-gate.yaml": config(simulator, **keyed), **workflows}
    slower = {"lens-gate.yaml": config(simulator, "steady+slower=20", **keyed)}
    first = acted(runner, folder, base, slower, with_action=False, pull_from="stranger/widgets")
    assert first.code == (0 if key else 1), first.log
    with github_server() as github:
        github.pulls = [an_open_pull(99, sha=SHA, home="stranger/widgets", ref="longer-prompt")]
        done = runner.act(
            folder,
            "workflow_run",
            payload={"workflow_run": a_finished_run(home="stranger/widgets", conclusion=ends), "repository": HOME},
            workflow=".github/workflows/report.yml",
            variables={"GITHUB_API_URL": github.url},
        )
    assert done.code == 0, done.log
    (comment,) = github.comments.values()
    assert comment["issue"] == 99
    assert comment["body"].partition("\n")[2].startswith(f"## {told}")
    found = [(one["head_sha"], one["conclusion"], one["output"]["title"][:36]) for one in github.checks.values()]
    excused = (SHA, "neutral", "Not measured: this run has no secret")
    assert found == [excused if key else (SHA, "failure", "As a fork's own run says: Regression")]


def test_the_workflow_for_pages_makes_a_site_of_the_history(runner: Runner, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    written = {".github/workflows/ci.yml": (ROOT / "workflows" / "pages.yml").read_text(encoding="utf-8")}
    make_pull_request(folder, {"notes.md": "none"}, written, with_action=False)
    for day in (1, 2, 3):
        a_day(folder / "run.json", day)
        save = ["baseline", "save", "run.json", "--store", "git:lens-gate"]
        subprocess.run([sys.executable, "-m", "lens_gate", *save], cwd=folder, check=True, capture_output=True)
    payload = {"workflow_run": a_finished_run(home="acme/widgets", event="push"), "repository": HOME}
    done = runner.act(folder, "workflow_run", payload=payload)
    assert done.code == 0, done.log
    pages = runner.folder / "artifacts" / "site" / "github-pages"
    index = (pages / "index.html").read_text(encoding="utf-8")
    assert "3 runs" in index
    assert len(list(pages.glob("s/*.html"))) >= 1
    assert "page_url" in done.log


HOME = {"full_name": "acme/widgets", "default_branch": "main", "name": "widgets", "owner": {"login": "acme"}}


def checks_of(github: GitHubServer) -> dict[str, str]:
    """Return how the checks ended, by their names; none is left open."""
    return {check["name"]: str(check["conclusion"]) for check in github.checks.values()}
