"""The port behind the stores in object stores: what one prefix of one bucket can do, and what is asked of all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from lens_gate.errors import ConditionFailed, ConditionsIgnored
from lens_gate.stores.base import Condition, ETag, Tagged
from lens_gate.stores.conditions import condition_failed

PROBE = ".lens-gate/conditions"
"""What is written to find out whether a store honours conditions; no key of an artifact starts with a dot."""

_PROBED = b"This object shows whether the store honours conditional writes. It may be deleted at any time.\n"

MARK = "lens-gate-write"
"""The name of the metadata by which a write is known again."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a store says of an object without its bytes: its tag, and the mark of the write that it comes from."""

    etag: ETag
    mark: str | None


def own_write(found: Written | None, mark: str, key: str, place: str) -> ETag:
    """Return the tag of our own write, which was refused when it was sent again as its answer had got lost.

    Raises ConditionFailed where the object comes from another one.
    """
    if found is None or found.mark != mark:
        raise condition_failed(key, place)
    return found.etag


class Objects(Protocol):
    """The objects of one bucket whose names start with one prefix, which the keys here leave out.

    Every method raises PublishFailed where the store cannot be reached, or does not let us: in words that name what was
    tried, and without a secret. An implementation sends a request again where the network or the store failed in
    passing, within bounds, and never takes its own write for that of another.
    """

    @property
    def place(self) -> str:
        """The address, for people."""
        ...

    @property
    def foreign_tag(self) -> ETag:
        """A tag that the store understands, and no object of it bears."""
        ...

    def get(self, key: str) -> Tagged | None:
        """Return an object, or None where there is none."""
        ...

    def tag(self, key: str) -> ETag | None:
        """Return the tag of an object without reading it."""
        ...

    def put(self, key: str, data: bytes, condition: Condition) -> ETag:
        """Write an object as a whole; ConditionFailed where the store says that the condition does not hold."""
        ...

    def delete(self, key: str, condition: Condition) -> None:
        """Remove an object; one that is gone already is no failure, ConditionFailed as in `put`."""
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield all keys that start with a prefix, page by page."""
        ...

    def folders(self, folder: str) -> tuple[str, ...]:
        """Name the folders right below one (empty, or ending in `/`), without listing what is in them."""
        ...


class Conditions:
    """Whether the store honours conditional writes, found out once, when it is first asked.

    Some stores that speak the language of S3 take every write, whatever its condition. To believe them would let one
    writer undo another's work in silence.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._honoured: bool | None = None

    def honoured(self) -> bool:
        """Write a key twice as a new one, then in place of what it never held: the store has to refuse both."""
        if self._honoured is None:
            refuses_second = self._refuses("absent") or self._refuses("absent")
            self._honoured = refuses_second and self._refuses(self._objects.foreign_tag)
        return self._honoured

    def require(self) -> None:
        """Raise ConditionsIgnored where they are."""
        if not self.honoured():
            raise ConditionsIgnored(
                "this store ignores conditional writes, so that of two writers at the same time one would undo the"
                " other's baseline",
                place=self._objects.place,
                hint="Keep baselines in Amazon S3, Google Cloud Storage or another store with conditional writes, or at"
                " git:BRANCH, sqlite:///FILE or postgresql://…; a history of runs may stay here.",
            )

    def _refuses(self, condition: Condition) -> bool:
        try:
            self._objects.put(PROBE, _PROBED, condition)
        except ConditionFailed:
            return True
        return False


def content_type(key: str) -> str:
    """Return the type of what a key holds; a compressed file is one, and not to be unpacked on the way."""
    _, _, ending = key.rpartition(".")
    types = {"gz": "application/gzip", "json": "application/json", "html": "text/html; charset=utf-8"}
    return types.get(ending, "application/octet-stream")
