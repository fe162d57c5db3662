"""One branch of a remote, seen through a bare repository of our own in a temporary folder.

Only its newest commit is fetched, of that only the names of the files where the server can leave out the rest, and of
those what is read. The repository that somebody works in is never written, but by a push where the branch is its own.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lens_gate.errors import PublishFailed
from lens_gate.stores.git.faults import fault, was_overtaken
from lens_gate.stores.git.runner import Answer, Git

REMOTE = "store"
"""What our repository calls the remote; whoever opens it says where that is."""
_TIP = "refs/heads/tip"
_DRAFT = "refs/heads/draft"
_NO_BRANCH = "couldn't find remote ref"
_NO_FILTER = "filtering not recognized by server"


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit that is not pushed yet, and the blobs of the files that it wrote, by path."""

    commit: str
    blobs: Mapping[str, str]


class Branch:
    """Reads and writes `name` on the remote that `git` is configured with, as `author` (`NAME <ADDRESS>`)."""

    def __init__(self, git: Git, name: str, *, author: str, place: str, object_format: str = "sha1") -> None:
        folder = Path(tempfile.mkdtemp(prefix="lens-gate-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.place = place
        self._name = f"refs/heads/{name}"
        self._author = author
        self._git = replace(git, git_dir=folder)
        self._filtered = True
        self._fetched: set[str] = set()
        self._call(
            "preparing a repository", "init", "--quiet", "--bare", f"--object-format={object_format}", "--template="
        )

    def tip(self) -> str | None:
        """Fetch the newest commit and return its id; None where there is no such branch."""
        answer = self._git.call(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--depth=1", "--filter=blob:none",
            REMOTE, f"+{self._name}:{_TIP}",
        )  # fmt: skip
        self._filtered = self._filtered and _NO_FILTER not in answer.stderr
        if answer.code and _NO_BRANCH in answer.stderr:
            return None
        self._require(answer, "reading the branch")
        return self._call("reading the branch", "rev-parse", "--verify", _TIP).line

    def files(self, commit: str, folder: str = "") -> Mapping[str, str]:
        """Return the blobs of all files of a commit below a folder (empty, or ending in `/`), by path."""
        listed = self._call("listing the branch", "ls-tree", "-r", "-z", "--full-tree", commit, *_paths([folder]))
        return {path: blob for kind, blob, path in _listed(listed) if kind == "blob"}

    def kinds(self, commit: str, paths: Iterable[str]) -> Mapping[str, tuple[str, str]]:
        """Return what stands at each path of a commit: `blob` or `tree`, and its id; nothing where there is nothing."""
        listed = self._call("reading the branch", "ls-tree", "-z", "--full-tree", commit, *_paths(paths))
        return {path: (kind, found) for kind, found, path in _listed(listed)}

    def blobs(self, ids: Iterable[str]) -> Mapping[str, bytes]:
        """Return the content of blobs; those that are not here yet are fetched together."""
        wanted = sorted(set(ids))
        self._fetch(wanted)
        feed = "".join(f"{one}\n" for one in wanted).encode()
        return dict(_contents(self._call("reading the branch", "cat-file", "--batch", feed=feed).stdout, len(wanted)))

    def commit(self, parent: str | None, files: Mapping[str, bytes | None], message: str) -> Committed:
        """Commit files (None removes one) on a parent (None begins the branch); nothing is pushed."""
        written = [path for path, data in files.items() if data is not None]
        done = self._call(
            "writing a commit", "fast-import", "--quiet", "--force", "--date-format=now",
            feed=b"".join(self._stream(parent, files, message)),
        )  # fmt: skip
        commit, *blobs = done.line.split()
        return Committed(commit, dict(zip(written, blobs, strict=True)))

    def squashed(self, commit: str, message: str) -> str | None:
        """Return a new commit of the same files without a past, not pushed yet; None where it has none already."""
        header = self._call("reading the branch", "cat-file", "commit", commit).line.partition("\n\n")[0]
        if not any(line.startswith("parent ") for line in header.splitlines()):
            return None
        name, _, address = self._author.removesuffix(">").partition(" <")
        who = ("-c", f"user.name={name}", "-c", f"user.email={address}")
        return self._call("writing a commit", *who, "commit-tree", f"{commit}^{{tree}}", "-m", message).line

    def push(self, commit: str, over: str | None) -> PublishFailed | None:
        """Make a commit the newest if `over` still is; return None, or the refusal where somebody was faster.

        Raises PublishFailed where the remote refuses, or cannot be reached.
        """
        lease = f"--force-with-lease={self._name}:{over or ''}"
        answer = self._git.call(
            "push", "--porcelain", "--no-verify", "--no-signed", lease, REMOTE, f"{commit}:{self._name}"
        )
        if not answer.code:
            return None
        failure = fault(answer, "pushing to the branch", self.place)
        if was_overtaken(answer):
            return failure
        if self._holds(commit):
            return None
        raise failure

    def _holds(self, commit: str) -> bool:
        """Say whether the remote took a commit although its answer got lost."""
        try:
            return self.tip() == commit
        except PublishFailed:
            return False

    def _fetch(self, ids: list[str]) -> None:
        """Fetch blobs together that git would fetch one by one; where that fails, git says why when it does."""
        missing = [one for one in ids if one not in self._fetched]
        if self._filtered and missing:
            self._git.call(
                "-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
                "--filter=blob:none", "--stdin", REMOTE, feed="".join(f"{one}\n" for one in missing).encode(),
            )  # fmt: skip
            self._fetched.update(missing)

    def _stream(self, parent: str | None, files: Mapping[str, bytes | None], message: str) -> Iterator[bytes]:
        """Yield what fast-import reads: the blobs, the commit, and the question for all their ids."""
        written = {path: data for path, data in files.items() if data is not None}
        for mark, data in enumerate(written.values(), start=2):
            yield f"blob\nmark :{mark}\n".encode() + _counted(data)
        yield f"commit {_DRAFT}\nmark :1\ncommitter {self._author} now\n".encode() + _counted(message.encode())
        if parent is not None:
            yield f"from {parent}\n".encode()
        for path in files.keys() - written.keys():
            yield f"D {path}\n".encode()
        for mark, path in enumerate(written, start=2):
            yield f"M 100644 :{mark} {path}\n".encode()
        yield "".join(f"get-mark :{mark}\n" for mark in range(1, len(written) + 2)).encode()

    def _call(self, doing: str, *arguments: str, feed: bytes = b"") -> Answer:
        answer = self._git.call(*arguments, feed=feed)
        self._require(answer, doing)
        return answer

    def _require(self, answer: Answer, doing: str) -> None:
        if answer.code:
            raise fault(answer, doing, self.place)


def _paths(paths: Iterable[str]) -> tuple[str, ...]:
    return ("--", *filter(None, paths))


def _counted(data: bytes) -> bytes:
    return f"data {len(data)}\n".encode() + data + b"\n"


def _listed(answer: Answer) -> Iterator[tuple[str, str, str]]:
    """Yield kind, id and path of each line of ls-tree."""
    for line in filter(None, answer.stdout.decode("utf-8", "surrogateescape").split("\0")):
        head, _, path = line.partition("\t")
        _, kind, found = head.split()
        yield kind, found, path


def _contents(output: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield id and content of each object that `cat-file --batch` printed."""
    start = 0
    for _ in range(count):
        end = output.index(b"\n", start)
        found, _, size = output[start:end].decode().split()
        start = end + 1 + int(size)
        yield found, output[end + 1 : start]
        start += 1
