"""What survives a kill that nobody can catch, and an interruption of the whole command."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lens_gate.artifacts.codec import load_analysis, loads
from lens_gate.artifacts.journal import decode_journal
from lens_gate.artifacts.run import Run
from lens_gate.errors import ArtifactCorrupt
from lens_gate.steps.recorded.reading import read_artifact, samples_beside
from lens_gate.steps.running import keeper
from tests.integration.conftest import Invoke

RATE = 40


def begun(home: Path, *options: str, samples: int = RATE) -> subprocess.Popen[str]:
    """Start a long run, and return once its journal holds so many samples."""
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
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any(samples_kept(path) >= samples for path in home.glob("run.*.journal.jsonl.gz")):
            return process
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"the run did not keep {samples} samples in a minute: {process.communicate()[1]}")


def samples_kept(path: Path) -> int:
    """Return how many samples a journal holds, which may have no head yet."""
    try:
        return len(decode_journal(path.read_bytes(), name=path.name).samples)
    except ArtifactCorrupt:
        return 0


def ended(process: subprocess.Popen[str], name: signal.Signals) -> str:
    """Send a signal, and return what the process said."""
    os.kill(process.pid, name)
    return process.communicate(timeout=30)[1]


def test_the_journal_of_a_killed_run_is_judged_and_reported_as_a_run(
    home: Path, configure: Callable[..., Path], invoke: Invoke
) -> None:
    configure()
    process = begun(home)
    ended(process, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    (path,) = home.glob("run.*.journal.jsonl.gz")
    journal = decode_journal(path.read_bytes(), name=path.name)
    assert not (home / "run.json").exists()
    assert len(journal.samples) >= RATE

    assert invoke("analyze", path.name, "--output", "analysis.json").code == 0
    analysis = load_analysis((home / "analysis.json").read_bytes(), name="analysis.json")
    assert analysis.summary.total_requests == len(journal.samples)
    assert analysis.ending.value == "interrupted"
    assert analysis.ending_message is not None
    assert analysis.ending_message.startswith("the run was killed: its journal holds")
    assert invoke("gate", path.name).code == 130
    assert "the run was killed" in invoke("report", path.name).out.lower()
    assert invoke("report", path.name, "--format", "csv").out.count("\n") == len(journal.samples) + 1
    assert invoke("report", path.name, "--format", "json", "--output", "run.json").code == 0
    assert invoke("analyze", "run.json").code == 0


def test_a_killed_run_goes_on_where_it_was(home: Path, configure: Callable[..., Path], invoke: Invoke) -> None:
    configure()
    keeping = ("--save-chunks", "--save-bodies")
    process = begun(home, "--duration", "6s", *keeping)
    ended(process, signal.SIGKILL)
    (path,) = home.glob("run.*.journal.jsonl.gz")
    options = ("--rps", str(RATE), "--duration", "6s", "--output", "run.json", "--resume", path.name, *keeping)
    refused = invoke("run", *options, "--seed", "7")
    assert refused.code == 2
    assert "`seed` was 0, and is 7" in refused.err
    done = invoke("run", *options)
    assert done.told["ending"] == "complete", done.err
    run = read_artifact(home / "run.json")
    assert isinstance(run, Run)
    first, second = run.segments
    assert (run.ending.value, first.requests + first.lost + second.requests) == ("complete", 6 * RATE)
    assert first.lost <= 4 * RATE  # 2 where nothing else takes the processor
    (told,) = [check for check in run.validity.checks if check.name == "resumed"]
    assert "the run was interrupted once" in told.message
    assert sorted(one.name for one in home.glob("*.journal.*")) == [path.name]
    assert run.kept == ("chunks", "bodies")
    sampled = set(samples_beside(run, home / "run.json").numbers["index"])
    for kind in run.kept:
        lines = gzip.decompress((home / f"run.{kind}.jsonl.gz").read_bytes()).splitlines()
        indices = {json.loads(line)["index"] for line in lines}
        assert len(indices) == len(lines)
        assert len(sampled - indices) <= 4 * RATE  # what the first part had not brought to the disk
    assert invoke("analyze", "run.json").code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
@pytest.mark.parametrize("artifact_fits", [True, False])
def test_a_full_disk_stops_the_run_and_keeps_what_fits(
    home: Path, configure: Callable[..., Path], artifact_fits: bool
) -> None:
    """A limit on the size of files stands for the disk; the artifact is written above it, or cut off by it as well."""
    configure()
    script = (
        "import resource, sys\n"
        "def limit(size): resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))\n"
        "import lens_gate.stores.files as files\n"
        "write = files.write_file\n"
        "def roomy(path, data):\n"
        f"    limit(resource.RLIM_INFINITY if {artifact_fits} else 10_000)\n"
        "    write(path, data)\n"
        "files.write_file = roomy\n"
        "limit(10_000)\n"
        "from lens_gate.cli.app import main\n"
        "main(sys.argv[1:])\n"
    )
    command = [sys.executable, "-c", script, "run", "--rps", "80", "--duration", "60s", "--output", "run.json"]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 7, done.stderr
    assert "File too large" in done.stderr
    (kept,) = home.glob("run.*")
    assert kept.name in done.stderr
    assert (kept.name == "run.json") is artifact_fits
    run = read_artifact(kept)
    assert isinstance(run, Run)
    assert run.ending.value == "interrupted"
    assert len(samples_beside(run, kept)) >= 40


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_an_interrupted_command_writes_the_artifact_and_exits_with_130(
    home: Path, configure: Callable[..., Path]
) -> None:
    configure()
    process = begun(home, samples=11)
    said = ended(process, signal.SIGINT)
    assert process.returncode == 130, said
    run = loads((home / "run.json").read_bytes(), name="run.json")
    assert isinstance(run, Run)
    assert run.ending.value == "interrupted"
    assert len(samples_beside(run, home / "run.json")) > 10
    assert list(home.glob("*.journal.*")) == []


def test_more_than_twenty_thousand_requests_lie_beside_the_run(
    home: Path, configure: Callable[..., Path], invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is lowered instead of sending so many: what matters is that every step reads the file."""
    monkeypatch.setattr(keeper, "INLINE_LIMIT", 20)
    configure()
    done = invoke("run", "--requests", "60", "--concurrency", "8", "--output", "run.json", "--save-chunks")
    assert sorted(path.name for path in home.glob("run.*")) == [
        "run.chunks.jsonl.gz",
        "run.json",
        "run.samples.jsonl.gz",
    ]
    assert json.loads((home / "run.json").read_bytes())["samples"]["requests"] == 60, done.err
    assert invoke("report", "run.json", "--format", "csv").out.count("\n") == 61
    assert invoke("analyze", "run.json").code == 0
    (home / "run.samples.jsonl.gz").unlink()
    lost = invoke("analyze", "run.json", "--baseline", "run.json")
    assert lost.code == 2
    assert "run.samples.jsonl.gz" in lost.err
