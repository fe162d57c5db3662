"""A benchmark that no longer runs proves nothing: a small one of each that is not run elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def test_the_artifacts_benchmark_runs() -> None:
    command = [sys.executable, str(BENCHMARKS / "artifacts.py"), "--requests", "300"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "300 requests" in done.stdout


def test_the_benchmark_of_plans_runs() -> None:
    command = [sys.executable, str(BENCHMARKS / "planning.py"), "--runs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cached share") == 6


def test_the_benchmark_of_the_hot_path_runs() -> None:
    command = [sys.executable, str(BENCHMARKS / "load_hotpath.py"), "--requests", "20", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 5


def test_the_benchmark_of_many_requests_runs() -> None:
    command = [sys.executable, "-m", "benchmarks.load_million", "--requests", "300", "--tokens", "4"]
    done = subprocess.run(command, cwd=BENCHMARKS.parent, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].split()[0] == "300"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_runs_that_are_killed_lose_nothing_but_what_was_in_flight() -> None:
    command = [sys.executable, str(BENCHMARKS / "kill.py"), "--kills", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    assert "lost beyond those in flight and one block: 0" in done.stdout
    assert "sent but not promised: 0" in done.stdout
