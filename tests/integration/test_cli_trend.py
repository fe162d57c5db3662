"""`trend`, and `gate` and `report` on what it writes: as a user types them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from junitparser import JUnitXml

from lens_gate.artifacts.codec import dumps, load_trend
from lens_gate.artifacts.trend import TrendRule
from tests.builders import a_validity, a_validity_check
from tests.histories import a_history_run, noisy, stepped
from tests.integration.conftest import Answer, Duet, Invoke

STEP = stepped(math.log(1.2))


def keep(logs: Sequence[float], folder: Path = Path("results")) -> list[str]:
    folder.mkdir(exist_ok=True)
    paths = []
    for number, log in enumerate(logs):
        path = folder / f"benchmark-{number:03d}.json"
        path.write_bytes(dumps(a_history_run(number, log)))
        paths.append(str(path))
    return paths


def gated(invoke: Invoke, logs: Sequence[float], *options: str) -> Answer:
    assert invoke("trend", *keep(logs), "--output", "trend.json").code == 0
    return invoke("gate", "trend.json", *options)


def test_the_command_of_the_specification_writes_a_trend(invoke: Invoke, home: Path) -> None:
    first, *others = keep(STEP)
    answer = invoke(
        "trend", "--input", first, *others, "--metric", "mean_latency", "--method", "linear_regression",
        "--output", "trend.json",
    )  # fmt: skip
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    trend = load_trend((home / "trend.json").read_bytes(), name="trend.json")
    assert trend.policy.rules == (TrendRule.LINEAR_REGRESSION,)
    assert [(series.metric, len(series.points)) for series in trend.series] == [("mean_latency", 38)]


def test_a_step_fails_the_gate_and_stands_in_every_report(invoke: Invoke, home: Path) -> None:
    answer = gated(invoke, STEP, "--output", "verdict.json", "--junit", "junit.xml", "--markdown", "trend.md")
    assert answer.code == 1
    assert answer.told["outcome"] == "regression"
    assert "Changed up by +" in answer.out
    assert json.loads((home / "verdict.json").read_bytes())["exit_code"] == 1
    assert sum(suite.failures for suite in JUnitXml.fromfile("junit.xml")) == 1
    assert (home / "trend.md").read_text(encoding="utf-8").startswith("## ◆ Regression")
    shown = invoke("report", "verdict.json")
    assert shown.code == 0
    assert shown.out.rstrip() == answer.out.rstrip()


@pytest.mark.parametrize(
    ("logs", "options", "code", "outcome"),
    [
        (noisy(40), (), 0, "pass"),
        (noisy(5), (), 0, "inconclusive"),
        (noisy(5), ("--fail-on", "inconclusive"), 4, "inconclusive"),
        (STEP, ("--exit-zero",), 0, "regression"),
    ],
)
def test_the_gate_on_a_trend_has_the_exit_codes_of_every_gate(
    logs: Sequence[float], options: tuple[str, ...], code: int, outcome: str, invoke: Invoke
) -> None:
    answer = gated(invoke, logs, *options)
    assert (answer.code, answer.told["outcome"], answer.told["exit"]) == (code, outcome, str(code))


def test_a_bare_trend_prints_the_artifact_and_its_report_says_it_at_a_glance(invoke: Invoke) -> None:
    printed = invoke("trend", *keep(noisy(12)))
    assert json.loads(printed.out)["kind"] == "trend"
    text = invoke("trend", *keep(noisy(12)), "--format", "text")
    assert "Steady: no shift of the level" in text.out
    assert "✓ Pass: no alarm in 12 runs" in text.out


def test_the_configuration_brings_window_and_slope(invoke: Invoke, home: Path) -> None:
    method = {"type": "trend", "method": "linear_regression", "window": 12, "max_slope": 0.001}
    (home / "regression-config.yaml").write_text(json.dumps({"regression": {"methods": [method]}}), encoding="utf-8")
    config = ("--config", "regression-config.yaml")
    growing = [0.004 * run for run in range(20)]
    assert invoke("trend", *keep(growing), *config, "--output", "trend.json").code == 0
    answer = invoke("gate", "trend.json", *config)
    assert answer.code == 1
    assert "through the last 12 runs changes by +0.401 % a run; 0.1 % is allowed" in " ".join(answer.out.split())
    other = invoke("trend", *keep(growing), "--output", "plain.json")
    assert other.code == 0
    refused = invoke("gate", "plain.json", *config)
    assert (refused.code, "another trend method" in refused.err) == (2, True)


def test_an_anchor_asks_for_creep(invoke: Invoke) -> None:
    paths = keep([log + 0.006 * run for run, log in enumerate(noisy(40))])
    assert invoke("trend", *paths[5:], "--anchor", paths[0], "--output", "trend.json").code == 0
    answer = invoke("gate", "trend.json")
    assert answer.code == 1
    assert "Since the anchor of 2026-01-01" in answer.out


def test_invalid_runs_are_listed_and_left_out(invoke: Invoke, home: Path) -> None:
    paths = keep(noisy(12))
    invalid = a_history_run(20, validity=a_validity(a_validity_check(ok=False, message="sent 80 ms late")))
    (home / "results" / "late.json").write_bytes(dumps(invalid))
    answer = invoke("trend", *paths, "results/late.json", "--format", "text")
    assert "Left out: results/late.json: the run is not valid (sent 80 ms late)." in " ".join(answer.out.split())


def test_without_a_usable_run_nothing_is_written(invoke: Invoke, home: Path) -> None:
    (home / "late.json").write_bytes(dumps(a_history_run(0, validity=a_validity(a_validity_check(ok=False)))))
    answer = invoke("trend", "late.json", "--output", "trend.json")
    assert (answer.code, "no run can be used" in answer.err) == (2, True)
    assert not (home / "trend.json").exists()


@pytest.mark.parametrize(
    "option", [("--threshold", "5"), ("--baseline", "run.json"), ("--decision", "classic"), ("--cover", "errors")]
)
@pytest.mark.parametrize("command", ["gate", "report"])
def test_rules_for_one_run_do_not_apply_to_a_trend(command: str, option: tuple[str, str], invoke: Invoke) -> None:
    assert invoke("trend", *keep(noisy(3)), "--output", "trend.json").code == 0
    answer = invoke(command, "trend.json", *option)
    assert (answer.code, f"{option[0]} does not apply to a trend" in answer.err) == (2, True)


def test_a_trend_is_neither_analysed_nor_explained_and_one_run_has_none(invoke: Invoke, duet: Duet) -> None:
    duet(pairs=20)
    assert invoke("trend", "run.json", "--output", "trend.json").code == 0
    refused = [invoke("analyze", "trend.json"), invoke("explain", "trend.json")]
    assert [answer.code for answer in refused] == [2, 2]
    assert "not analysed" in refused[0].err
    assert "`lens-gate report`" in refused[1].err
    assert invoke("gate", "trend.json").told["outcome"] == "inconclusive"
