"""How often what is drawn was drawn before, in bounded memory though values that are made up hardly ever come again."""

from __future__ import annotations

from collections import OrderedDict

MOST = 65_536
"""Draws that are remembered: about 15 MB."""


class Repetitions:
    """Counts draws; of those beyond `most` the one that was not drawn for longest is forgotten, and begins anew."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._seen: OrderedDict[tuple[int, str], int] = OrderedDict()

    def __len__(self) -> int:
        """Return how many different draws are remembered."""
        return len(self._seen)

    def count(self, prompt: int, draw: str) -> int:
        """Return how often this draw of this prompt came before, and count it."""
        key = prompt, draw
        before = self._seen.pop(key, 0)
        self._seen[key] = before + 1
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return before
