"""What git's refusals mean, in our words, with the next step."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lens_gate.errors import PublishFailed
from lens_gate.stores.git.runner import Answer

_CAUSES: Mapping[str, tuple[str, str]] = {
    r"exists; cannot create": (
        "another branch has this name, or the beginning of it up to a slash, and git keeps branches like files",
        "Name another branch: beside `main` there can be no `main/results`.",
    ),
    r"protected branch|GH006|not allowed to (force )?push|repository rule|GH013": (
        "the server protects this branch",
        "Exempt the branch from the rules of protection, or name another one: lens-gate needs one of its own.",
    ),
    r"refusing to update checked out branch|branch is currently checked out": (
        "this branch is checked out in a work tree, which would change under it",
        "Check out another branch there, or name another one: lens-gate needs one of its own.",
    ),
    r"hook declined": (
        "a hook of the server declined the push",
        "What it says stands above; exempt this branch from it, or name another store.",
    ),
    r"remote rejected\].*\(non-fast-forward\)": (
        "the server lets nobody rewrite this branch",
        "Allow forced pushes to this branch for the compaction, or go on without one.",
    ),
    r"could not read (Username|Password)|terminal prompts disabled|Authentication failed|Invalid username|HTTP Basic": (
        "the remote asks for credentials, and there are none that it takes",
        "In GitHub Actions keep the credentials of actions/checkout; elsewhere set up a credential helper or a key.",
    ),
    r"Permission to .* denied|Permission denied \(|error: 403|requested URL returned error: 40[13]|Write access": (
        "the credentials do not allow this",
        "Give the job `permissions: contents: write` in GitHub Actions, or a token that may push elsewhere.",
    ),
    r"Repository not found|does not appear to be a git repository|not found$|error: 404|does not exist": (
        "there is no such repository, or these credentials do not show it",
        "Check the address of the remote with `git remote -v`.",
    ),
    r"Could not resolve|unable to access|Connection (refused|timed out|reset)|unable to connect|early EOF|hung up": (
        "the remote cannot be reached",
        "Check the network, then try again; nothing of this was kept there.",
    ),
    r"No space left|Disk quota": ("there is no space left", "Free some space, then try again."),
    r"unable to create temporary|insufficient permission|Permission denied|Read-only file system": (
        "the repository cannot be written",
        "Check its permissions.",
    ),
    r"\.lock': File exists|Unable to create": (
        "another git is at work in the repository, or one was killed there",
        "Try again; where no git is running, delete the .lock file that the message names.",
    ),
}
_BUSY = re.compile(
    r"\(fetch first\)|\(stale info\)|cannot lock ref|failed to update ref|failed to lock"
    r"|incorrect old value|reference already exists|but expected|is at [0-9a-f]+ but"
)
_NEVER = re.compile(r"exists; cannot create|Permission denied|Read-only file system|No space left|Disk quota")
"""What makes a lock fail however often it is tried: here nobody was faster."""
_LONGEST = 400


def was_overtaken(answer: Answer) -> bool:
    """Say whether a push was refused because somebody else was faster, so that it may be tried again."""
    said = answer.stdout.decode("utf-8", "replace") + answer.stderr
    return _BUSY.search(said) is not None and _NEVER.search(said) is None


def fault(answer: Answer, doing: str, place: str) -> PublishFailed:
    """Return the error for a call that failed: what it means where that is known, and git's own words."""
    said = answer.stdout.decode("utf-8", "replace") + "\n" + answer.stderr
    words = " ".join(line.strip() for line in answer.stderr.splitlines() if line.strip())[-_LONGEST:]
    for pattern, (meaning, hint) in _CAUSES.items():
        if re.search(pattern, said, re.MULTILINE):
            return PublishFailed(f"{doing} failed: {meaning} (git: {words})", place=place, hint=hint)
    return PublishFailed(f"{doing} failed (git: {words})", place=place, hint="Nothing was lost; try again.")
