"""A release, as it is built: wheel and zipapp run in a clean place from their own wheels, with no registry asked."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.real.acting import ROOT, UNCOMPILED

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

TOO_BUSY = 3
"""What a demonstration ends with on a machine that is too busy to measure: it ran, and that is what is asked here."""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that `make release` builds."""
    folder = tmp_path_factory.mktemp("release") / "dist"
    command = ["make", "release", f"DIST={folder}", f"PYTHON={sys.executable}"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **UNCOMPILED}, check=True, timeout=500)
    return folder


def played(program: list[Path], folder: Path) -> None:
    """Run the demonstration, and look at what it wrote."""
    around = {"HOME": str(folder), "PATH": os.environ["PATH"], "SHIV_ROOT": str(folder / "shiv")}
    done = subprocess.run(
        [*map(str, program), "demo", "--output-dir", str(folder / "demo")],
        cwd=folder, env=around, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode in {0, TOO_BUSY}, done.stderr
    verdicts = [json.loads(path.read_bytes()) for path in (folder / "demo").glob("*/verdict.json")]
    assert len(verdicts) == 3
    assert all(one["kind"] == "verdict" for one in verdicts)


def test_the_wheel_installs_offline_into_a_clean_environment_and_runs(release: Path, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True, timeout=120)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    pip += ["--find-links", str(release / "wheelhouse"), "lens-gate[github]"]
    subprocess.run(pip, env={**os.environ, **UNCOMPILED}, check=True, timeout=200)
    played([tmp_path / "venv" / "bin" / "lens-gate"], tmp_path)


def test_the_zipapp_runs_by_itself(release: Path, tmp_path: Path) -> None:
    (zipapp,) = release.glob("*.pyz")
    played([Path(sys.executable), zipapp], tmp_path)


def test_the_bill_of_materials_holds_every_package_of_the_lock(release: Path) -> None:
    bill = json.loads((release / "lens-gate.cdx.json").read_bytes())
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "lens-gate")
    locked = {
        line.split("==")[0].lower()
        for line in (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line and not line.startswith(" ")
    }
    assert locked == {one["name"].lower() for one in bill["components"]}


def test_checksums_cover_all_that_is_published(release: Path) -> None:
    lines = [line.split("  ") for line in (release / "SHA256SUMS").read_text(encoding="utf-8").splitlines()]
    listed = {name: digest for digest, name in lines}
    files = {path.name for path in release.iterdir() if path.is_file()} - {"SHA256SUMS"}
    assert listed.keys() == files
    for name, digest in listed.items():
        assert hashlib.sha256((release / name).read_bytes()).hexdigest() == digest
