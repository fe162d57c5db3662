"""Opening a branch: which remote it lives on, with which credentials, and who writes to it.

The remote is spoken to from a repository of our own, so that what the configuration of the repository here says of it
(its address, proxies, headers with credentials, replaced addresses) is handed on, in the environment of git alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from lens_gate.errors import UsageProblem
from lens_gate.stores.address import GitAddress
from lens_gate.stores.conditions import Retries
from lens_gate.stores.git.branch import REMOTE, Branch
from lens_gate.stores.git.runner import Git, without_password
from lens_gate.stores.git.store import GitStore
from lens_gate.stores.settings import GitSettings, Surroundings

BOT = "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>"
NOBODY = "lens-gate <lens-gate@localhost>"
_AUTHOR = re.compile(r"[^<>\n]*[^<>\s] <[^<>\s]+>")
_HANDED_ON = re.compile(r"(http|credential|url|protocol|ssh)\..*|core\.(sshcommand|gitproxy|askpass)")
_OF_REMOTE = frozenset({"url", "pushurl", "proxy", "proxyauthmethod", "uploadpack", "receivepack", "vcs"})
_LONGEST_PAUSE_S = 5.0
"""A push to a server takes a second or two, so that writers of one branch have to spread further."""
_ALONE = (
    (f"remote.{REMOTE}.uploadpack", "git -c uploadpack.allowFilter=true upload-pack"),
    (f"remote.{REMOTE}.receivepack", "git -c core.hooksPath=/dev/null -c gc.auto=0 receive-pack"),
)
"""How the repository here is spoken to where it has no remote: its hooks do not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """One line of git's configuration; `scope` is the file it stands in."""

    scope: str
    key: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Here:
    """The repository around a folder: where it is, its object format, and its configuration in order."""

    git_dir: Path
    top: Path
    object_format: str
    settings: tuple[_Setting, ...]

    @property
    def remotes(self) -> tuple[str, ...]:
        found = (re.fullmatch(r"remote\.(.+)\.url", one.key) for one in self.settings)
        return tuple(dict.fromkeys(match[1] for match in found if match))

    def of_remote(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return what is set for a remote, under the name that it has in our own repository."""
        start = f"remote.{name}."
        parts = ((one.key.removeprefix(start), one.value) for one in self.settings if one.key.startswith(start))
        return tuple((f"remote.{REMOTE}.{part}", value) for part, value in parts if part in _OF_REMOTE)

    def handed_on(self) -> tuple[tuple[str, str], ...]:
        """Return what stands in the repository's own configuration alone, and decides how a remote is spoken to."""
        own = (one for one in self.settings if one.scope in {"local", "worktree"})
        return tuple((one.key, one.value) for one in own if _HANDED_ON.fullmatch(one.key))


def open_git(address: GitAddress, settings: GitSettings, around: Surroundings) -> GitStore:
    """Return the store on a branch of the repository around; the branch need not exist.

    Raises UsageProblem where there is no repository, no such remote, or no git.
    """
    git = Git(directory=around.directory, environment=around.environment, timeout_s=settings.timeout_s)
    here = _here(git)
    remote, config = _remote(here, settings.remote)
    config = (*_asking_nobody(here, around.environment), *here.handed_on(), *config)
    branch = Branch(
        replace(git, directory=here.top, config=config),
        address.branch,
        author=check_author(settings.author) if settings.author else _author(git, around.environment),
        place=f"{address} ({remote})",
        object_format=here.object_format,
    )
    retries = Retries(
        around.rng, around.sleep, attempts=settings.tries, longest_pause_s=_LONGEST_PAUSE_S, shortest_pause_s=0.2
    )
    return GitStore(branch, address.prefix and address.prefix + "/", retries)


def check_author(text: str) -> str:
    """Return `NAME <ADDRESS>` as it is; raises UsageProblem where it is none."""
    if _AUTHOR.fullmatch(text):
        return text
    raise UsageProblem(f"{text[:80]!r} is no author of a commit", hint="Write NAME <ADDRESS>, as git does.")


def _here(git: Git) -> _Here:
    found = git.call("rev-parse", "--path-format=absolute", "--git-common-dir", "--show-object-format")
    if "safe.directory" in found.stderr:
        raise UsageProblem(
            "git refuses this repository, because its folder belongs to another user",
            place=str(git.directory),
            hint=f"Run `git config --global --add safe.directory {git.directory}` first.",
        )
    if found.code:
        raise UsageProblem(
            "there is no git repository here, so that it has no branch to store results on",
            place=str(git.directory),
            hint="Run this in a clone of the repository, or use another store, as results/ or s3://BUCKET.",
        )
    git_dir, object_format = found.line.splitlines()
    top = git.call("rev-parse", "--show-toplevel")
    return _Here(
        git_dir=Path(git_dir),
        top=Path(git_dir if top.code else top.line),
        object_format=object_format,
        settings=tuple(_settings(git)),
    )


def _settings(git: Git) -> Iterator[_Setting]:
    fields = git.call("config", "--list", "--show-scope", "-z").stdout.decode("utf-8", "surrogateescape").split("\0")
    for scope, line in zip(fields[::2], fields[1::2], strict=False):
        key, is_set, value = line.partition("\n")
        yield _Setting(scope=scope, key=key, value=value if is_set else "true")


def _remote(here: _Here, wanted: str | None) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return what people call the remote, and how our own repository is told of it."""
    url = f"remote.{REMOTE}.url"
    if wanted is None and not here.remotes:
        return "this repository", ((url, str(here.git_dir)), *_ALONE)
    name = wanted or "origin"
    if name in here.remotes:
        return name, here.of_remote(name)
    if wanted and re.search(r"[:/]", wanted):
        return without_password(wanted), ((url, wanted),)
    near = get_close_matches(name, here.remotes, n=1, cutoff=0.0)
    raise UsageProblem(
        f"this repository has no remote {name!r}",
        place=str(here.top),
        hint=f"Name one that it has: {', '.join(near) or 'none'}, or add it with `git remote add`.",
    )


def _asking_nobody(here: _Here, environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return settings that keep git's helpers from asking a person, where nobody has set otherwise."""
    chosen = "GIT_SSH" in environment or any(one.key == "core.sshcommand" for one in here.settings)
    quiet = (("credential.interactive", "false"),)
    return quiet if chosen else (*quiet, ("core.sshCommand", "ssh -o BatchMode=yes"))


def _author(git: Git, environment: Mapping[str, str]) -> str:
    if environment.get("GITHUB_ACTIONS") == "true":
        return BOT
    answer = git.call("var", "GIT_AUTHOR_IDENT")
    found = re.match(r"(.* <[^<>]+>) \d+ [+-]\d{4}$", answer.line)
    return found[1] if found and not answer.code else NOBODY
