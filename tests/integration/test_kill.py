"""What survives a kill that nobody can catch, and an interruption of the whole command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lens_gate.artifacts.codec import loads
from lens_gate.artifacts.journal import decode_journal
from lens_gate.artifacts.run import Run
from lens_gate.steps.reading import samples_beside

RATE = 40


def begun(home: Path, *options: str) -> subprocess.Popen[str]:
    """Start a long run, and return once its journal exists."""
    command = [
        sys.executable,
        "-m",
        "lens_gate",
        "run",
        "--rps",
        str(RATE),
        "--duration",
        "60s",
        "--output",
        "run.json",
    ]
    process = subprocess.Popen([*command, *options], cwd=home, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not list(home.glob("run.*.journal.jsonl.gz")):
        time.sleep(0.02)
    return process


def ended(process: subprocess.Popen[str], name: signal.Signals) -> str:
    """Send a signal, and return what the process said."""
    os.kill(process.pid, name)
    return process.communicate(timeout=30)[1]


def test_a_killed_run_leaves_a_journal_with_nearly_all_requests(home: Path, configure: Callable[..., Path]) -> None:
    configure()
    process = begun(home)
    time.sleep(4)
    ended(process, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    (path,) = home.glob("run.*.journal.jsonl.gz")
    journal = decode_journal(path.read_bytes(), name=path.name)
    assert not (home / "run.json").exists()
    assert len(journal.samples) >= RATE  # of about 4 * RATE, those of the last second or two and the start are missing
    assert isinstance(journal.header.run_head, dict)
    assert journal.header.run_head["start_time"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_an_interrupted_command_writes_the_artifact_and_exits_with_130(
    home: Path, configure: Callable[..., Path]
) -> None:
    configure()
    process = begun(home)
    time.sleep(2)
    said = ended(process, signal.SIGINT)
    assert process.returncode == 130, said
    run = loads((home / "run.json").read_bytes(), name="run.json")
    assert isinstance(run, Run)
    assert run.ending.value == "interrupted"
    assert len(samples_beside(run, home / "run.json")) > 10
    assert list(home.glob("*.journal.*")) == []


def test_more_than_twenty_thousand_requests_lie_beside_the_run(
    home: Path, configure: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is lowered instead of sending so many: what matters is that every step reads the file."""
    script = (
        "import sys, lens_gate.steps.keeper as keeper\n"
        "keeper.INLINE_LIMIT = 20\n"
        "from lens_gate.cli.app import main\n"
        "main(sys.argv[1:])\n"
    )

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, *arguments]
        return subprocess.run(command, cwd=home, capture_output=True, text=True, check=False, timeout=60)

    configure()
    done = call("run", "--requests", "60", "--concurrency", "8", "--output", "run.json", "--save-chunks")
    assert sorted(path.name for path in home.glob("run.*")) == [
        "run.chunks.jsonl.gz",
        "run.json",
        "run.samples.jsonl.gz",
    ]
    assert json.loads((home / "run.json").read_bytes())["samples"]["requests"] == 60, done.stderr
    assert call("report", "run.json", "--format", "csv").stdout.count("\n") == 61
    assert call("analyze", "run.json").returncode == 0
    (home / "run.samples.jsonl.gz").unlink()
    lost = call("analyze", "run.json", "--baseline", "run.json")
    assert lost.returncode == 2
    assert "run.samples.jsonl.gz" in lost.stderr
