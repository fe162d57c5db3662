"""The store in an object store: an object per key, and the entries of each folder beside them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from lens_gate.errors import PublishFailed
from lens_gate.stores.base import Condition, ETag, Listing, Tagged, check_prefix, is_key
from lens_gate.stores.conditions import Retries, condition_failed, not_stored
from lens_gate.stores.days import newest_first
from lens_gate.stores.index_file import INDEX, split_key
from lens_gate.stores.object_entries import ObjectEntries
from lens_gate.stores.objects import Conditions, Objects
from lens_gate.vocabulary.index import IndexEntry

_READERS = 8
"""Indexes that a listing reads at the same time."""


class ObjectStore:
    """Implements Store over objects; their tags are what the object store calls them by.

    No entry speaks of other bytes than those it was put with: a key that is replaced has no entry for a moment, and
    after a kill in that moment. Then it has bytes and no entry: `list` shows it, `newest` does not.
    """

    def __init__(self, objects: Objects, retries: Retries) -> None:
        self._objects = objects
        self._conditions = Conditions(objects)
        self._entries = ObjectEntries(objects, self._conditions, retries)

    @property
    def place(self) -> str:
        """The address of bucket and prefix."""
        return self._objects.place

    def get(self, key: str) -> bytes:
        """Return the bytes; NotStored where there are none."""
        return self.read(key).data

    def read(self, key: str) -> Tagged:
        """Return the bytes with their tag; NotStored where there are none."""
        split_key(key, place=self.place)
        found = self._objects.get(key)
        if found is None:
            raise not_stored(key, self.place)
        return found

    def entry(self, key: str) -> IndexEntry | None:
        """Return the entry of a key, from the index of its folder; None where there is none."""
        entry = self._entries.get(key)
        return None if entry is None or self._objects.tag(key) is None else entry

    def put(self, key: str, data: bytes, entry: IndexEntry | None = None, condition: Condition = "none") -> ETag:
        """Write the bytes and their entry, and return the new tag.

        Raises ConditionFailed where the condition does not hold, ConditionsIgnored where one was asked for of a store
        that ignores them.
        """
        split_key(key, place=self.place)
        former = self._clear(key, condition)
        try:
            etag = self._objects.put(key, data, condition)
        except PublishFailed:
            if former is not None:
                self._restore(key, *former)
            raise
        if entry is not None:
            self._entries.set(key, entry, etag)
        return etag

    def delete(self, key: str, condition: Condition = "none") -> None:
        """Remove a key and its entry; NotStored where there is none, ConditionFailed where it holds something else."""
        split_key(key, place=self.place)
        held = self._objects.tag(key)
        if held is None:
            raise not_stored(key, self.place)
        self._require(key, held, condition)
        self._entries.drop(key, held)
        self._objects.delete(key, condition)
        self._entries.drop(key, None)  # of who wrote the key in between, and lost it by this

    def list(self, prefix: str = "") -> tuple[Listing, ...]:
        """Return the keys that start with `prefix`, sorted, with their entries."""
        keys = sorted(key for key in self._objects.keys(check_prefix(prefix)) if _is_shown(key))
        folders = sorted({_folder(key) for key in keys})
        with ThreadPoolExecutor(_READERS) as readers:
            entries = dict(zip(folders, readers.map(self._entries.read, folders), strict=True))
        return tuple(Listing(key, entries[_folder(key)].get(key.rpartition("/")[2])) for key in keys)

    def newest(self, folder: str, count: int, *, until: str | None = None) -> tuple[Listing, ...]:
        """Return the `count` newest keys with an entry below a folder of days, newest first, reading few indexes."""
        top, folders = check_prefix(folder), self._objects.folders
        return newest_first(top, count, until, folders=folders, entries=self._entries.read)

    def _clear(self, key: str, condition: Condition) -> tuple[IndexEntry, ETag | None] | None:
        """Take away the entry of what is about to be replaced, unless the condition fails already, and return both."""
        entry = self._entries.get(key)  # in any case: where the index is broken, nothing is replaced
        held = self._objects.tag(key) if entry is not None or isinstance(condition, ETag) else None
        self._require(key, held, condition)
        if entry is None:
            return None
        self._entries.drop(key, held)
        return entry, held

    def _restore(self, key: str, entry: IndexEntry, held: ETag | None) -> None:
        """Give what was not replaced its entry again, as far as the store can still be reached."""
        with suppress(PublishFailed):
            if held is not None and self._objects.tag(key) == held:
                self._entries.set(key, entry, held)

    def _require(self, key: str, held: ETag | None, condition: Condition) -> None:
        wanted = condition if isinstance(condition, ETag) else None
        if wanted is None and condition == "none":
            return
        self._conditions.require()
        if held != wanted:
            raise condition_failed(key, self.place)


def _is_shown(key: str) -> bool:
    return is_key(key) and key.rpartition("/")[2] != INDEX


def _folder(key: str) -> str:
    head, slash, _ = key.rpartition("/")
    return head + slash
