"""Make the virtual environment: with uv where it is present, else with venv and pip; hashes are checked either way."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)


def commands(venv: Path, lock: Path, *, uv: str | None) -> list[list[str]]:
    """Return what has to be run, in order."""
    python = venv / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if uv:
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
        make = [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(venv)]
    else:
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        make = [sys.executable, "-m", "venv", str(venv)]
    return [
        make,
        # The lock is complete; older versions of pip would look for newer releases of what is asked for with extras.
        [*install, "--require-hashes", "--no-deps", "--requirement", str(lock)],
        [*install, "--no-deps", "--no-build-isolation", "--editable", "."],
    ]


def main() -> None:
    """Run the commands; stop at the first that fails."""
    if sys.version_info < OLDEST:
        sys.exit(f"lens-gate needs Python {OLDEST[0]}.{OLDEST[1]} or newer; call `make PYTHON=python3.11 …`.")
    venv, lock = Path(sys.argv[1]), Path(sys.argv[2])
    for command in commands(venv, lock, uv=shutil.which("uv")):
        done = subprocess.run(command, check=False)  # noqa: S603 the commands are written above
        if done.returncode:
            sys.exit(f"setup failed: {' '.join(command)}")


if __name__ == "__main__":
    main()
