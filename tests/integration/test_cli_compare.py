"""`compare` as a user types it: real streams of a simulator, the artifacts that it leaves, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lens_gate.artifacts.analysis import Ranking
from lens_gate.artifacts.codec import load_analysis, load_run
from tests.integration.conftest import Invoke, Listener

Configure = Callable[..., Path]

MODELS = ("sim-small+slower=900", "sim-small+slower=100", "sim-small+slower=300")
ORDER = ["sim/sim-small+slower=100", "sim/sim-small+slower=300", "sim/sim-small+slower=900"]
QUICK = ("sim-small+slower=10", "sim-small+slower=20", "sim-small+slower=30")
"""Where nobody asks which is faster."""

BRIEFLY = ("--requests", "60", "--rps", "60")


def ranking_in(path: Path) -> Ranking:
    ranking = load_analysis(path.read_bytes(), name=str(path)).ranking
    assert ranking is not None
    return ranking


def order(ranking: Ranking, metric: str) -> list[str]:
    (found,) = (one for one in ranking.metrics if one.metric == metric)
    return [standing.series for standing in found.standings]


@pytest.fixture
def sides(configure: Configure, home: Path) -> tuple[str, str]:
    """Two configurations of one model each, which differ by their prompt."""
    for name, text in (("short.yaml", "Hi {{name}}"), ("long.yaml", "Say hello to {{name}} " + 40 * "please ")):
        prompts = [{"id": "greeting", "template": text, "variables": {"name": ["Ada", "Bo"]}}]
        configure(name, workload={"fixed": {"requests_per_second": 30}, "prompts": prompts})
    return "short.yaml", "long.yaml"


def test_three_models_of_known_speed_are_put_in_order(
    invoke: Invoke, configure: Configure, home: Path, unhurried: None
) -> None:
    configure(models=MODELS)
    pace = ("--requests", "60", "--rps", "24")
    answer = invoke("compare", "--models", ",".join(MODELS), *pace, "--output", "comparison.json")
    assert answer.code == 0, answer.err
    ranking = ranking_in(home / "comparison.json")
    assert order(ranking, "mean_latency") == ORDER
    assert order(ranking, "mean_ttft")[-1] == ORDER[-1]  # a busy machine adds more than the other two are apart
    (whole,) = (one for one in ranking.metrics if one.metric == "mean_latency")
    assert [(s.first_place, s.last_place) for s in whole.standings] == [(1, 1), (2, 2), (3, 3)]
    assert (answer.told["outcome"], answer.told["models"], answer.told["exit"]) == ("compared", "3", "0")
    assert "Fastest whole answer: sim-small+slower=100." in answer.out
    assert "Written to comparison.json, the run to comparison.run.json" in answer.out


def test_what_it_leaves_is_read_by_all_other_commands(
    invoke: Invoke, configure: Configure, home: Path, unhurried: None
) -> None:
    configure(models=MODELS)
    assert invoke("compare", *BRIEFLY, "--output", "comparison.md").code == 0
    assert (home / "comparison.md").read_text(encoding="utf-8").startswith("## benchmark: comparison")
    run = load_run((home / "comparison.run.json").read_bytes(), name="run")
    assert (run.summary.total_requests, run.comparison) == (60, None)
    assert invoke("analyze", "comparison.run.json", "--output", "analysis.json").code == 0
    assert sorted(order(ranking_in(home / "analysis.json"), "mean_latency")) == ORDER
    rows = list(csv.DictReader(io.StringIO(invoke("report", "analysis.json", "--format", "csv").out)))
    assert len([row for row in rows if row["metric"] == "mean_latency"]) == 3
    assert "Fastest whole answer" in invoke("report", "analysis.json").out
    assert "slower=900" in invoke("report", "comparison.run.json").out
    requests = list(csv.DictReader(io.StringIO(invoke("report", "comparison.run.json", "--format", "csv").out)))
    assert {(row["pair"], row["slot"]) for row in requests} == {(str(p), str(s)) for p in range(20) for s in range(3)}
    gate = invoke("gate", "analysis.json", "--junit", "junit.xml")
    assert (gate.code, gate.told["outcome"]) == (0, "no_baseline")
    for told in (gate.out, invoke("explain", "analysis.json").out):
        assert "side by side, and no other version of them" in " ".join(told.split())


def test_two_configurations_are_compared_under_the_names_of_their_files(
    invoke: Invoke, sides: tuple[str, str], home: Path, unhurried: None
) -> None:
    answer = invoke("compare", "--configs", ",".join(sides), "--requests", "20", "-o", "c.csv")
    assert answer.code == 0, answer.err
    rows = list(csv.DictReader((home / "c.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["series"] for row in rows} | {row["other"] for row in rows} == {"short/sim-small", "long/sim-small"}
    run = load_run((home / "c.run.json").read_bytes(), name="run")
    assert isinstance(run.benchmark.config, dict)
    assert set(run.benchmark.config) == {"short/sim-small", "long/sim-small"}


def test_a_model_and_a_configuration_can_stand_side_by_side(
    invoke: Invoke, configure: Configure, sides: tuple[str, str], home: Path, unhurried: None
) -> None:
    configure()
    answer = invoke(
        "compare", "--models", "sim-large", "--configs", "short.yaml", "--requests", "12", "--output", "c.json"
    )
    assert answer.code == 0, answer.err
    assert ranking_in(home / "c.json").alternatives == ("short/sim-small", "sim/sim-large")


def test_a_dry_run_sends_nothing_and_counts_whole_blocks(invoke: Invoke, configure: Configure, home: Path) -> None:
    configure(models=MODELS)
    answer = invoke("compare", "--requests", "20", "--dry-run")
    assert answer.code == 0
    assert "In all 18 requests" in answer.out
    assert [path.name for path in home.iterdir()] == ["lens-gate.yaml"]


def test_well_known_models_need_no_configuration(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.setenv(name, "sk-test-0123456789")
    models = "gpt-4-turbo-preview,claude-3-opus-20240229,gemini-pro"
    answer = invoke("compare", "--models", models, "--duration", "300s", "--dry-run")
    assert answer.code == 0, answer.err
    for series in ("openai/gpt-4-turbo-preview", "anthropic/claude-3-opus-20240229", "google/gemini-pro"):
        assert series in answer.out
    assert "In all 300 requests" in answer.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "at least two"),
        (("--models", "gpt-4"), "at least two"),
        (("--models", "gpt-4,o3"), "OPENAI_API_KEY"),
        (("--models", "llama,gpt-4"), "does not tell who serves"),
        (("--configs", "no.yaml"), "no such configuration file"),
        (("--models", "a,b", "--provider", "nobody"), "has no address"),
        (("--models", "gpt-4,o3", "--output", "c.xml"), "not written as junit"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_exit_code_2(
    arguments: tuple[str, ...], words: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    answer = invoke("compare", *arguments)
    assert answer.code == 2
    assert words in answer.err


def test_a_cap_on_money_ends_it_with_6_and_still_compares(
    invoke: Invoke, configure: Configure, home: Path, unhurried: None
) -> None:
    configure(models=QUICK)
    answer = invoke("compare", "--requests", "300", "--rps", "40", "--max-cost", "0.0005", "--output", "c.json")
    assert answer.code == 6, answer.err
    assert ranking_in(home / "c.json").alternatives == tuple(f"sim/{model}" for model in QUICK)
    assert load_run((home / "c.run.json").read_bytes(), name="run").spend.spent_usd <= 0.0005


def test_refused_keys_exit_with_3_and_rank_nobody(
    invoke: Invoke, configure: Configure, home: Path, listener: Listener, unhurried: None
) -> None:
    config = json.loads(configure(models=("a", "b")).read_text(encoding="utf-8"))
    config["providers"][0]["endpoint"] = listener.url
    (home / "lens-gate.yaml").write_text(json.dumps(config), encoding="utf-8")
    answer = invoke("compare", "--requests", "20", "--output", "c.csv")
    assert (answer.code, answer.told["exit"]) == (3, "3")
    assert (home / "c.csv").read_text(encoding="utf-8").startswith("metric,series,other")


def test_an_output_that_cannot_be_written_exits_with_7_and_keeps_the_run(
    invoke: Invoke, configure: Configure, home: Path, unhurried: None
) -> None:
    configure(models=QUICK)
    (home / "c.json").mkdir()
    answer = invoke("compare", "--requests", "12", "--output", "c.json")
    assert answer.code == 7
    assert (home / "c.run.json").exists()


def test_the_smallest_difference_that_matters_can_be_given(
    invoke: Invoke, configure: Configure, home: Path, unhurried: None
) -> None:
    configure(models=QUICK)
    answer = invoke("compare", "--requests", "12", "--threshold", "40", "--output", "c.json")
    assert answer.code == 0, answer.err
    thresholds: dict[str, Any] = {one.metric: one.threshold for one in ranking_in(home / "c.json").metrics}
    assert thresholds["mean_latency"] == thresholds["mean_ttft"] == 40
