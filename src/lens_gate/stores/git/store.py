"""The store on a branch of git: a file per key, its entry in a small file of its own, both in one commit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lens_gate.errors import NotStored, PublishFailed, UsageProblem
from lens_gate.stores.base import Condition, ETag, Listing, Tagged, check_prefix, is_key
from lens_gate.stores.conditions import Retries, not_stored
from lens_gate.stores.conditions import require as require_held
from lens_gate.stores.days import newest_listed
from lens_gate.stores.git.branch import Branch, Committed
from lens_gate.stores.index_file import INDEX, read_index, split_key, with_entry, write_index
from lens_gate.vocabulary.index import IndexEntry

Files: TypeAlias = Mapping[str, bytes | None]
"""What a commit changes: bytes by key, None for what goes."""

_ENTRIES = ".index/"
"""The folder, in each folder, that holds the entries: an index of one entry to a key."""
MARK = ".lens-gate"
"""The file, at the top of a branch, that says that the branch is ours to write and to rewrite."""
_OF_A_DAY = re.compile(r"(\d{2,4}/){3}[^/]+")
_STANDSTILL = 8
"""After how many refusals in a row, over the same commit, nobody is faster any more: some ten seconds."""


@dataclass(slots=True)
class _Standstill:
    """Others that are faster move the branch: where it stands still, git is stopped by something else."""

    tip: str | None = ""
    count: int = 0

    def after(self, refusal: PublishFailed, tip: str | None) -> None:
        """Count a push over `tip` that was refused; raises the refusal where nothing has moved for many tries."""
        self.count = self.count + 1 if tip == self.tip else 0
        self.tip = tip
        if self.count >= _STANDSTILL:
            raise refusal


class GitStore:
    """Implements Store on a folder (empty, or ending in `/`) of a branch; the tag of a key is the id of its blob.

    A write is a commit with the bytes and the entry on top of the newest one, pushed only while that is still the
    newest; else it starts again. Every method looks at the remote anew.
    """

    def __init__(self, branch: Branch, prefix: str, retries: Retries) -> None:
        self._branch = branch
        self._prefix = prefix
        self._retries = retries

    @property
    def place(self) -> str:
        """The address, and the remote."""
        return self._branch.place

    def get(self, key: str) -> bytes:
        """Return the bytes; NotStored where there are none."""
        return self.read(key).data

    def read(self, key: str) -> Tagged:
        """Return the bytes with their tag; NotStored where there are none."""
        split_key(key, place=self.place)
        blob = self._blob(self._branch.tip(), key)
        if blob is None:
            raise not_stored(key, self.place)
        return Tagged(self._branch.blobs([blob])[blob], ETag(blob))

    def entry(self, key: str) -> IndexEntry | None:
        """Return the entry of a key, from its own small file; None where there is none."""
        split_key(key, place=self.place)
        tip, path = self._branch.tip(), _entry_path(key)
        indexed = self._blob(tip, path)
        if indexed is None or self._blob(tip, key) is None:
            return None
        return self._entries({path: indexed}, [key]).get(key)

    def put(self, key: str, data: bytes, entry: IndexEntry | None = None, condition: Condition = "none") -> ETag:
        """Commit the bytes and their entry, and return the new tag.

        Raises ConditionFailed where the condition does not hold, PublishFailed where the remote does not take it.
        """
        _, name = split_key(key, place=self.place)
        indexed = None if entry is None else write_index(with_entry({}, name, entry))

        def change(tip: str | None) -> Files:
            require_held(self._room(tip, key), condition, key, self.place)
            return {key: data, _entry_path(key): indexed}

        committed = self._write(change, f"Store {key}")
        return ETag(committed.blobs[self._prefix + key])

    def delete(self, key: str, condition: Condition = "none") -> None:
        """Remove a key and its entry; NotStored where there is none, ConditionFailed where it holds something else."""
        split_key(key, place=self.place)

        def change(tip: str | None) -> Files:
            blob = self._blob(tip, key)
            if blob is None:
                raise not_stored(key, self.place)
            require_held(blob, condition, key, self.place)
            return dict.fromkeys((key, _entry_path(key)))

        self._write(change, f"Delete {key}")

    def delete_all(self, choose: Callable[[], Sequence[str]]) -> None:
        """Remove the chosen keys and their entries by one commit; they are chosen anew where somebody wrote."""

        def change(_: str | None) -> Files:
            # What is chosen is read after the commit that this one goes on, and a newer one would refuse the push.
            keys = choose()
            for key in keys:
                split_key(key, place=self.place)
            return dict.fromkeys(path for key in keys for path in (key, _entry_path(key)))

        self._write(change, "Delete what is no longer kept")

    def list(self, prefix: str = "") -> tuple[Listing, ...]:
        """Return the keys that start with `prefix`, sorted, with their entries."""
        files = self._files(check_prefix(prefix).rpartition("/")[0])
        keys = sorted(key for key in files if key.startswith(prefix) and _is_shown(key))
        entries = self._entries(files, keys)
        return tuple(Listing(key, entries.get(key)) for key in keys)

    def newest(self, folder: str, count: int, *, until: str | None = None) -> tuple[Listing, ...]:
        """Return the `count` newest keys with an entry below a folder of days, newest first, reading few entries."""
        top = check_prefix(folder).rstrip("/") + "/"
        files = self._files(top)
        days: dict[str, list[str]] = {}
        for key in files:
            if _entry_path(key) in files and _is_of_a_day(key.removeprefix(top)):
                days.setdefault(key.rpartition("/")[0], []).append(key)
        keys: list[str] = []
        for day in sorted(days, key=lambda name: name.split("/"), reverse=True):
            if len(keys) < count and (until is None or day.removeprefix(top) <= until):
                keys += days[day]
        return tuple(newest_listed(self._entries(files, keys))[:count])

    def compact(self) -> None:
        """Make the branch one commit without a past; what is stored stays.

        Raises NotStored where there is no branch, PublishFailed where the remote lets nobody rewrite it.
        """
        standstill = _Standstill()
        for _ in self._retries:
            tip = self._branch.tip()
            if tip is None:
                raise NotStored("there is no such branch", place=self.place, hint="The first write makes it.")
            self._require_ours(tip)
            squashed = self._branch.squashed(tip, "Begin anew from what is stored")
            refusal = None if squashed is None else self._branch.push(squashed, over=tip)
            if refusal is None:
                return
            standstill.after(refusal, tip)
        raise self._overtaken()

    def _write(self, change: Callable[[str | None], Files], message: str) -> Committed:
        """Commit what `change` says of the newest commit on top of it, until the remote takes it."""
        standstill = _Standstill()
        for _ in self._retries:
            tip = self._branch.tip()
            if tip is not None:
                self._require_ours(tip)
            files: dict[str, bytes | None] = {self._prefix + key: data for key, data in change(tip).items()}
            if tip is None:
                files[MARK] = b"Results of lens-gate. This branch is written, and now and then rewritten, by it.\n"
            committed = self._branch.commit(tip, files, message)
            refusal = self._branch.push(committed.commit, over=tip)
            if refusal is None:
                return committed
            standstill.after(refusal, tip)
        raise self._overtaken()

    def _require_ours(self, tip: str) -> None:
        """Refuse a branch that began as something else: the code, above all."""
        if MARK not in self._branch.kinds(tip, [MARK]):
            raise UsageProblem(
                "this branch was not begun by lens-gate, so nothing is written on it",
                place=self.place,
                hint="Name a branch that does not exist yet: it is made, apart from all others.",
            )

    def _files(self, folder: str) -> Mapping[str, str]:
        """Return the blobs of all files below a folder by key."""
        tip, below = self._branch.tip(), self._prefix + (folder and folder.rstrip("/") + "/")
        files = {} if tip is None else self._branch.files(tip, below)
        return {path.removeprefix(self._prefix): blob for path, blob in files.items()}

    def _entries(self, files: Mapping[str, str], keys: Iterable[str]) -> Mapping[str, IndexEntry]:
        """Read the entries of keys that have one."""
        blobs = {key: files[path] for key in keys if (path := _entry_path(key)) in files}
        contents = self._branch.blobs(blobs.values())
        read = {key: read_index(contents[blob], place=self._at(_entry_path(key))) for key, blob in blobs.items()}
        named = {key: entries.get(key.rpartition("/")[2]) for key, entries in read.items()}
        return {key: entry for key, entry in named.items() if entry is not None}

    def _blob(self, tip: str | None, key: str) -> str | None:
        """Return what a key holds in a commit."""
        path = self._prefix + key
        kind, found = ("", "") if tip is None else self._branch.kinds(tip, [path]).get(path, ("", ""))
        return found if kind == "blob" else None

    def _room(self, tip: str | None, key: str) -> str | None:
        """Return what a key holds that is to be written.

        Raises PublishFailed where it is a folder of others, or lies below a file: git would replace those.
        """
        path = self._prefix + key
        parts = path.split("/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts))]
        kinds = {} if tip is None else self._branch.kinds(tip, [*above, path])
        wrong = [one for one in above if kinds.get(one, ("tree", ""))[0] != "tree"]
        kind, blob = kinds.get(path, (None, None))
        if wrong or kind not in {"blob", None}:
            raise PublishFailed(
                f"{key} cannot be stored: a folder and a file would have the same name",
                place=self._at(wrong[0] if wrong else path),
                hint="Take another key.",
            )
        return blob

    def _at(self, path: str) -> str:
        return f"{self.place}: {path}"

    def _overtaken(self) -> PublishFailed:
        return PublishFailed(
            f"others wrote to the branch all the time, {self._retries.attempts} times in a row",
            place=self.place,
            hint="Try again later, or let fewer pipelines write to one branch.",
        )


def _entry_path(key: str) -> str:
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}{_ENTRIES}{name}.json"


def _is_shown(key: str) -> bool:
    return is_key(key) and key.rpartition("/")[2] != INDEX


def _is_of_a_day(path: str) -> bool:
    return _OF_A_DAY.fullmatch(path) is not None
