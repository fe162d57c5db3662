"""The store in a local folder: one file per key, the entries in each folder's `index.json`, one writer at a time."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import assert_never

from lens_gate.errors import ConditionFailed, NotStored, PublishFailed
from lens_gate.stores.base import Condition, ETag, Listing, Stored, check_key
from lens_gate.stores.days import newest_first
from lens_gate.stores.files import read_file, write_file
from lens_gate.stores.index_file import INDEX, Entries, read_index, split_key, with_entry, write_index
from lens_gate.vocabulary.index import IndexEntry

_LOCK = ".lock"


class FileStore:
    """Implements Store on a folder; the tag of a file is the digest of its content."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.root)

    def get(self, key: str) -> bytes:
        """Return the bytes; NotStored where there are none."""
        return self.read(key).data

    def read(self, key: str) -> Stored:
        """Return the bytes with their tag; NotStored where there are none."""
        path = self._path(key)
        if not path.is_file():
            raise self._not_stored(key)
        data = read_file(path)
        return Stored(data, _etag(data))

    def put(self, key: str, data: bytes, entry: IndexEntry | None = None, condition: Condition = "none") -> ETag:
        """Write the bytes and their entry, and return the new tag.

        Raises ConditionFailed where the condition does not hold, PublishFailed where the folder cannot be written.
        """
        path = self._path(key)
        with self._locked():
            self._require(key, condition)
            # The bytes go first: a kill in between leaves an entry that is old or missing, never one of nothing.
            write_file(path, data)
            self._index(key, entry)
        return _etag(data)

    def delete(self, key: str, condition: Condition = "none") -> None:
        """Remove a key and its entry; NotStored where there is none, ConditionFailed where it holds something else."""
        path = self._path(key)
        with self._locked():
            if not path.is_file():
                raise self._not_stored(key)
            self._require(key, condition)
            self._index(key, None)  # first, so that a kill in between leaves no entry of nothing
            self._unlink(path)

    def list(self, prefix: str = "") -> tuple[Listing, ...]:
        """Return the keys that start with `prefix`, sorted, with their entries."""
        folder = prefix.rpartition("/")[0]
        keys = sorted(key for key in self._keys(self.root / folder) if key.startswith(prefix))
        entries = {name: self._entries(name) for name in {key.rpartition("/")[0] for key in keys}}
        return tuple(Listing(key, entries[key.rpartition("/")[0]].get(key.rpartition("/")[2])) for key in keys)

    def newest(self, folder: str, count: int) -> tuple[Listing, ...]:
        """Return the `count` newest keys with an entry below a folder of days, newest first, reading few indexes."""
        return newest_first(folder, count, folders=self._folders, entries=self._entries)

    def _path(self, key: str) -> Path:
        split_key(key, place=self.place)
        return self.root / check_key(key)

    def _folders(self, folder: str) -> tuple[str, ...]:
        path = self.root / folder
        return tuple(one.name for one in path.iterdir() if one.is_dir()) if path.is_dir() else ()

    def _keys(self, folder: Path) -> Iterator[str]:
        for path in folder.rglob("*"):
            parts = path.relative_to(self.root).parts
            if path.is_file() and parts[-1] != INDEX and not any(part.startswith(".") for part in parts):
                yield "/".join(parts)

    def _entries(self, folder: str) -> Entries:
        path = self.root / folder / INDEX
        return read_index(read_file(path), place=str(path)) if path.exists() else {}

    def _index(self, key: str, entry: IndexEntry | None) -> None:
        folder, name = split_key(key, place=self.place)
        old = self._entries(folder)
        new = with_entry(old, name, entry)
        if new != old:
            write_file(self.root / folder / INDEX, write_index(new))

    def _unlink(self, path: Path) -> None:
        try:
            path.unlink()
        except OSError as error:
            raise self._unwritable(error) from error

    def _require(self, key: str, condition: Condition) -> None:
        if not _holds(self.root / key, condition):
            raise ConditionFailed(
                f"{key} does not hold what was to be replaced", place=self.place, hint="Read it again, then retry."
            )

    def _not_stored(self, key: str) -> NotStored:
        return NotStored(f"nothing is stored under {key}", place=self.place, hint="List the store to see its keys.")

    def _unwritable(self, error: OSError) -> PublishFailed:
        return PublishFailed(
            f"the store cannot be written: {error.strerror}", place=self.place, hint="Check its permissions."
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self.root / _LOCK
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = path.open("ab")
        except OSError as error:
            raise self._unwritable(error) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # closing the file, or the death of this process, releases it
            yield


def _holds(path: Path, condition: Condition) -> bool:
    if isinstance(condition, ETag):
        return path.is_file() and _etag(read_file(path)) == condition
    match condition:
        case "absent":
            return not path.exists()
        case "none":
            return True
        case _ as unreachable:
            assert_never(unreachable)


def _etag(data: bytes) -> ETag:
    return ETag(hashlib.sha256(data).hexdigest())
