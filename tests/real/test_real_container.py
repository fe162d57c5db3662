"""The container image: no engine runs here, so its rules are checked by hadolint, and its build in a clean prefix."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.real.acting import ROOT, TOOLS, UNCOMPILED

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

DOCKERFILE = ROOT / "Dockerfile"


def test_hadolint_finds_nothing_in_the_image() -> None:
    done = subprocess.run([TOOLS / "hadolint", DOCKERFILE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_hadolint_would_find_an_image_that_may_move(tmp_path: Path) -> None:
    worse = DOCKERFILE.read_text(encoding="utf-8").replace("python:3.13-slim", "python:latest")
    (tmp_path / "Dockerfile").write_text(worse, encoding="utf-8")
    done = subprocess.run([TOOLS / "hadolint", tmp_path / "Dockerfile"], capture_output=True, text=True, check=False)
    assert "DL3007" in done.stdout


def test_the_image_runs_as_nobody_who_owns_it() -> None:
    last_user = [line for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if line.startswith("USER ")][-1]
    assert last_user == "USER 1000"


def test_the_steps_of_the_build_make_a_command_in_a_clean_prefix(tmp_path: Path) -> None:
    text = DOCKERFILE.read_text(encoding="utf-8").split("\nFROM")[1].replace("\\\n", " ")
    source, steps = tmp_path / "source", text.partition("RUN ")[2]
    for line in text.splitlines():
        if line.startswith("COPY "):
            *names, target = line.split()[1:]
            for name in names:
                place = source / target / (Path(name).name if (ROOT / name).is_file() else "")
                place.parent.mkdir(parents=True, exist_ok=True)
                copy = shutil.copy if (ROOT / name).is_file() else shutil.copytree
                copy(ROOT / name, place)
    for folder in ("/opt", "/wheels"):
        steps = steps.replace(folder, f"{tmp_path}{folder}")
    subprocess.run(["bash", "-ec", steps], cwd=source, env={**os.environ, **UNCOMPILED}, check=True)
    command = tmp_path / "opt" / "lens-gate" / "bin" / "lens-gate"
    around = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run([command, "--version"], cwd=tmp_path, env=around, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("lens-gate, version ")
