"""The git repository that lens-gate runs in: commits, files at a commit, and work trees of other commits.

Everything goes through the `git` program, without a shell, with a time limit, and with the hooks and file-system
monitors of the repository switched off, so that looking at a commit runs none of its code.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lens_gate.errors import ConfigProblem, UsageProblem

_SAFE = ("--no-optional-locks", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
_REMOTE = "refs/remotes/origin/"
_MAIN_BRANCHES = (f"{_REMOTE}HEAD", f"{_REMOTE}main", f"{_REMOTE}master", "refs/heads/main", "refs/heads/master")
"""Whole names: a tag may be called `origin/main` as well, and git would take that one."""
_SHALLOW_HINT = (
    "This clone is shallow. Fetch the whole history: `fetch-depth: 0` for actions/checkout, `GIT_DEPTH: 0` in GitLab,"
    " or `git fetch --unshallow`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    code: int
    stdout: bytes
    stderr: str

    @property
    def line(self) -> str:
        return self.stdout.decode("utf-8", "surrogateescape").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePlace:
    """Where the change of a pipeline stands.

    `merge` is the platform's own merge of it into the branch that it goes to, and `left_at` the commit at which it left
    that branch, None for what the platform does not tell; `goes_to` are the names of branches that may be that one,
    the likeliest first.
    """

    merge: str | None = None
    left_at: str | None = None
    goes_to: tuple[str, ...] = ()


def branch_of_origin(name: str) -> str:
    """Return the whole name of a branch as it was fetched, which no tag can have."""
    return f"{_REMOTE}{name}"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository by the root of its work tree; `cwd` (below it) is what relative paths start from.

    `env` is the environment of the git processes, None for that of this process; `timeout_s` is what each may take (a
    checkout takes ten times as long).
    """

    root: Path
    cwd: Path | None = None
    env: Mapping[str, str] | None = field(default=None, repr=False)
    timeout_s: float = 60.0

    @classmethod
    def find(cls, cwd: Path, env: Mapping[str, str] | None = None) -> Repository | None:
        """Return the repository whose work tree holds `cwd`; None if there is none, or no git.

        Raises UsageProblem if git refuses a repository that belongs to another user, as it does in some containers.
        """
        if shutil.which("git", path=None if env is None else env.get("PATH")) is None:
            return None
        here = cls(cwd.resolve(), None, env)
        answer = here._git("rev-parse", "--show-toplevel")
        if "safe.directory" in answer.stderr:
            raise UsageProblem(
                "git refuses this repository, because its folder belongs to another user",
                place=str(cwd),
                hint=f"Run `git config --global --add safe.directory {here.root}` first.",
            )
        return None if answer.code or not answer.line else cls(Path(answer.line), here.root, env)

    def head(self) -> str:
        """Return the full id of the commit that is checked out; raises UsageProblem before the first commit."""
        return self.resolve("HEAD")

    def branch(self) -> str | None:
        """Return the name of the branch that is checked out, None where HEAD is detached."""
        answer = self._git("symbolic-ref", "--quiet", "--short", "HEAD")
        return None if answer.code else answer.line

    def resolve(self, ref: str) -> str:
        """Return the full id of the commit that `ref` names, which may be a branch that only `origin` has.

        Raises UsageProblem if there is no such commit here.
        """
        found = self._anywhere(ref)
        if found is None:
            hint = "Name a commit, tag or branch that exists here; `git log` lists commits."
            raise UsageProblem(f"{ref!r} is no commit of this repository", place="git", hint=self._hint(hint))
        return found

    def knows(self, ref: str) -> bool:
        """Say whether `resolve` would find a commit."""
        return self._anywhere(ref) is not None

    def merge_base(self, a: str, b: str) -> str:
        """Return the last common ancestor of two refs; raises UsageProblem if none is known here."""
        answer = self._git("merge-base", self.resolve(a), self.resolve(b))
        if answer.code:
            hint = "Name the commit to compare with: --against-ref COMMIT."
            raise UsageProblem(f"{a!r} and {b!r} have no common ancestor", place="git", hint=self._hint(hint))
        return answer.line

    def ancestors(self, ref: str, count: int) -> tuple[str, ...]:
        """Return the ids of a commit and of those before it on its own line, nearest first, `count` of them at most."""
        answer = self._git("rev-list", "--first-parent", f"--max-count={count}", self.resolve(ref))
        return tuple(answer.line.splitlines())

    def author(self) -> str | None:
        """Return who commits here, as `Name <address>`; None where git was not told."""
        answer = self._git("var", "GIT_AUTHOR_IDENT")
        named = re.match(r"(.*<.*>)", answer.line)
        return None if answer.code or named is None else named[1]

    def read(self, ref: str, path: str) -> bytes:
        """Return the content of a file as of `ref`; `path` is relative to `cwd`, or absolute.

        Raises ConfigProblem if the commit has no such file, or the path leaves the repository.
        """
        absolute = Path(os.path.normpath((self.cwd or self.root) / path))
        if not absolute.is_relative_to(self.root):
            raise ConfigProblem(
                "the file lies outside of the repository, so that it has no older version",
                place=path,
                hint="Move it into the repository and commit it, or compare with --against-config.",
            )
        commit = self.resolve(ref)
        answer = self._git("cat-file", "blob", f"{commit}:{absolute.relative_to(self.root).as_posix()}")
        if answer.code:
            raise ConfigProblem(
                f"commit {commit[:12]} has no such file",
                place=path,
                hint="Commit it first, name another commit, or compare with --against-config.",
            )
        return answer.stdout

    def changes(self) -> str | None:
        """Return a hash of how tracked files differ from HEAD, None where they do not.

        Files that git does not know do not count: what a run leaves behind would be among them.
        """
        answer = self._git("diff", "--binary", "--no-ext-diff", "--no-textconv", "--no-relative", "HEAD")
        if answer.code:
            raise UsageProblem(
                f"git cannot tell what has changed since the last commit: {answer.stderr.strip()[-500:]}", place="git"
            )
        return hashlib.sha256(answer.stdout).hexdigest() if answer.stdout else None

    def is_shallow(self) -> bool:
        """Say whether older commits were left out when this repository was cloned."""
        return self._git("rev-parse", "--is-shallow-repository").line == "true"

    def is_merge_commit(self, ref: str = "HEAD") -> bool:
        """Say whether the commit has several parents, even where a shallow clone has left them out."""
        return len(self._parents(ref)) > 1

    def first_parent(self, ref: str = "HEAD") -> str:
        """Return the first parent of a commit; raises UsageProblem if it has none, or it was left out."""
        parents = self._parents(ref)
        if not parents:
            raise UsageProblem(
                f"{ref!r} is the first commit, so that there is none before it",
                place="git",
                hint="Name the other side with --against-ref, --against-config, --against-model or --against-endpoint.",
            )
        return self.resolve(parents[0])

    def missing_parent(self) -> str | None:
        """Return the id of the first parent of HEAD where a shallow clone has left that commit out."""
        parents = self._parents("HEAD")
        return parents[0] if parents and not self.knows(parents[0]) else None

    def fetch(self, *wanted: str) -> None:
        """Fetch commits or refs from `origin`, each alone where the clone is shallow; raises UsageProblem."""
        depth = ["--depth=1"] if self.is_shallow() else []
        answer = self._git("fetch", "--quiet", "--no-tags", *depth, "origin", *wanted, patience=5)
        if answer.code:
            raise UsageProblem(
                f"what this is compared with cannot be fetched: {answer.stderr.strip()[-500:]}",
                place="git fetch",
                hint=self._hint("Is `origin` reachable, and may this job read it?"),
            )

    def shows_credentials(self) -> bool:
        """Say whether the configuration holds a header for the remote, as `actions/checkout` leaves one."""
        return self._git("config", "--includes", "--get-regexp", r"^http\..*extraheader$").code == 0

    def default_base(self, place: ChangePlace | None = None) -> str:
        """Return the commit that a change is compared with when nobody names one; `place` is what the pipeline says.

        The platform's own merge has its first parent; any other commit, merges of its author among them, is compared
        with where it left the branch that it goes to, or the main branch. Raises UsageProblem if neither can be told.
        """
        place = place or ChangePlace()
        if place.merge is not None and self._commit("HEAD") == place.merge and self.is_merge_commit():
            return self.first_parent()
        if place.left_at is not None and (commit := self._commit(place.left_at)):
            return commit
        branches = [*(branch_of_origin(name) for name in place.goes_to), *_MAIN_BRANCHES]
        main = next((name for name in branches if self._commit(name)), None)
        if main is None:
            hint = "Name the commit to compare with: --against-ref COMMIT."
            raise UsageProblem("there is no branch main or master to compare with", place="git", hint=self._hint(hint))
        return self.merge_base("HEAD", main)

    @contextmanager
    def worktree(self, ref: str) -> Iterator[Path]:
        """Check `ref` out into a temporary folder, which is removed at the end whatever happens.

        Raises UsageProblem if there is no such commit, or git cannot check it out.
        """
        commit = self.resolve(ref)
        with tempfile.TemporaryDirectory(prefix="lens-gate-", ignore_cleanup_errors=True) as folder:
            tree = Path(folder).resolve() / "tree"
            try:
                answer = self._git("worktree", "add", "--detach", str(tree), commit, patience=10)
                if answer.code:
                    raise UsageProblem(
                        f"git cannot check out {commit[:12]}: {answer.stderr.strip()[-500:]}", place="git worktree"
                    )
                yield tree
            finally:
                self._git("worktree", "remove", "--force", "--force", str(tree))

    def _anywhere(self, ref: str) -> str | None:
        return self._commit(ref) or self._commit(branch_of_origin(ref))

    def _commit(self, ref: str) -> str | None:
        # A ref that starts with a dash would be read as an option.
        if not ref or ref.startswith("-"):
            return None
        answer = self._git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        return None if answer.code else answer.line

    def _parents(self, ref: str) -> list[str]:
        """Read the parents from the commit itself: a shallow clone hides them from every other command."""
        header = self._git("cat-file", "commit", self.resolve(ref)).line.partition("\n\n")[0]
        return [line.removeprefix("parent ") for line in header.splitlines() if line.startswith("parent ")]

    def _hint(self, otherwise: str) -> str:
        return _SHALLOW_HINT if self.is_shallow() else otherwise

    def _git(self, *args: str, patience: int = 1) -> _Answer:
        """Run git in `cwd`; the exit code is the caller's to judge. Raises UsageProblem where git does not answer."""
        try:
            done = subprocess.run(
                ["git", *_SAFE, *args],
                cwd=self.cwd or self.root,
                env=self.env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self.timeout_s * patience,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise UsageProblem(
                f"git {args[0]} did not answer within {self.timeout_s * patience:g} s",
                place="git",
                hint="Is its storage reachable?",
            ) from error
        return _Answer(code=done.returncode, stdout=done.stdout, stderr=done.stderr.decode("utf-8", "replace"))
