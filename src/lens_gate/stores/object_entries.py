"""The entries of folders in an object store, so that writers at the same time lose none.

Where conditions are honoured, the entries of a folder are one `index.json`: it is read, merged, and written only in
place of what was read. Where they are ignored, that would lose what others add in between: there each entry is an
object of its own, in `.entries/` of its folder, which takes a request for each to read. A folder has the one or the
other. Who writes after it was moved between the two kinds of stores takes over what the other kind left: an index,
where there is one, says all.
"""

from __future__ import annotations

from lens_gate.errors import ConditionFailed, PublishFailed
from lens_gate.stores.base import ETag
from lens_gate.stores.conditions import Retries
from lens_gate.stores.index_file import INDEX, Entries, read_index, split_key, with_entry, write_index
from lens_gate.stores.objects import Conditions, Objects
from lens_gate.vocabulary.index import IndexEntry

_APART = ".entries/"
_ENDING = ".json"


class ObjectEntries:
    """Reads and changes the entries of folders (empty, or ending in `/`)."""

    def __init__(self, objects: Objects, conditions: Conditions, retries: Retries) -> None:
        self._objects = objects
        self._conditions = conditions
        self._retries = retries

    def read(self, folder: str) -> Entries:
        """Return the entries of a folder; StoreDamaged where they are none."""
        index = self._index(folder)
        return self._apart(folder) if index is None else index[0]

    def set(self, key: str, entry: IndexEntry, tag: ETag) -> None:
        """Give a key its entry while it holds what bears the tag: else whoever replaced that says what it is."""
        self._change(key, entry, tag)
        if self._objects.tag(key) is None:  # deleted meanwhile by one who saw no entry yet to take away
            self.drop(key, None)

    def get(self, key: str) -> IndexEntry | None:
        """Return the entry of a key, reading no other that is apart; None where it has none."""
        folder, name = split_key(key, place=self._objects.place)
        index = self._index(folder)
        if index is not None:
            return index[0].get(name)
        apart = _apart_key(folder, name)
        found = self._objects.get(apart)
        return None if found is None else self._parse(apart, found.data).get(name)

    def has(self, key: str) -> bool:
        """Say whether a key has an entry, without reading those that are apart."""
        folder, name = split_key(key, place=self._objects.place)
        index = self._index(folder)
        return self._objects.tag(_apart_key(folder, name)) is not None if index is None else name in index[0]

    def drop(self, key: str, tag: ETag | None) -> None:
        """Take a key's entry away while the key holds what bears the tag (None: while it holds nothing)."""
        if self.has(key):
            self._change(key, None, tag)

    def _change(self, key: str, entry: IndexEntry | None, tag: ETag | None) -> None:
        if self._conditions.honoured():
            self._merge(key, entry, tag)
        else:
            self._change_apart(key, entry)

    def _merge(self, key: str, entry: IndexEntry | None, tag: ETag | None) -> None:
        folder, name = split_key(key, place=self._objects.place)
        for _ in self._retries:
            index = self._index(folder)
            old = self._apart(folder) if index is None else index[0]
            new = with_entry(old, name, entry)
            # Asked after the index was read: who replaces the key later than this also changes the index later than
            # it was read here, which fails this write or comes after it.
            if new == old or self._objects.tag(key) != tag:
                return
            try:
                self._objects.put(folder + INDEX, write_index(new), "absent" if index is None else index[1])
            except ConditionFailed:
                continue
            return
        raise PublishFailed(
            f"{folder}{INDEX} is written by others all the time; {key} is stored, and no history shows it",
            place=self._objects.place,
            hint="Put it again when fewer pipelines write at the same time.",
        )

    def _change_apart(self, key: str, entry: IndexEntry | None) -> None:
        folder, name = split_key(key, place=self._objects.place)
        self._take_apart(folder)
        if entry is None:
            self._objects.delete(_apart_key(folder, name), "none")
        else:
            self._put_apart(folder, name, entry)

    def _take_apart(self, folder: str) -> None:
        """Make objects of the entries of an index; it goes last, as it says all while it is there."""
        index = self._index(folder)
        if index is not None:
            for name, entry in index[0].items():
                self._put_apart(folder, name, entry)
            self._objects.delete(folder + INDEX, "none")

    def _put_apart(self, folder: str, name: str, entry: IndexEntry) -> None:
        self._objects.put(_apart_key(folder, name), write_index(with_entry({}, name, entry)), "none")

    def _index(self, folder: str) -> tuple[Entries, ETag] | None:
        found = self._objects.get(folder + INDEX)
        return None if found is None else (self._parse(folder + INDEX, found.data), found.etag)

    def _apart(self, folder: str) -> Entries:
        entries: dict[str, IndexEntry] = {}
        for key in self._objects.keys(folder + _APART):
            found = self._objects.get(key)
            entries.update({} if found is None else self._parse(key, found.data))
        return entries

    def _parse(self, key: str, data: bytes) -> Entries:
        return read_index(data, place=f"{self._objects.place}/{key}")


def _apart_key(folder: str, name: str) -> str:
    return f"{folder}{_APART}{name}{_ENDING}"
