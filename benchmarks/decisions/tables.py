"""Shares with their standard errors, in Markdown tables, and gates that are drawn by several processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

Drawn = TypeVar("Drawn")


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    count: int
    of: int

    def __str__(self) -> str:
        """Write the share and its standard error in percent; what never or always happened, as so many of so many."""
        if self.of == 0:
            return "–"
        share = self.count / self.of
        if self.count in {0, self.of}:
            return f"{self.count} of {self.of}"
        return f"{100 * share:.3g} ± {100 * math.sqrt(share * (1 - share) / self.of):.2g} %"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def draw(
    one: Callable[[np.random.Generator], Drawn], *, seed: Sequence[int], count: int, processes: int
) -> list[Drawn]:
    """Call `one` so many times, each with a generator of its own that depends on the seed and its number alone."""
    numbered = partial(_numbered, one, tuple(seed))
    if processes == 1:
        return [numbered(number) for number in range(count)]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(numbered, range(count), chunksize=max(1, min(50, count // processes))))


def _numbered(one: Callable[[np.random.Generator], Drawn], seed: tuple[int, ...], number: int) -> Drawn:
    return one(np.random.default_rng([*seed, number]))
