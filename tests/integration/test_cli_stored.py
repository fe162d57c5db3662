"""Stored runs on the command line: files, folders, a history that decides, and a control on the simulator."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.run import ModelResult
from lens_gate.stores.file import FileStore
from tests.builders import (
    MS,
    a_benchmark,
    a_latency,
    a_latency_summary,
    a_model_result,
    a_provider_result,
    a_run,
    a_sample,
)
from tests.fakes.git import commit, make_repository
from tests.integration.conftest import Duet, Invoke
from tests.measuring import run_in

Configure = Callable[..., Path]


def a_summary(level: float) -> ModelResult:
    """Return the summary of a run whose times are `level` times the usual ones, and scatter as those of `a_day` do."""
    times = {"ttft": 500.0, "total": 1510.0, "tpot": 1000 / 49}
    summaries: dict[str, Any] = {
        name: a_latency_summary(level * ms, count=60, p75_ms=1.035 * level * ms) for name, ms in times.items()
    }
    return a_model_result(latency=a_latency(**summaries))


def a_day(path: Path, number: int, *, level: float = 1.0, **changes: Any) -> Path:
    """Write a run of 60 requests, made on a day of its own."""
    scale = np.random.default_rng(number).lognormal(0, 0.05, 60) * level
    samples = [
        a_sample(
            index=index,
            first_token_ns=round(500 * MS * factor),
            first_visible_ns=round(500 * MS * factor),
            last_token_ns=round(1500 * MS * factor),
            end_ns=round(1510 * MS * factor),
        )
        for index, factor in enumerate(scale.tolist())
    ]
    benchmark = a_benchmark(id=f"day-{number}", start_time=f"2026-03-{number:02}T10:00:00Z")
    run = a_run(samples, benchmark=benchmark, providers=(a_provider_result(a_summary(level)),), **changes)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(dumps(run)) if path.suffix == ".gz" else dumps(run))
    return path


@pytest.fixture
def history(home: Path) -> Path:
    """A folder with ten quiet days, among them a packed one and a file that is no run."""
    for number, level in enumerate((1.0, 1.01, 0.99, 1.02, 1.0, 0.98, 1.01, 1.0, 0.99), start=1):
        a_day(home / f"main/{number}.json", number, level=level)
    a_day(home / "main/10.json.gz", 10)
    (home / "main/analysis.json").write_text("{}")
    return home / "main"


def findings_in(path: Path) -> list[dict[str, Any]]:
    found = json.loads(path.read_bytes())
    findings: list[dict[str, Any]] = found.get("analysis", found)["findings"]
    return findings


def test_a_folder_of_stored_runs_decides(invoke: Invoke, home: Path, history: Path) -> None:
    a_day(home / "same.json", 20)
    a_day(home / "slow.json", 21, level=1.4)
    same = invoke("gate", "same.json", "--baseline", "main", "--output", "same-verdict.json")
    slow = invoke("gate", "slow.json", "--baseline", "main")

    assert (same.code, same.told["outcome"]) == (0, "pass")
    assert (slow.code, slow.told["outcome"]) == (1, "regression")
    assert "10 stored runs" in same.out
    assert {one["history"]["runs"] for one in findings_in(home / "same-verdict.json")} == {10}
    ignored = "1 file beside the stored runs holds no run, and was ignored: analysis.json."
    assert ignored in " ".join(same.out.split())
    assert ignored in " ".join(invoke("explain", "same-verdict.json").out.split())


def test_files_and_folders_are_one_history_and_the_newest_run_is_the_baseline(
    invoke: Invoke, home: Path, history: Path
) -> None:
    a_day(home / "newest.json", 19, level=1.0)
    a_day(home / "run.json", 20)
    answer = invoke("analyze", "run.json", "--baseline", "main", "--baseline", "newest.json", "--output", "a.json")

    found = json.loads((home / "a.json").read_bytes())
    assert answer.code == 0
    assert {one["history"]["runs"] for one in found["findings"]} == {11}
    assert found["base_providers"] == json.loads((home / "newest.json").read_bytes())["providers"]
    assert "1 file beside the stored runs holds no run, and was ignored: analysis.json." in found["notes"][0]


def test_a_configuration_names_a_folder(invoke: Invoke, home: Path, history: Path, configure: Configure) -> None:
    configure(regression={"baseline": {"source": "main"}, "disaster_percent": 20})
    a_day(home / "run.json", 20, level=1.3)
    answer = invoke("gate", "run.json", "--config", "lens-gate.yaml", "--output", "v.json")

    assert (answer.code, answer.told["outcome"]) == (1, "regression")
    assert json.loads((home / "v.json").read_bytes())["analysis"]["policy"]["disaster_percent"] == 20
    assert any("whatever the day" in one["reason"] for one in findings_in(home / "v.json"))


def test_other_disasters_need_the_run(invoke: Invoke, home: Path, history: Path, configure: Configure) -> None:
    a_day(home / "run.json", 20)
    invoke("analyze", "run.json", "--baseline", "main", "--output", "a.json")
    configure(regression={"disaster_percent": 30})
    answer = invoke("gate", "a.json", "--config", "lens-gate.yaml")

    assert answer.code == 2
    assert "disaster_percent" in answer.err


def test_a_single_stored_run_shows_a_disaster_and_leaves_the_rest_open(invoke: Invoke, home: Path) -> None:
    a_day(home / "base.json", 1)
    a_day(home / "slower.json", 2, level=1.2)
    a_day(home / "awful.json", 3, level=3.0)
    slower = invoke("gate", "slower.json", "--baseline", "base.json")
    awful = invoke("gate", "awful.json", "--baseline", "base.json")

    assert (slower.code, slower.told["outcome"]) == (0, "inconclusive")
    assert "would be found in 95 of 100 such runs" in " ".join(slower.out.split())
    assert "needs both versions at once" in slower.out or "need both versions at once" in slower.out
    assert (awful.code, awful.told["outcome"]) == (1, "regression")


def test_a_folder_without_a_run_is_no_baseline(invoke: Invoke, home: Path) -> None:
    a_day(home / "run.json", 2)
    (home / "main").mkdir()
    answer = invoke("gate", "run.json", "--baseline", "main")

    assert answer.code == 5
    assert "no run is stored" in answer.err


def test_a_folder_that_holds_only_the_run_itself_and_other_requests_says_so(invoke: Invoke, home: Path) -> None:
    a_day(home / "main/run.json", 2)
    a_day(home / "main/other.json", 1, validity={"valid": False, "checks": ()})
    answer = invoke("gate", "main/run.json", "--baseline", "main")

    assert answer.code == 5
    assert "1 invalid, 1 the run itself" in answer.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--control", "0.2"), "--against"),
        (("--control", "0.7"), "not in the range"),
        (("--control", "0"), "not in the range"),
        (
            ("--control", "0.2", "--against-model", "sim-large", "--until-decided", "--requests", "40"),
            "Leave --control out",
        ),
    ],
)
def test_a_control_that_makes_no_sense_is_refused(
    words: tuple[str, ...], told: str, invoke: Invoke, configure: Configure
) -> None:
    configure()
    answer = invoke("run", *words)

    assert (answer.code, Path("results").exists()) == (2, False)
    assert told in answer.err


def test_stored_runs_beside_another_version_in_pairs_are_refused(invoke: Invoke, configure: Configure) -> None:
    configure()
    answer = invoke("ci", "--baseline", "gone", "--against-model", "sim-large", "--requests", "20")

    assert (answer.code, Path("results").exists()) == (2, False)
    assert "--baseline and an --against option" in answer.err
    assert "--control 0.2" in answer.err


def test_stored_runs_of_the_configuration_are_left_aside_in_words(invoke: Invoke, configure: Configure) -> None:
    configure(regression={"baseline": {"source": "gone"}})
    pairs = invoke("ci", "--against-model", "sim-large", "--requests", "20", "--dry-run")

    assert pairs.code == 0
    assert "regression.baseline is left aside" in pairs.err


def test_a_run_with_pairs_says_that_it_needs_no_stored_runs(invoke: Invoke, home: Path, duet: Duet) -> None:
    duet(pairs=20)
    a_day(home / "alone.json", 1)
    left_aside = "run.json: both versions were measured in pairs, so --baseline is left aside"
    for command in ("analyze", "gate", "report"):
        assert left_aside in invoke(command, "run.json", "--baseline", "alone.json").err
        assert "left aside" not in invoke(command, "run.json").err
    invoke("gate", "run.json", "--output", "verdict.json")
    invoke("analyze", "run.json", "--output", "analysis.json")
    for name in ("verdict.json", "analysis.json"):
        assert f"{name}: both versions" in invoke("report", name, "--baseline", "alone.json").err
    assert "left aside" not in invoke("gate", "alone.json", "--baseline", "alone.json").err


def test_a_dry_run_counts_the_control(invoke: Invoke, configure: Configure) -> None:
    configure()
    answer = invoke(
        "run", "--control", "0.25", "--against-model", "sim-large", "--requests", "2000", "--rps", "100", "--dry-run"
    )

    assert answer.code == 0
    assert [line.split()[1:4:2] for line in answer.out.splitlines()[1:3]] == [["base", "500"], ["candidate", "1,500"]]


def test_a_control_goes_with_stored_runs_through_the_whole_line(
    invoke: Invoke, home: Path, configure: Configure, unhurried: None
) -> None:
    """Two stored runs of a commit; then a changed prompt, with a share of the old one in between."""
    (home / ".gitignore").write_text("main/\nresults/\n.*\n*.json\n", encoding="utf-8")
    make_repository(home)
    configure()
    commit(home)
    for number in (1, 2):
        stored = invoke("run", "--requests", "30", "--output", f"main/{number}.json")
        assert stored.code == 0, stored.err
    text = (home / "lens-gate.yaml").read_text(encoding="utf-8")
    (home / "lens-gate.yaml").write_text(text.replace("Say hello", "Please say hello"), encoding="utf-8")

    answer = invoke("ci", "--control", "0.4", "--baseline", "main", "--requests", "80", "--max-cost", "1")

    run = run_in(home / "results/run.json")
    findings = findings_in(home / "results/analysis.json")
    assert answer.code in (0, 1), answer.err
    assert run.comparison is not None
    assert (run.comparison.kind, run.comparison.control_share) == ("ref", 0.4)
    control = run.base_providers[0].models[0].requests.total
    assert 15 <= control <= 50
    assert run.providers[0].models[0].requests.total == 80 - control
    # A busy machine gets some streams in one piece, which tell nothing of times.
    histories = [one["history"] for one in findings if one["history"]]
    assert {history["runs"] for history in histories} == {2}
    assert 0 < max(history["control_requests"] for history in histories) <= control
    assert re.search(r"2 stored runs, corrected by \d+ control requests", " ".join(answer.out.split()))
    again = invoke("gate", "results/run.json", "--baseline", "main", "--output", "again.json")
    assert again.code == answer.code
    assert findings_in(home / "again.json") == findings


def test_the_report_goes_into_the_bucket_that_asks_for_it(
    invoke: Invoke, home: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "lens_gate.stores.opening.open_store", lambda address, *_: FileStore(home / str(address).replace(":/", ""))
    )
    buckets = [{"type": "s3", "bucket": "plain"}, {"type": "s3", "bucket": "full", "reports": True}]
    configure(output={"remote": buckets})
    answer = invoke("ci", "--requests", "8", "-o", "out")
    assert answer.code == 0, answer.err
    folders = {"/".join(path.relative_to(home / "s3").parts[:2]) for path in (home / "s3").rglob("run-*")}
    assert folders == {"plain/results", "full/results", "full/reports"}
    (page,) = (home / "s3/full/reports").rglob("*.html")
    assert page.read_bytes() == (home / "out/report.html").read_bytes()
    assert answer.err.count("the report is stored in") == 1
