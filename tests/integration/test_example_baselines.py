"""The example baselines: a store that is whole and tells of no machine, and what may be compared with it."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from lens_gate.cli import demo
from tests.integration.conftest import KEY, Invoke

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "baselines"
RUNS = 5


@pytest.fixture
def examples(home: Path) -> Path:
    """A copy of the folder, in an empty one: nothing here may write into the repository."""
    copy = home / "baselines"
    shutil.copytree(EXAMPLES, copy)
    return copy


@pytest.fixture
def newest(invoke: Invoke, examples: Path, home: Path) -> Path:
    """The run that is the baseline."""
    answer = invoke("baseline", "show", "--store", f"{examples}/simulator/", "--output", "main.json")
    assert answer.code == 0, answer.err
    return home / "main.json"


def gated(invoke: Invoke, run: Path, examples: Path) -> tuple[str, str]:
    """Judge a run by the stored ones; return the outcome and what was said."""
    config = str(examples / "lens-gate.yaml")
    answer = invoke("gate", str(run), "--config", config, "--baseline", f"{examples}/simulator/")
    return answer.told["outcome"], " ".join((answer.out + answer.err).split())


def test_the_store_holds_its_runs_and_nothing_of_the_machine_but_its_kind(invoke: Invoke, examples: Path) -> None:
    listed = invoke("baseline", "list", "--store", f"{examples}/simulator/", "--last", "20")
    assert listed.code == 0
    assert len(re.findall(r"results/\S+\.json\.gz", listed.out)) == RUNS
    files = [path for path in EXAMPLES.rglob("*") if path.suffix in {".json", ".gz"}]
    texts = [(gzip.decompress if path.suffix == ".gz" else bytes)(path.read_bytes()).decode() for path in files]
    assert len(files) == 1 + RUNS + (RUNS - 1) + 3
    assert sum(path.stat().st_size for path in files) < 100_000
    for text in texts:
        assert not re.search(r"/(home|root|Users|tmp|var)/", text)
        assert set(re.findall(r'"runner": ?"([^"]*)"', text)) <= {"local"}
        assert not re.search(r'"(commit|branch|actor|region|ci_run)": ?"', text)


def test_the_newest_run_passes_against_those_before_it(invoke: Invoke, newest: Path, examples: Path) -> None:
    run_id = json.loads(newest.read_bytes())["benchmark"]["id"]
    files = sorted((examples / "simulator" / "results").rglob("run-*.json.gz"))
    before = [str(path) for path in files if run_id.removeprefix("bench_")[:8] not in path.name]
    options = [word for path in before for word in ("--baseline", path)]
    answer = invoke("gate", str(newest), "--config", str(examples / "lens-gate.yaml"), *options)
    assert answer.told["outcome"] == "pass", answer.out
    assert f"{RUNS - 1} stored runs" in answer.out


def moved(run: Path) -> Path:
    """Return the run as another kind of machine would have measured it."""
    written = json.loads(run.read_bytes())
    written["fingerprint"]["platform"] = "Darwin arm64, 8 CPUs"
    written["benchmark"]["id"] = "bench_00000000000000aa"
    other = run.with_name("elsewhere.json")
    other.write_text(json.dumps(written), encoding="utf-8")
    return other


@pytest.mark.parametrize("asked", [True, False])
def test_another_kind_of_machine_is_compared_only_because_the_configuration_says_so(
    invoke: Invoke, newest: Path, examples: Path, *, asked: bool
) -> None:
    config = examples / "lens-gate.yaml"
    lines = config.read_text(encoding="utf-8").splitlines(keepends=True)
    if not asked:
        config.write_text("".join(line for line in lines if "must_match" not in line and "baseline:" not in line))
    outcome, said = gated(invoke, moved(newest), examples)
    assert outcome == ("pass" if asked else "no_baseline"), said
    assert asked or "It was measured on Linux x86_64, 2 CPUs, and this run on Darwin arm64, 8 CPUs" in said


@pytest.mark.usefixtures("unhurried")
def test_a_simulator_that_takes_five_times_as_long_is_found(invoke: Invoke, examples: Path, simulator: str) -> None:
    config = examples / "lens-gate.yaml"
    slow = f'headers: {{x-lens-simulate: "slower=400"}}\n    api_key: {KEY}\n    endpoint:'
    config.write_text(config.read_text(encoding="utf-8").replace("endpoint:", slow), encoding="utf-8")
    answer = invoke(
        "ci", "--config", str(config), "--endpoint", f"{simulator}/v1", "--baseline", f"{examples}/simulator/"
    )
    assert answer.told["outcome"] == "regression", answer.out
    assert f"{RUNS} stored runs" in answer.out


@pytest.mark.usefixtures("unhurried")
def test_the_demo_compares_a_run_of_its_own_with_them(
    invoke: Invoke, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "SCENES", ())
    answer = invoke("demo", "--stored", str(examples))
    assert f"{RUNS} stored runs" in answer.out
    assert answer.code == (0 if "  pass " in answer.out else 3)


def test_the_projects_own_pipeline_and_make_demo_name_the_store_that_is_there() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
    (gate,) = [step for step in jobs["gate"]["steps"] if step.get("uses") == "./"]
    assert (ROOT / gate["with"]["working-directory"] / gate["with"]["baseline"] / "baselines" / "main.json.gz").exists()
    assert "demo --output-dir demo-results --stored baselines\n" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_a_folder_without_examples_is_told(invoke: Invoke, home: Path) -> None:
    answer = invoke("demo", "--stored", str(home))
    assert answer.code == 2
    assert "lens-gate.yaml" in answer.err
