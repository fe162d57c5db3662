"""A benchmark that no longer runs proves nothing: a small one of each that is not run elsewhere.

What they would measure in processes of their own is measured in that of the tests, as far as it need not be killed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks import artifacts, kill, load_hotpath, load_million, planning


def options(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """Set the command line that a benchmark reads."""
    monkeypatch.setattr(sys, "argv", ["benchmark", *words])


def test_the_artifacts_benchmark_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    alone = artifacts.measured

    def here(case: str, requests: int, folder: Path) -> dict[str, float]:
        return (alone if case == "block" else artifacts.one_case)(case, requests, folder)

    monkeypatch.setattr(artifacts, "measured", here)
    artifacts.report(300, tmp_path)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("300 requests")
    assert len(said) == 8
    assert said[-1].startswith("one block of 4096 rows")


def test_the_benchmark_of_plans_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    options(monkeypatch, "--runs", "2")
    planning.main()
    assert capsys.readouterr().out.count("cached share") == 6


def test_the_benchmark_of_the_hot_path_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options(monkeypatch, "--requests", "20", "--rounds", "1")
    load_hotpath.main()
    assert len(capsys.readouterr().out.splitlines()) == 5


def test_the_benchmark_of_many_requests_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(load_million, "run_alone", load_million.run_once)
    options(monkeypatch, "--requests", "300", "--tokens", "4")
    load_million.main()
    assert capsys.readouterr().out.splitlines()[1].split()[0] == "300"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_runs_that_are_killed_lose_nothing_but_what_was_in_flight(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options(monkeypatch, "--kills", "1")
    kill.main()
    said = capsys.readouterr().out
    assert "lost beyond those in flight and one block: 0" in said
    assert "sent but not promised: 0" in said
