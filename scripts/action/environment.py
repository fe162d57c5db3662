"""The environment of the action: a virtual one of its own under RUNNER_TEMP, from hash-locked requirements.

`plan` writes to the step's outputs where it lies, the key that its cache goes by, and whether an earlier step of this
job has made it; `make` makes it unless it is there. Both need nothing but the standard library, and neither touch nor
ask the caller's own packages.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
REQUIREMENTS = ROOT / "requirements"
MARK = "lens-gate.key"
INDEX_OPTIONS = ("index-url", "extra-index-url", "find-links")
"""Where packages come from: options of pip, which its configuration may give, and which uv spells alike."""


def main() -> None:
    """Do what the one word on the command line says."""
    venv, lock = Path(os.environ["RUNNER_TEMP"]) / "lens-gate" / "venv", locked(os.environ.get("EXTRAS", ""))
    key = cache_key(lock)
    if sys.argv[1:] == ["make"]:
        make(venv, lock, key)
        return
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"venv={venv}\nkey={key}\npython={python_of(venv)}\nthere={str(is_whole(venv, key)).lower()}\n")


def locked(extras: str) -> Path:
    """Return the requirement file; only what a verdict and its pull request need, unless all extras are asked for."""
    if extras not in {"", "all"}:
        sys.exit(f"::error title=lens-gate::the input `extras` is {extras!r}; it is `all` or left out")
    return REQUIREMENTS / ("run.txt" if extras == "all" else "action.txt")


def cache_key(lock: Path) -> str:
    """Return a name for everything that the environment depends on: the lock, the Python and its place, the system."""
    parts = [lock.read_bytes(), (REQUIREMENTS / "uv.txt").read_bytes(), Path(__file__).read_bytes()]
    parts += [sys.version.encode(), sys.executable.encode()]
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()[:20]
    return f"lens-gate-{platform.system()}-{platform.machine()}-{platform.python_version()}-{digest}"


def python_of(venv: Path) -> Path:
    """Return the program of a virtual environment."""
    return venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def is_whole(venv: Path, key: str) -> bool:
    """Say whether the environment is there, made to its end and of the same parts."""
    mark = venv / MARK
    return mark.is_file() and mark.read_text(encoding="utf-8") == key


def make(venv: Path, lock: Path, key: str) -> None:
    """Make the environment unless the whole of it is there; then let it find the code of this very checkout."""
    began, found = time.monotonic(), is_whole(venv, key)
    if not found:
        shutil.rmtree(venv, ignore_errors=True)
        run([sys.executable, "-I", "-m", "venv", str(venv)])
        install(python_of(venv), lock)
        (venv / MARK).write_text(key, encoding="utf-8")
    point_to_code(next(venv.glob("[Ll]ib/**/site-packages")))
    origin = "that were there" if found else f"from {lock.name}"
    print(f"Python {platform.python_version()}, packages {origin}, in {time.monotonic() - began:.1f} s")


def point_to_code(site_packages: Path) -> None:
    """Let the environment import this very checkout; written anew, since a cache may bring a file that is shared."""
    part = site_packages / "lens-gate.pth.part"
    part.write_text(f"{ROOT / 'src'}\n", encoding="utf-8")
    part.replace(site_packages / "lens-gate.pth")


def install(python: Path, lock: Path) -> None:
    """Install what is locked: by uv, which is several times as fast, or by pip where uv cannot be had or fails."""
    pip = [str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    checked = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--requirement"]
    uv = [str(python), "-I", "-m", "uv", "pip", "install", "--quiet", "--python", str(python), "--compile-bytecode"]
    uv += ["--native-tls", "--link-mode=copy", "--index-strategy=unsafe-best-match", *indexes(python)]
    by_uv = [[*pip, *checked, str(REQUIREMENTS / "uv.txt")], [*uv, *checked, str(lock)]]
    if not all(subprocess.run(command, check=False).returncode == 0 for command in by_uv):  # noqa: S603
        print("uv cannot install the packages here; pip does it")
        run([*pip, *checked, str(lock)])


def indexes(python: Path) -> list[str]:
    """Return where pip was told to look for packages, as options of uv, which does not read pip's configuration."""
    listed = subprocess.run(  # noqa: S603 the command is written here
        [str(python), "-I", "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    settings = dict(line.partition("=")[::2] for line in listed.splitlines())
    options = []
    for setting, text in settings.items():
        name = setting.rpartition(".")[2]
        if name in INDEX_OPTIONS:
            options += [f"--{name}={value}" for value in text.strip("'\"").split()]
    return options


def run(command: Sequence[str]) -> None:
    """Run a command that must succeed; what it printed says why it did not."""
    done = subprocess.run(command, check=False)  # noqa: S603 the commands are written above
    if done.returncode:
        sys.exit(f"::error title=lens-gate::setting up failed: {' '.join(command)}")


if __name__ == "__main__":
    main()
