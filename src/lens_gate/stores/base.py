"""The port of every store: bytes under keys, and conditional writes so that concurrent writers lose nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from lens_gate.errors import UsageProblem
from lens_gate.vocabulary.index import IndexEntry

_KEY = re.compile(r"[A-Za-z0-9_+=@,-][A-Za-z0-9._+=@,-]*(/[A-Za-z0-9_+=@,-][A-Za-z0-9._+=@,-]*)*")
_LONGEST_KEY = 512
_LONGEST_NAME = 200


class ETag(str):
    """What a store calls the bytes that a key holds now: a digest, generation, commit or row version; opaque."""

    __slots__ = ()


Condition: TypeAlias = Literal["none", "absent"] | ETag
"""`none` writes always, `absent` only a new key, an ETag only while the key still holds what bears it."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """The bytes of a key, and the tag by which they can be replaced."""

    data: bytes
    etag: ETag


@dataclass(frozen=True, slots=True)
class Listing:
    """One key, and the entry it was put with, without the points of its series and the configuration."""

    key: str
    entry: IndexEntry | None


class Store(Protocol):
    """A keeper of bytes; the keys are paths with `/`, see `check_key`.

    Every method raises PublishFailed where the store cannot be reached or written, with the place and the next step.
    """

    @property
    def place(self) -> str:
        """The address, for people: it holds no password."""
        ...

    def get(self, key: str) -> bytes:
        """Return the bytes; NotStored where there are none."""
        ...

    def read(self, key: str) -> Tagged:
        """Return the bytes with their tag, to replace them later; NotStored where there are none."""
        ...

    def entry(self, key: str) -> IndexEntry | None:
        """Return the entry of a key as `list` does, without opening what it holds; None where there is none."""
        ...

    def put(self, key: str, data: bytes, entry: IndexEntry | None = None, condition: Condition = "none") -> ETag:
        """Write the bytes and their entry, and return the new tag.

        Raises ConditionFailed where the condition does not hold, and ConditionsIgnored where the store is known to
        ignore conditions and one was asked for.
        """
        ...

    def delete(self, key: str, condition: Condition = "none") -> None:
        """Remove a key and its entry; NotStored where there is none, ConditionFailed where it holds something else."""
        ...

    def list(self, prefix: str = "") -> tuple[Listing, ...]:
        """Return the keys that start with `prefix` (see `check_prefix`), sorted, without opening what they hold."""
        ...

    def newest(self, folder: str, count: int, *, until: str | None = None) -> tuple[Listing, ...]:
        """Return the `count` newest keys with an entry below a folder of days, newest first, reading little more.

        Such a folder holds keys like `2026/03/02/commit-91d04e7.json`: newest by day, then by the entry's `created_at`.
        Days after `until` (`2026/03/02`) are not looked at.
        """
        ...


@runtime_checkable
class Compacts(Protocol):
    """A store that keeps what was replaced or removed, and can forget it."""

    def compact(self) -> None:
        """Keep only what is stored now."""
        ...


@runtime_checkable
class RemovesTogether(Protocol):
    """A store of which each write takes long, and which can remove many keys by one."""

    def delete_all(self, choose: Callable[[], Sequence[str]]) -> None:
        """Remove the chosen keys and their entries, all or none.

        They are chosen anew where somebody wrote in between, so that what became worth keeping stays.
        """
        ...


def is_key(text: str) -> bool:
    """Say whether every store can hold this key."""
    fits = len(text) <= _LONGEST_KEY and all(len(name) <= _LONGEST_NAME for name in text.split("/"))
    return fits and _KEY.fullmatch(text) is not None


def check_key(key: str) -> str:
    """Return the key if every store can hold it: segments of letters, digits and `._+=@,-`, none starting with a dot.

    Raises UsageProblem otherwise.
    """
    if is_key(key):
        return key
    raise UsageProblem(
        f"{key[:80]!r} cannot be the key of a stored file",
        hint=f"Use letters, digits and ._+=@,- in segments of up to {_LONGEST_NAME} characters split by /, none of them"
        f" starting with a dot, and up to {_LONGEST_KEY} characters in all.",
    )


def check_prefix(prefix: str) -> str:
    """Return the prefix if some key can start with it: it is empty, a key, or a key and a slash.

    Raises UsageProblem otherwise.
    """
    if not prefix or is_key(prefix.removesuffix("/")):
        return prefix
    raise UsageProblem(
        f"no key of a stored file starts with {prefix[:80]!r}", hint="Name a folder, as in results/2026/, or nothing."
    )
