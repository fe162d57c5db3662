"""What a run does about the caches of prompt prefixes: a fixed prefix for all, a string of its own for each request.

Both change what is sent, in the same way for both arms. A nonce differs from request to request, between the arms and
from run to run, and is always equally long: no request warms the cache for another, and none is longer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from pydantic import JsonValue

from lens_gate.config.workload import Cache, NoncePlace
from lens_gate.errors import ConfigProblem
from lens_gate.load.arms.plan import PromptPlan
from lens_gate.load.arms.prompts import WORDS
from lens_gate.providers.base import ChatRequest, Message

NONCE_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class CacheMode:
    """Where the nonce stands, and the prefix that all requests begin with. `salt` makes the nonces those of one run."""

    nonce: NoncePlace = NoncePlace.NONE
    prefix: str = ""
    salt: str = ""

    def shaped(self, request: ChatRequest, index: int) -> ChatRequest:
        """Return `request` number `index` as it is sent: the prefix first, then a nonce at the start, or at the end."""
        if self.nonce is NoncePlace.START:
            request = _begun(request, f"[{self._nonce(index)}]")
        if self.nonce is NoncePlace.END:
            request = _ended(request, f"[{self._nonce(index)}]")
        return _begun(request, self.prefix) if self.prefix else request

    def require_possible(self, prompts: Iterable[PromptPlan]) -> None:
        """Raise ConfigProblem for a prompt whose last message is no text, where a nonce has to go behind it."""
        unfit = [prompt.id for prompt in prompts if not isinstance(prompt.messages[-1][1], str)]
        if self.nonce is NoncePlace.END and unfit:
            raise ConfigProblem(
                f"a nonce at the end needs a last message that is plain text, and that of prompt {unfit[0]!r} is not",
                place="workload.cache.nonce",
                hint="Put it at the start, or write the last message's `content` as text.",
            )

    def _nonce(self, index: int) -> str:
        return hashlib.sha256(f"{self.salt}|{index}".encode()).hexdigest()[:NONCE_CHARACTERS]


def cache_mode(cache: Cache, seed: int) -> CacheMode:
    """Read the mode; words of a prefix are made up from the seed."""
    prefix = cache.prefix
    if prefix is None:
        return CacheMode(nonce=cache.nonce)
    text = prefix.text
    if text is None:
        rng = np.random.default_rng([seed, 0xCAC4E])
        text = " ".join(WORDS[index] for index in rng.integers(len(WORDS), size=prefix.words or 0).tolist())
    return CacheMode(nonce=cache.nonce, prefix=text)


def _begun(request: ChatRequest, text: str) -> ChatRequest:
    """Put `text` before all that the model reads: before the system's words, else before the first message's."""
    first = request.messages[0]
    if request.system is not None:
        return replace(request, system=f"{text} {request.system}")
    if isinstance(first.content, str):
        return replace(request, messages=(_said(first, f"{text} {first.content}"), *request.messages[1:]))
    return replace(request, system=text)


def _ended(request: ChatRequest, text: str) -> ChatRequest:
    """Put `text` behind the last message's words."""
    last = request.messages[-1]
    return replace(request, messages=(*request.messages[:-1], _said(last, f"{last.content} {text}")))


def _said(message: Message, content: JsonValue) -> Message:
    return replace(message, content=content)
