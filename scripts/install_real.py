"""Install the servers that `make test-real` talks to, into .real/, from pinned package names."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(".real")
NODE_PACKAGES = {"@copilotkit/aimock": "1.43.0"}


def main() -> None:
    """Install what is missing; fail loudly, because a test that skips for lack of an install proves nothing."""
    FOLDER.mkdir(exist_ok=True)
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("make test-real needs Node.js with npm for the servers that it tests against")
    manifest = FOLDER / "package.json"
    wanted = json.dumps({"private": True, "dependencies": NODE_PACKAGES}, indent=2) + "\n"
    installed = FOLDER / "node_modules" / ".wanted.json"
    if installed.exists() and installed.read_text(encoding="utf-8") == wanted:
        return
    manifest.write_text(wanted, encoding="utf-8")
    command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    subprocess.run(command, cwd=FOLDER, check=True)  # noqa: S603 the command is written above
    installed.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    main()
