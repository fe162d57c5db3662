"""A prompt cache by prefix, as hosted models have one: which leading blocks of a prompt were seen before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from hashlib import blake2b

from lens_gate.simulator.settings import PrefixCache


class SeenPrefixes:
    """The prefixes that were seen, least recently used first out; `capacity` is in blocks."""

    def __init__(self, capacity: int = 65_536) -> None:
        self._capacity = capacity
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def visit(self, rule: PrefixCache, model: str, prompt: str) -> tuple[int, int]:
        """Return how many tokens of the prompt were cached, and how many are from now on that weren't."""
        characters = rule.block_tokens * 4
        if len(prompt) < rule.min_tokens * 4:
            return 0, 0
        keys = list(_prefix_keys(model, prompt, characters))
        hits = next((i for i, key in enumerate(keys) if key not in self._seen), len(keys))
        for key in keys:
            self._seen[key] = None
            self._seen.move_to_end(key)
        while len(self._seen) > self._capacity:
            self._seen.popitem(last=False)
        return hits * rule.block_tokens, (len(keys) - hits) * rule.block_tokens


def _prefix_keys(model: str, prompt: str, characters: int) -> Iterator[bytes]:
    """Yield one key for each whole block, made of everything up to its end."""
    digest = blake2b(model.encode(), digest_size=16)
    for start in range(0, len(prompt) - characters + 1, characters):
        digest.update(prompt[start : start + characters].encode())
        yield digest.digest()
