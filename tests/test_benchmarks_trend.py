"""The promises about trends, on few series and with wide limits; the figures are in docs/decision-quality-trend.md."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from benchmarks.decisions import trend as benchmark
from benchmarks.decisions.trend import CHANGE, GOALS, STEP


@pytest.mark.parametrize(("noise", "found", "delay"), [(GOALS[0], 0.85, 3), (GOALS[1], 0.65, 6)])
def test_false_alarms_are_rare_and_a_step_is_found_soon(noise: str, found: float, delay: int) -> None:
    score = benchmark.scored(benchmark.shift_alarms, noise, 60)
    assert score.false_alarms.value < 0.5 + 4 * score.false_alarms.error
    assert score.found[STEP].count / score.found[STEP].of > found
    assert score.delay[STEP] <= delay


@pytest.mark.parametrize("noise", GOALS)
def test_one_reading_raises_the_alarms_of_a_check_after_every_run(noise: str) -> None:
    assert benchmark.agreement(noise, 2) == 2


def test_an_alarm_is_new_unless_its_shift_was_named_before() -> None:
    raised = [(20, 10), (21, 12), (22, 15), (30, 25), (31, 11)]
    assert benchmark.new_alarms(raised) == [(20, 10), (30, 25)]


@pytest.mark.parametrize(
    ("alarm", "delay"),
    [((CHANGE - 1, CHANGE), math.inf), ((CHANGE + 4, CHANGE - 4), math.inf), ((CHANGE + 4, CHANGE - 3), 4)],
)
def test_found_is_what_is_named_near_the_change_after_it_began(alarm: tuple[int, int], delay: float) -> None:
    assert benchmark.scored(lambda _: [alarm], GOALS[0], 1).delay[STEP] == delay


def test_all_truths_of_a_noise_share_their_noise() -> None:
    flat, step = (benchmark.drawn(GOALS[1], truth, 2) for truth in ("flat", STEP))
    assert np.array_equal(flat[:, :CHANGE], step[:, :CHANGE])
    assert np.allclose(step[:, CHANGE:] - flat[:, CHANGE:], math.log(1.1))


def test_the_benchmark_prints_its_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for day in range(45):
        answers = {"provider": "cloud", "iterations": [{"ttiMs": 100.0 + day % 3}] * 20}
        (tmp_path / f"{day:02d}.json").write_text(json.dumps({"results": [answers]}), encoding="utf-8")
    benchmark.main(["--series", "2", "--noise", GOALS[0], "--data", str(tmp_path)])
    printed = capsys.readouterr().out
    assert printed.count("| `change_points` |") == 2
    assert "| `theil_sen`, 30 runs | normal, 5 % |" in printed
    assert "new alarms a check, 1 real services" in printed
