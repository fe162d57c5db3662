"""What a log says of one request, whatever its format: when it came, and its prompt or its token counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

BLOCK_TOKENS = 512
"""Tokens in a block of shared prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of a log. `at_ns` counts from wherever the log's clock does.

    `messages` (role and content) are the real prompt; without them there are counts, and with `blocks` also what of the
    prompt is shared: equal numbers stand for equal text, 512 tokens each, from the beginning on. `provider` and `model`
    are those that answered then.
    """

    place: str
    at_ns: int
    messages: tuple[tuple[str, JsonValue], ...] = ()
    system: str | None = None
    tools: tuple[JsonValue, ...] = ()
    params: Mapping[str, JsonValue] = field(default_factory=dict)
    max_tokens: int | None = None
    temperature: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    blocks: tuple[int, ...] = ()
    provider: str | None = None
    model: str | None = None

    @property
    def playable(self) -> bool:
        """Whether it can be sent again: with its prompt, or with both counts, where no answer means a failure."""
        return bool(self.messages) or (self.input_tokens is not None and bool(self.output_tokens))
