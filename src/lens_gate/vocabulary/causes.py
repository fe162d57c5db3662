"""What a change in total latency may come from."""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """The parts of a change in total latency, in the order in which a request goes through them.

    `cache` is the change of the first token that goes with more or less input from the server's cache, `first_token`
    the rest of it. `pace` is the time per token, `length` the number of tokens, `rest` the time from the last token to
    the end. `prompt_mix` is a different share of slow prompts, which a duet does not have: both sides get the same.
    """

    CACHE = "cache"
    FIRST_TOKEN = "first_token"
    PACE = "pace"
    LENGTH = "length"
    REST = "rest"
    PROMPT_MIX = "prompt_mix"
