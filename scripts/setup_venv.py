"""Make a virtual environment from a lock file, and with `--project` put this very checkout into it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from installing import install, python_of, run

OLDEST = (3, 11)


def main() -> None:
    """Do it; stop at the first command that fails."""
    if sys.version_info < OLDEST:
        sys.exit(f"lens-gate needs Python {OLDEST[0]}.{OLDEST[1]} or newer; call `make PYTHON=python3.11 …`.")
    venv, lock, *more = sys.argv[1:]
    uv, python = shutil.which("uv"), str(python_of(Path(venv)))
    if uv:
        installer = [uv, "pip", "install", "--quiet", "--python", python]
        run([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, venv])
        run([*installer, "--require-hashes", "--no-deps", "--requirement", lock])
    else:
        installer = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([sys.executable, "-m", "venv", venv])
        install(Path(venv), Path(lock))
    if more == ["--project"]:
        run([*installer, "--no-deps", "--no-build-isolation", "--editable", "."])


if __name__ == "__main__":
    main()
