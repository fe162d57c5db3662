"""Makes an environment for each other load generator, outside the checkout, from pinned versions.

python -m benchmarks.load.install_peers [NAME ...]; without names all of them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.load.native import CACHE

PINS = {"aiohttp": ("aiohttp==3.14.5", "uvloop==0.23.0")}


def python_of(name: str) -> Path:
    """Return the interpreter of a tool's environment."""
    return CACHE / "peers" / name / "bin" / "python"


def install(name: str) -> None:
    """Make the environment of one tool; one that is there already is kept."""
    python = python_of(name)
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(python.parent.parent)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *PINS[name]], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*PINS, []])
    for name in parser.parse_args().names or PINS:
        install(name)
        print(f"{name}: installed", flush=True)


if __name__ == "__main__":
    main()
