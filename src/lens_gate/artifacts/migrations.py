"""How older artifacts become current ones: one function per version, each one step, on plain dicts.

A step takes the document of version n and returns that of n + 1. It is total (it accepts any dict: what is damaged is
told by the model that reads the result) and leaves its argument alone. Blocks of a sidecar are documents of the kind
`samples`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from pydantic import JsonValue

Document: TypeAlias = dict[str, JsonValue]
Step: TypeAlias = Callable[[Document], Document]
Steps: TypeAlias = Mapping[tuple[str, int], Step]
"""By kind, and the version that the step starts from."""

STEPS: Steps = {}
"""Empty while every kind is at its first version."""


def oldest_version(kind: str, *, current: int, steps: Steps = STEPS) -> int:
    """Return the oldest version of `kind` from which an unbroken chain of steps leads to the current one."""
    version = current
    while (kind, version - 1) in steps:
        version -= 1
    return version


def migrate(document: Document, *, kind: str, version: int, current: int, steps: Steps = STEPS) -> Document:
    """Take a document from its version to the current one; a current document comes back as it is.

    The version must not be older than `oldest_version`.
    """
    for start in range(version, current):
        document = steps[kind, start](document)
    return document
