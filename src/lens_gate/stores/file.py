"""The store in a local folder: one file per key, the entries in `index.json`, one writer at a time by a file lock."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, assert_never

from pydantic import TypeAdapter, ValidationError

from lens_gate.errors import ArtifactCorrupt, ConditionFailed, NotStored, PublishFailed, UsageProblem
from lens_gate.stores.base import Condition, ETag, Listing, Stored, check_key
from lens_gate.stores.files import read_file, write_file
from lens_gate.vocabulary.index import IndexEntry

INDEX = "index.json"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class _Index:
    schema_version: Literal[1]
    entries: dict[str, IndexEntry]


_INDEX = TypeAdapter(_Index)


class FileStore:
    """Implements Store on a folder; the tag of a file is the digest of its content."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get(self, key: str) -> bytes:
        """Return the bytes; NotStored where there are none."""
        return self.read(key).data

    def read(self, key: str) -> Stored:
        """Return the bytes with their tag; NotStored where there are none."""
        path = self._path(key)
        if not path.is_file():
            raise NotStored(
                f"nothing is stored under {key}", place=str(self.root), hint="List the store to see its keys."
            )
        data = read_file(path)
        return Stored(data, _etag(data))

    def put(self, key: str, data: bytes, entry: IndexEntry | None = None, condition: Condition = "none") -> ETag:
        """Write the bytes and their entry, and return the new tag.

        Raises ConditionFailed where the condition does not hold, PublishFailed where the folder cannot be written.
        """
        path = self._path(key)
        with self._locked():
            if not _holds(path, condition):
                raise ConditionFailed(
                    f"{key} does not hold what was to be replaced",
                    place=str(self.root),
                    hint="Read it again, then retry.",
                )
            # The bytes go first: a kill in between leaves an entry that is old or missing, never one of nothing.
            write_file(path, data)
            self._index(key, entry)
        return _etag(data)

    def list(self, prefix: str = "") -> tuple[Listing, ...]:
        """Return the keys that start with `prefix`, sorted, with their entries."""
        entries = self._entries()
        keys = sorted(key for key in self._keys() if key.startswith(prefix))
        return tuple(Listing(key, entries.get(key)) for key in keys)

    def _path(self, key: str) -> Path:
        if key == INDEX:
            raise UsageProblem(f"{INDEX} is the store's own file", place=str(self.root), hint="Take another key.")
        return self.root / check_key(key)

    def _keys(self) -> Iterator[str]:
        for path in self.root.rglob("*"):
            parts = path.relative_to(self.root).parts
            if path.is_file() and parts != (INDEX,) and not any(part.startswith(".") for part in parts):
                yield "/".join(parts)

    def _entries(self) -> dict[str, IndexEntry]:
        path = self.root / INDEX
        if not path.exists():
            return {}
        try:
            return _INDEX.validate_json(read_file(path)).entries
        except ValidationError as error:
            raise ArtifactCorrupt(
                "this is not the index of a store",
                place=str(path),
                hint="Restore it, or delete it: the stored files stay, only what is said of them is lost.",
            ) from error

    def _index(self, key: str, entry: IndexEntry | None) -> None:
        old = self._entries()
        others = {name: kept for name, kept in old.items() if name != key}
        new = others if entry is None else {**others, key: entry}
        if new != old:
            index = _Index(schema_version=1, entries=dict(sorted(new.items())))
            write_file(self.root / INDEX, _INDEX.dump_json(index, indent=2) + b"\n")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self.root / _LOCK
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = path.open("ab")
        except OSError as error:
            raise PublishFailed(
                f"the store cannot be written: {error.strerror}", place=str(self.root), hint="Check its permissions."
            ) from error
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
