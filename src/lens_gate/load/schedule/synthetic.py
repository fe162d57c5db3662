"""Prompts of a given number of tokens, for logs that hold no prompts but their lengths (pure).

Every word is a common English one of three letters, which with the blank before it is one token in the usual
tokenizers (docs/replaying.md names those that were asked), so that n words are about n tokens; what a server's chat
template adds comes on top. A prompt begins with
words that spell the number of its request, so that no prefix cache takes one prompt for another; where a log says which
blocks of 512 tokens are shared, each block begins with words that spell its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from lens_gate.artifacts.traffic.call import BLOCK_TOKENS

_THREE_LETTERS = (
    "the and for are but not you all any can had her was one our out day get has him his how man new now old see"
    " two way who boy did its let put say she too use dog cat sun sea red big run eat ask war car box hat key map"
    " pen cup bed sky air arm eye leg ice oil sit try fly buy cut end far"
)
WORDS: Final = tuple(_THREE_LETTERS.split())
_DIGITS = 5
_CHARACTERS = 4
"""Of a word with its blank."""

_FILLER_WORDS: Final = 8192
_STEP = 97


def _filler() -> str:
    """Return a long text without a pattern that repeats soon: a linear congruential walk over the words."""
    words, state = [], 1
    for _ in range(_FILLER_WORDS):
        state = (state * 1_103_515_245 + 12_345) % 2**31
        words.append(WORDS[(state >> 16) % len(WORDS)])
    return " ".join(words) + " "


_FILLER: Final = _filler()


def prompt_of(number: int, tokens: int, blocks: Sequence[int] = ()) -> str:
    """Return a prompt of about `tokens` tokens: the shared blocks first, then text of this request alone.

    `number` names the request; equal arguments give equal text.
    """
    shared = "".join(map(_block, blocks))[: tokens * _CHARACTERS]
    left = tokens - len(shared) // _CHARACTERS
    return (shared + _text(number, left)).rstrip() or WORDS[0]


@lru_cache(maxsize=1024)
def _block(number: int) -> str:
    return _text(number, BLOCK_TOKENS)


def _text(number: int, words: int) -> str:
    """Return so many words, each with a blank after it, that begin with the number."""
    spelled = "".join(f"{WORDS[number // len(WORDS) ** place % len(WORDS)]} " for place in range(_DIGITS))
    start = number * _STEP % _FILLER_WORDS * _CHARACTERS
    missing = max(0, words - _DIGITS) * _CHARACTERS
    rounds = (start + missing) // len(_FILLER) + 1
    return (spelled + (_FILLER * rounds)[start : start + missing])[: words * _CHARACTERS]
