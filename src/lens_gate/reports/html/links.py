"""Where what the site tells of can be looked at: addresses of commits and of pipeline runs, if they are plain ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

COMMIT = "{commit}"
"""What stands for the id in the address of a commit."""

_ADDRESS = re.compile(r"https?://[^\s\"'<>\\]{1,500}", re.ASCII)
_ID = re.compile(r"[0-9a-f]{7,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Links:
    """The address of any commit, with `{commit}` for its id, and those of pipeline runs by the id of a run.

    What is no plain address leads nowhere: it may come from an artifact that others wrote.
    """

    commit: str | None = None
    runs: Mapping[str, str] = field(default_factory=dict)

    def of_commit(self, commit: str | None) -> str:
        """Return the address of a commit; empty where none is known."""
        if self.commit is None or commit is None or _ID.fullmatch(commit) is None:
            return ""
        return self.commit.replace(COMMIT, commit)

    def of_run(self, run: str) -> str:
        """Return the address of the pipeline run that measured, where its report lies; empty where none is known."""
        address = self.runs.get(run, "")
        return address if _ADDRESS.fullmatch(address) else ""


def leads_to_commits(address: str) -> bool:
    """Whether an address can be that of any commit."""
    return COMMIT in address and _ADDRESS.fullmatch(address.replace(COMMIT, "")) is not None
