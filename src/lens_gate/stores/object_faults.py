"""What went wrong between us and any object store: what was tried, and the words for what the client raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from lens_gate.errors import PublishFailed

Words: TypeAlias = tuple[str, str]
"""What happened, and the next step."""

WordsByType: TypeAlias = tuple[tuple[type[Exception] | tuple[type[Exception], ...], Words], ...]
"""The words for exceptions of a client, the most special kinds first."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What was tried: an action, as the store's policies call it, on a key (empty: none), at an endpoint if known."""

    place: str
    action: str
    key: str
    endpoint: str | None = None

    def failed(self, words: Words) -> PublishFailed:
        """Return the error that says so."""
        message, hint = words
        what = f"{self.action} on {self.key}" if self.key else self.action
        return PublishFailed(f"{what}: {message}", place=self.place, hint=hint)


def words_for(error: Exception, known: WordsByType, *, otherwise: str) -> Words:
    """Return the words for an exception of a client; of one that nobody knows its type, and the hint `otherwise`."""
    for kinds, words in known:
        if isinstance(error, kinds):
            return words
    return f"the client failed with {type(error).__name__}", otherwise
