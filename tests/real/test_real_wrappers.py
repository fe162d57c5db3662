"""What wrappers leave of an exit code: each row of the table in docs/pipelines.md, tried with the command itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lens_gate.artifacts.codec import dumps
from tests.real.acting import ROOT
from tests.scenarios import a_regression

pytestmark = pytest.mark.real

GATE = "lens-gate gate verdict.json"
ROWS = re.findall(
    r"^\| `(.+?)` \| (\d+) \| (yes|no) \|", (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8"), re.MULTILINE
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a verdict that is a regression, a Makefile, and the scripts of a package."""
    (tmp_path / "verdict.json").write_bytes(dumps(a_regression()))
    (tmp_path / "Makefile").write_text(f"gate:\n\t{GATE}\n", encoding="utf-8")
    (tmp_path / "package.json").write_text(json.dumps({"scripts": {"gate": GATE}}), encoding="utf-8")
    return tmp_path


def test_the_page_has_the_table() -> None:
    assert {command.split()[0] for command, _, _ in ROWS} >= {"make", "npm", "set"}
    assert len(ROWS) >= 7


@pytest.mark.parametrize(("command", "code", "told"), ROWS)
def test_a_wrapper_leaves_what_the_page_says(command: str, code: str, told: str, folder: Path) -> None:
    command = command.replace("\\|", "|")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    around = {"PATH": path, "HOME": str(folder), "NPM_CONFIG_UPDATE_NOTIFIER": "false"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=around, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == int(code), done.stderr
    assert ("outcome=regression exit=1" in done.stdout + done.stderr) is (told == "yes")
