"""A runner of GitHub's workflows: act without containers, and with folders of this machine for the marketplace."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.git import commit, git, make_repository
from tests.fakes.github import TOKEN

ROOT = Path(__file__).parent.parent.parent
TOOLS = ROOT / ".real" / "venv" / "bin"
STANDINS = Path(__file__).parent / "standins"
PARTS_OF_THE_ACTION = ("action.yml", "requirements", "scripts/action", "src")
LIMIT_S = 300
UNCOMPILED = {"PIP_COMPILE": "0"}
"""Lets pip leave out what takes it half of its time, and what Python does for itself where it imports something."""

UNREACHABLE = "http://127.0.0.1:9"
"""Where the platform answers unless a test stands in for it."""

PULL_REQUEST = 12
MERGE_REF = f"refs/pull/{PULL_REQUEST}/merge"


@dataclass(frozen=True, slots=True)
class Acted:
    """What one run of a workflow did: its exit code, its log by job, and what each job left in `seen`."""

    code: int
    log: str
    seen: Path

    def outputs(self, job: str = "gate") -> dict[str, str]:
        """Return the outputs of the action, as the next step of the job saw them."""
        return dict(json.loads((self.seen / f"{job}.json").read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Runner:
    """Where a session of tests keeps what a platform would keep: caches, artifacts, the home of the runner."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def act(self, repository: Path, event: str = "pull_request", **options: Any) -> Acted:
        """Run the workflow `ci.yml` of a repository; `options` are `payload`, `workflow`, `secrets` and `variables`."""
        seen = self.folder / "seen" / repository.name
        seen.mkdir(parents=True, exist_ok=True)
        payload = seen / "event.json"
        payload.write_text(json.dumps(options.get("payload", {})), encoding="utf-8")
        variables = {
            "STANDIN_CACHE": str(ROOT / ".real" / "action-cache"),
            "STANDIN_ARTIFACTS": str(self.folder / "artifacts" / repository.name),
            "STANDIN_PYTHON": sys.executable,
            "SEEN": str(seen),
            "GITHUB_API_URL": UNREACHABLE,
            "GITHUB_REPOSITORY": "acme/widgets",
            **options.get("variables", {}),
        }
        command = [str(TOOLS / "act"), event, "--eventpath", str(payload), "--json", "--no-cache-server"]
        command += ["--platform", "ubuntu-latest=-self-hosted"]
        command += ["--workflows", options.get("workflow", ".github/workflows/ci.yml")]
        for name, value in variables.items():
            command += ["--env", f"{name}={value}"]
        for name, value in {"GITHUB_TOKEN": TOKEN, **options.get("secrets", {})}.items():
            command += ["--secret", f"{name}={value}"]
        for uses, folder in {**stand_ins(), "org/llm-lens@v1": self.release()}.items():
            command += ["--local-repository", f"{uses}={folder}"]
        done = subprocess.run(
            command,
            cwd=repository,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return Acted(done.returncode, _readable(done.stdout + done.stderr), seen)

    def release(self) -> Path:
        """Return what a tag of the action's own repository would hold."""
        folder = self.folder / "release"
        if not folder.exists():
            folder.mkdir()
            export_action(folder)
            shutil.copytree(ROOT / ".github", folder / ".github")
        return folder

    def _environment(self) -> dict[str, str]:
        """Return this environment without what a pipeline around the tests says of itself, and with a home apart."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "CI", "RUNNER_"))}
        path = f"{Path(sys.base_prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {**kept, "HOME": str(home), "PATH": path, **self.variables}


def stand_ins() -> dict[str, Path]:
    """Return the folder for each action that our files name by its commit."""
    named = [*ROOT.glob("action.yml"), *ROOT.glob("workflows/*.yml"), *ROOT.glob(".github/workflows/*.yml")]
    words = {word for path in named for word in path.read_text(encoding="utf-8").split() if word.startswith("actions/")}
    pinned = {tuple(word.partition("@")[::2]) for word in words if "@" in word}
    folders = {(owned.split("/")[1], commit_id) for owned, commit_id in pinned}
    return {f"actions/{name}@{ref}": STANDINS / name for name, ref in folders if (STANDINS / name).is_dir()}


def export_action(folder: Path) -> None:
    """Copy into a folder what a checkout of the action would hold there."""
    for part in PARTS_OF_THE_ACTION:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)


def make_pull_request(
    folder: Path, base: Mapping[str, str], change: Mapping[str, str], *, with_action: bool = True
) -> dict[str, Any]:
    """Make a repository as `actions/checkout` leaves it for a pull request; return the event's payload.

    It holds the merge commit alone, checked out by itself; the server that has the rest lies beside it.
    """
    server = folder.with_name(f"{folder.name}-server")
    server.mkdir()
    make_repository(server)
    if with_action:
        export_action(server)
    _write(server, base)
    base_sha = commit(server, "base")
    git(server, "checkout", "--quiet", "-b", "change")
    _write(server, change)
    head_sha = commit(server, "change")
    git(server, "checkout", "--quiet", "--detach", "main")
    git(server, "merge", "--quiet", "--no-ff", "--message", "merge", "change")
    git(server, "update-ref", MERGE_REF, "HEAD")
    git(server, "config", "uploadpack.allowAnySHA1InWant", "true")
    folder.mkdir()
    make_repository(folder)
    git(folder, "remote", "add", "origin", "https://github.com/acme/widgets.git")
    git(folder, "config", f"url.{server.as_uri()}.insteadOf", "https://github.com/acme/widgets.git")
    git(folder, "fetch", "--quiet", "--depth=1", "origin", f"+{MERGE_REF}:refs/remotes/pull/{PULL_REQUEST}/merge")
    git(folder, "checkout", "--quiet", "--detach", f"refs/remotes/pull/{PULL_REQUEST}/merge")
    return payload_of(base_sha, head_sha)


def payload_of(base_sha: str, head_sha: str, *, head_repository: str = "acme/widgets") -> dict[str, Any]:
    """Return what GitHub tells of a pull request."""
    repository = {"full_name": "acme/widgets", "default_branch": "main", "name": "widgets", "owner": {"login": "acme"}}
    head = {
        "ref": "change",
        "sha": head_sha,
        "repo": {"full_name": head_repository, "fork": head_repository != "acme/widgets"},
    }
    base = {"ref": "main", "sha": base_sha, "repo": repository}
    pull_request = {"number": PULL_REQUEST, "head": head, "base": base}
    return {"number": PULL_REQUEST, "action": "synchronize", "pull_request": pull_request, "repository": repository}


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _readable(printed: str) -> str:
    """Return the log in lines of `job | message`."""
    lines = []
    for line in printed.splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            lines.append(line)
        else:
            lines.append(f"{told.get('job', '')} | {str(told.get('msg', '')).rstrip()}")
    return "\n".join(lines)
