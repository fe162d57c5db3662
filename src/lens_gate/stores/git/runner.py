"""Calling git: without a shell, with a time limit, never asking anybody, and running no code of the repository."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lens_gate.errors import PublishFailed, UsageProblem

_SAFE = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
)
_FORGOTTEN = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_WORK_TREE",
    }
)
"""Variables that a hook or an outer git has set, and that would lead us into its repository."""
_PASSWORD = re.compile(r"(://)[^/@\s]+@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one call of git said; `stderr` shows no password of an address."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def line(self) -> str:
        """The output as one line of text."""
        return self.stdout.decode("utf-8", "replace").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """How git is called: from which folder, in which environment, on which repository (None finds the one around).

    `config` is handed over in the environment, where no list of processes shows it: it may hold a credential.
    """

    directory: Path
    environment: Mapping[str, str] = field(repr=False)
    timeout_s: float
    git_dir: Path | None = None
    config: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def call(self, *arguments: str, feed: bytes = b"") -> Answer:
        """Run git; the exit code is the caller's to judge.

        Raises UsageProblem where there is no git, PublishFailed where it does not answer in time.
        """
        where = () if self.git_dir is None else (f"--git-dir={self.git_dir}",)
        command = ["git", *where, *arguments]
        try:
            # A session of its own has no terminal that a helper could ask at, and ends with all its helpers.
            process = subprocess.Popen(
                command, cwd=self.directory, env=self._environment(), start_new_session=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise UsageProblem(
                "git is not installed, or not on the PATH", hint="Install it, or use another store."
            ) from error
        with process:
            stdout, stderr = self._said(process, arguments[0], feed)
        said = without_password(stderr.decode("utf-8", "replace"))
        return Answer(code=process.returncode, stdout=stdout, stderr=said)

    def _said(self, process: subprocess.Popen[bytes], name: str, feed: bytes) -> tuple[bytes, bytes]:
        try:
            return process.communicate(feed, self.timeout_s)
        except subprocess.TimeoutExpired as error:
            raise PublishFailed(
                f"git {name} did not answer within {self.timeout_s:g} s",
                place="git",
                hint="Check that the remote can be reached, then try again.",
            ) from error
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in self.environment.items() if name not in _FORGOTTEN}
        already = int(kept.get("GIT_CONFIG_COUNT") or 0)
        numbered = dict(kept, GIT_TERMINAL_PROMPT="0", LC_ALL="C")
        for number, (name, value) in enumerate((*_SAFE, *self.config), start=already):
            numbered |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        return {**numbered, "GIT_CONFIG_COUNT": str(already + len(_SAFE) + len(self.config))}


def without_password(text: str) -> str:
    """Return a text in which no address shows a user or password."""
    return _PASSWORD.sub(r"\1", text)
