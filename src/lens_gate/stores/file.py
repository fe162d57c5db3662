"""The store in a local folder: one file per key, the entries in each folder's `index.json`, one writer at a time."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lens_gate.errors import PublishFailed
from lens_gate.stores.base import Condition, ETag, Listing, Tagged, check_prefix, is_key
from lens_gate.stores.conditions import not_stored, require
from lens_gate.stores.days import newest_first
from lens_gate.stores.files import write_file
from lens_gate.stores.index_file import INDEX, Entries, read_index, split_key, with_entry, write_index
from lens_gate.vocabulary.index import IndexEntry

_LOCK = ".lock"


class FileStore:
    """Implements Store on a folder; the tag of a file is the digest of its content.

    Writers take turns by a lock on `.lock`, which the death of a process releases. No entry ever speaks of other bytes
    than those it was put with: a key that is replaced has none for a moment, and after a kill in that moment.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.root)

    def get(self, key: str) -> bytes:
        """Return the bytes; NotStored where there are none."""
        return self.read(key).data

    def read(self, key: str) -> Tagged:
        """Return the bytes with their tag; NotStored where there are none."""
        self._split(key)
        data = self._content(self.root / key)
        if data is None:
            raise not_stored(key, self.place)
        return Tagged(data, _etag(data))

    def entry(self, key: str) -> IndexEntry | None:
        """Return the entry of a key, from the index of its folder; None where there is none."""
        folder, name = self._split(key)
        entry = self._entries(folder).get(name)
        return entry if self._exists(key) else None

    def put(self, key: str, data: bytes, entry: IndexEntry | None = None, condition: Condition = "none") -> ETag:
        """Write the bytes and their entry, and return the new tag.

        Raises ConditionFailed where the condition does not hold, PublishFailed where the folder cannot be written.
        """
        folder, name = self._split(key)
        with self._locked():
            self._require(key, condition)
            old = self._entries(folder)  # read first: where the index is broken, nothing is replaced
            bare = self._reindex(folder, old, with_entry(old, name, None))
            try:
                write_file(self.root / key, data)
            except PublishFailed:
                with suppress(PublishFailed):  # a full disk has room for it: it is what was there before
                    self._reindex(folder, bare, old)
                raise
            self._reindex(folder, bare, with_entry(bare, name, entry))
        return _etag(data)

    def delete(self, key: str, condition: Condition = "none") -> None:
        """Remove a key and its entry; NotStored where there is none, ConditionFailed where it holds something else."""
        folder, name = self._split(key)
        with self._locked():
            if not self._exists(key):
                raise not_stored(key, self.place)
            self._require(key, condition)
            old = self._entries(folder)
            self._reindex(folder, old, with_entry(old, name, None))
            with self._said("written"):
                (self.root / key).unlink()

    def list(self, prefix: str = "") -> tuple[Listing, ...]:
        """Return the keys that start with `prefix`, sorted, with their entries."""
        folder = check_prefix(prefix).rpartition("/")[0]
        keys = sorted(key for key in self._keys(self.root / folder) if key.startswith(prefix))
        entries = {name: self._entries(name) for name in {key.rpartition("/")[0] for key in keys}}
        return tuple(Listing(key, entries[key.rpartition("/")[0]].get(key.rpartition("/")[2])) for key in keys)

    def newest(self, folder: str, count: int, *, until: str | None = None) -> tuple[Listing, ...]:
        """Return the `count` newest keys with an entry below a folder of days, newest first, reading few indexes."""
        return newest_first(check_prefix(folder), count, until, folders=self._folders, entries=self._entries)

    def _split(self, key: str) -> tuple[str, str]:
        return split_key(key, place=self.place)

    def _content(self, path: Path) -> bytes | None:
        with self._said("read"):
            try:
                return path.read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def _folders(self, folder: str) -> tuple[str, ...]:
        path = self.root / folder
        with self._said("read"):
            return tuple(one.name for one in path.iterdir() if one.is_dir()) if path.is_dir() else ()

    def _keys(self, folder: Path) -> Iterator[str]:
        for path in folder.rglob("*"):
            key = path.relative_to(self.root).as_posix()
            if path.name != INDEX and is_key(key) and path.is_file():
                yield key

    def _entries(self, folder: str) -> Entries:
        path = self.root / folder / INDEX
        data = self._content(path)
        return {} if data is None else read_index(data, place=str(path))

    def _reindex(self, folder: str, old: Entries, new: Entries) -> Entries:
        if new != old:
            write_file(self.root / folder / INDEX, write_index(new))
        return new

    def _require(self, key: str, condition: Condition) -> None:
        held: str | None = "something" if self._exists(key) else None
        if held is not None and isinstance(condition, ETag):
            data = self._content(self.root / key)
            held = None if data is None else _etag(data)
        require(held, condition, key, self.place)

    def _exists(self, key: str) -> bool:
        with self._said("read"):
            return (self.root / key).is_file()

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        """Say in our own errors why the folder cannot be read, or written."""
        try:
            yield
        except OSError as error:
            raise PublishFailed(
                f"the store cannot be {what}: {error.strerror}", place=self.place, hint="Check its permissions."
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._said("written"):
            self.root.mkdir(parents=True, exist_ok=True)
            lock = (self.root / _LOCK).open("ab")
        with lock:
            with self._said("locked"):
                fcntl.flock(lock, fcntl.LOCK_EX)  # closing the file, or the death of this process, releases it
            yield


def _etag(data: bytes) -> ETag:
    return ETag(hashlib.sha256(data).hexdigest())
