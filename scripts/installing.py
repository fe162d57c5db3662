"""Install what a lock file names into a virtual environment: by uv, or by pip where uv cannot be had or fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from action.environment import indexes

UV_LOCK = Path("requirements/uv.txt")


def python_of(venv: Path) -> Path:
    """Return the program of a virtual environment."""
    return venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def install(venv: Path, lock: Path) -> None:
    """Install a lock, which is complete and has the hash of each file; uv takes a third of the time that pip takes."""
    python = str(python_of(venv))
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    uv = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python, "--compile-bytecode", "--native-tls"]
    uv += ["--index-strategy=unsafe-best-match", *indexes(Path(python))]
    # Older versions of pip would look for newer releases of what is asked for with extras.
    checked = ["--require-hashes", "--no-deps", "--requirement"]
    by_uv = [[*pip, *checked, str(UV_LOCK)], [*uv, *checked, str(lock)]]
    if not all(subprocess.run(command, check=False).returncode == 0 for command in by_uv):  # noqa: S603 written above
        print("uv cannot install the packages here; pip does it")
        run([*pip, *checked, str(lock)])


def run(command: list[str]) -> None:
    """Run a command that must succeed; what it printed says why it did not."""
    done = subprocess.run(command, check=False)  # noqa: S603 the commands are written here and by who calls
    if done.returncode:
        sys.exit(f"setting up failed: {' '.join(command)}")
