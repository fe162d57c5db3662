"""What GitHub's runner reads of a step, read as exactly as it does: files of outputs, and commands in a log."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHA = "3f9c2ab41d" * 4
BASE_SHA = "91d04e7aa0" * 4
BEFORE_SHA = "5e5e5e5e5e" * 4
VARIABLES = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/widgets",
    "GITHUB_SHA": SHA,
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_RUN_ID": "4242",
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_API_URL": "https://api.github.com",
    "GITHUB_SERVER_URL": "https://github.com",
}
"""Those that do not depend on the step."""


@dataclass(frozen=True)
class Command:
    """One workflow command."""

    name: str
    properties: Mapping[str, str]
    message: str


def commands_in(log: str) -> list[Command]:
    """Return what the runner would obey in a log: `::name k=v::text` at a line's start, `##[name k=v]text` anywhere."""
    found = []
    for line in re.split(r"\r\n|\r|\n", log):
        new = re.match(r"\s*::([^ :]+)(?: ([^:]*))?::(.*)", line, re.DOTALL)
        # The older form is tried where the newer one does not fit.
        old = None if new else re.search(r"##\[([^ \]]+)(?: ([^\]]*))?\](.*)", line)
        for match, pairs in ((new, ","), (old, ";")):
            if match:
                parts = [part.split("=", 1) for part in (match[2] or "").split(pairs) if "=" in part]
                found.append(Command(match[1], {name: _decoded(value) for name, value in parts}, _decoded(match[3])))
    return found


def _decoded(text: str) -> str:
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, character)
    return text


def outputs_in(text: str) -> dict[str, str]:
    """Read a file of outputs as the runner does; an AssertionError where it would refuse the file."""
    lines, found = text.split("\n"), {}
    while lines and lines != [""]:
        line = lines.pop(0)
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc >= 0 and (equals < 0 or heredoc < equals):
            name, delimiter = line.split("<<", 1)
            value = []
            while (inner := lines.pop(0)) != delimiter:
                value.append(inner)
            found[name] = "\n".join(value)
        else:
            assert equals > 0, line
            found[line[:equals]] = line[equals + 1 :]
    return found


@dataclass
class Runner:
    """A step of a job: its environment, and the files that the runner reads afterwards."""

    folder: Path
    event: dict[str, Any] = field(default_factory=dict)
    name: str = "push"
    changes: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Return the variables that GitHub sets."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "event.json").write_text(json.dumps(self.event), encoding="utf-8")
        return {
            **VARIABLES,
            "GITHUB_EVENT_NAME": self.name,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            **self.changes,
        }

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs that the step has set."""
        path = self.folder / "output"
        return outputs_in(path.read_text(encoding="utf-8")) if path.exists() else {}

    @property
    def summary(self) -> str:
        """The summary that the step has written."""
        path = self.folder / "summary.md"
        return path.read_text(encoding="utf-8") if path.exists() else ""


def a_pull_request(*, number: int = 482, sha: str = SHA, home: str | None = "acme/widgets") -> dict[str, Any]:
    """Return the part of a payload that describes a pull request; `home` is the repository of its branch."""
    return {
        "number": number,
        "head": {"sha": sha, "ref": "longer-prompt", "repo": {"full_name": home} if home else None},
        "base": {"sha": BASE_SHA, "ref": "main", "repo": {"full_name": "acme/widgets"}},
    }


def a_finished_run(*, sha: str = SHA, home: str | None = "visitor/widgets", **changes: Any) -> dict[str, Any]:
    """Return the payload's part about the run that a `workflow_run` follows."""
    owner = (home or "visitor/widgets").partition("/")[0]
    return {
        "id": 4100,
        "run_attempt": 2,
        "event": "pull_request",
        "conclusion": "success",
        "head_branch": "longer-prompt",
        "head_sha": sha,
        "head_repository": {"full_name": home, "owner": {"login": owner}},
        "pull_requests": [],
        **changes,
    }
