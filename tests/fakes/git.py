"""Real git repositories for tests, made by nobody in particular."""

from __future__ import annotations

import subprocess
from pathlib import Path

_WHO = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    """Run git and return what it prints."""
    done = subprocess.run(["git", *_WHO, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def make_repository(folder: Path) -> None:
    """Begin a repository on the branch main."""
    git(folder, "init", "--quiet", "--initial-branch=main")


def commit(folder: Path, message: str = "change") -> str:
    """Commit everything in the folder, and return the commit's id."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")
