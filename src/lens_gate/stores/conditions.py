"""What all stores have in common about conditions: whether one holds, what is said where it does not, and retrying."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import assert_never

from lens_gate.errors import ConditionFailed, NotStored
from lens_gate.stores.base import Condition, ETag


def require(held: str | None, condition: Condition, key: str, place: str) -> None:
    """Raise ConditionFailed where a condition does not hold of what a key holds (None: nothing), by its tag."""
    if not _holds(held, condition):
        raise condition_failed(key, place)


def _holds(held: str | None, condition: Condition) -> bool:
    if isinstance(condition, ETag):
        return held == condition
    match condition:
        case "absent":
            return held is None
        case "none":
            return True
        case _ as unreachable:
            assert_never(unreachable)


def not_stored(key: str, place: str) -> NotStored:
    """Return the error of a key that holds nothing."""
    return NotStored(f"nothing is stored under {key}", place=place, hint="List the store to see its keys.")


def condition_failed(key: str, place: str) -> ConditionFailed:
    """Return the error of a condition that does not hold."""
    return ConditionFailed(
        f"{key} does not hold what was to be replaced", place=place, hint="Read it again, then retry."
    )


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a write is tried that others were faster with, and the random pauses in between, in seconds."""

    rng: Random
    sleep: Callable[[float], None]
    attempts: int = 60
    longest_pause_s: float = 1.0
    shortest_pause_s: float = 0.05

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers of the attempts, with a pause between two of them, at first a short one."""
        for number in range(self.attempts):
            if number:
                longest = self.shortest_pause_s * 2 ** (number - 1)
                self.sleep(self.rng.uniform(0, min(self.longest_pause_s, longest)))
            yield number
