"""The proofs of the stores run, small, on a folder and on a branch of git."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.fakes.git import git, make_repository

ROOT = Path(__file__).parent.parent


@pytest.fixture
def on_git(tmp_path: Path) -> tuple[str, ...]:
    for name in ("work", "remote"):
        (tmp_path / name).mkdir()
    make_repository(tmp_path / "work")
    git(tmp_path / "remote", "init", "--quiet", "--bare")
    return ("git:lens-gate", "--directory", str(tmp_path / "work"), "--remote", str(tmp_path / "remote"))


def proof(name: str, *lines: Sequence[str]) -> str:
    """Run a proof with one command line after the other, in a process that may fork."""
    script = (
        f"import sys\nfrom benchmarks.stores.{name} import main\n"
        f"for line in {[list(line) for line in lines]!r}:\n"
        f"    sys.argv[1:] = line\n    main()\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path, on_git: tuple[str, ...]) -> None:
    said = proof(
        "concurrency",
        [str(tmp_path / "store"), "--writers", "8", "--baseline-writers", "4", "--versions", "2"],
        [*on_git, "--writers", "3", "--baseline-writers", "2", "--versions", "1"],
    )
    assert said.count("failed 0, lost 0") == 4
    assert said.count("winners of each version [1], corrupt 0, mixed up 0") == 2


def test_a_store_that_ignores_conditions_fails_the_proof(tmp_path: Path) -> None:
    script = (
        "import sys; from lens_gate.stores.file import FileStore; FileStore._require = lambda *_: None; "
        "from benchmarks.stores.concurrency import main; main()"
    )
    arguments = [str(tmp_path / "store"), "--writers", "2", "--baseline-writers", "8", "--versions", "2"]
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stderr) == (1, "something was lost\n")
    assert "winners of each version [8]" in done.stdout


def test_writers_that_are_killed_leave_nothing_behind(tmp_path: Path) -> None:
    said = proof("kills", [str(tmp_path / "store"), "--kills", "5"])
    assert "5 kills" in said
    assert said.count(": 0\n") >= 4


def test_commands_that_are_killed_leave_nothing_behind(tmp_path: Path) -> None:
    places = {"sync": f"{tmp_path}/store", "tables": f"sqlite:///{tmp_path}/runs.db"}
    said = proof("command_kills", *([command, address, "--kills", "2"] for command, address in places.items()))
    first, *both = said.split("2 kills of ")
    assert first == ""
    assert [one.partition(" ")[0] for one in both] == [*places]
    assert all(one.count(": 0\n") >= 6 for one in both)


def test_a_command_that_loses_something_fails_the_proof(tmp_path: Path) -> None:
    script = "from benchmarks.stores import command_kills as proof; proof.versions_of = lambda *_: (); proof.main()"
    command = [sys.executable, "-c", script, "upkeep", str(tmp_path / "store"), "--kills", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stderr) == (1, "a kill left something behind\n")
    assert "versions that were lost: 0" not in done.stdout


def test_the_cost_of_reading_is_measured(tmp_path: Path, on_git: tuple[str, ...]) -> None:
    said = proof("growth", [str(tmp_path / "store"), "--runs", "10", "40"], [*on_git, "--runs", "10", "40"])
    assert said.count("newest 100") == 4
    assert said.count("| list everything |") == 4
    assert said.count("MB") == 3
