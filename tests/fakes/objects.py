"""An object store in memory, that honours conditions or ignores them, counts its requests, and can be told to fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from lens_gate.errors import ConditionFailed
from lens_gate.stores.base import Condition, ETag, Tagged

Before = Callable[[str, str], None]
"""Called with the action and the key before each request: it may raise, or use the store itself."""


class MemoryObjects:
    """Implements Objects; `honours` are the kinds of conditions that it does not ignore."""

    place = "memory://bucket"
    foreign_tag = ETag("0")

    def __init__(self, honours: frozenset[str] = frozenset({"absent", "tag"})) -> None:
        self.honours = honours
        self.held: dict[str, Tagged] = {}
        self.requests: list[tuple[str, str]] = []
        self.bytes_read = 0
        self.before: Before | None = None
        self._writes = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> Tagged | None:
        self._asked("get", key)
        found = self.held.get(key)
        self.bytes_read += len(found.data) if found else 0
        return found

    def tag(self, key: str) -> ETag | None:
        self._asked("tag", key)
        found = self.held.get(key)
        return found.etag if found else None

    def put(self, key: str, data: bytes, condition: Condition) -> ETag:
        self._asked("put", key)
        with self._lock:
            self._require(key, condition)
            self._writes += 1
            etag = ETag(self._writes)
            self.held[key] = Tagged(data, etag)
            return etag

    def delete(self, key: str, condition: Condition) -> None:
        self._asked("delete", key)
        with self._lock:
            if key in self.held:
                self._require(key, condition)
                del self.held[key]

    def keys(self, prefix: str) -> Iterator[str]:
        self._asked("keys", prefix)
        yield from [key for key in list(self.held) if key.startswith(prefix)]

    def folders(self, folder: str) -> tuple[str, ...]:
        self._asked("folders", folder)
        rests = [key.removeprefix(folder) for key in list(self.held) if key.startswith(folder)]
        return tuple(dict.fromkeys(rest.partition("/")[0] for rest in rests if "/" in rest))

    def _asked(self, action: str, key: str) -> None:
        if self.before is not None:
            self.before(action, key)
        self.requests.append((action, key))

    def _require(self, key: str, condition: Condition) -> None:
        held = self.held.get(key)
        match condition:
            case "absent":
                fails = "absent" in self.honours and held is not None
            case "none":
                fails = False
            case _:
                fails = "tag" in self.honours and (held is None or held.etag != condition)
        if fails:
            raise ConditionFailed(f"{key} holds something else", place=self.place)
