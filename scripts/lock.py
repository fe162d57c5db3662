"""Resolve the dependencies into hash-pinned requirement files that hold no address of any registry."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

OUTPUTS = {
    "requirements/run.txt": ["pyproject.toml", "--all-extras"],
    "requirements/dev.txt": ["pyproject.toml", "--all-extras", "--group", "dev", "--group", "build"],
    "requirements/action.txt": ["pyproject.toml", "--extra", "github", "--constraint", "requirements/run.txt"],
    "requirements/uv.txt": ["--group", "pyproject.toml:installer", "--constraint", "requirements/dev.txt"],
    "requirements/build.txt": ["--group", "pyproject.toml:build", "--constraint", "requirements/dev.txt"],
    "requirements/real.txt": ["--group", "pyproject.toml:real"],
    "requirements/release.txt": ["--group", "pyproject.toml:release"],
}


def main() -> None:
    """Write each file; uv is a development tool only, so it comes from the environment."""
    for output, options in OUTPUTS.items():
        Path(output).parent.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"]
        command += ["--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
        command += ["--python-version", "3.11", "--upgrade", "--output-file", output, *options]
        subprocess.run(command, check=True)  # noqa: S603 the command is written above


if __name__ == "__main__":
    main()
