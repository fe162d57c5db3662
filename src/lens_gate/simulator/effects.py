"""What a request may switch on, by a suffix of its model name (`sim-small+slower=10`) or by a header."""

from __future__ import annotations

import difflib
import re
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

HEADER = "x-lens-simulate"
"""The request header that carries effects; it wins over the model's name."""

Percent = Annotated[float, Field(ge=0, le=100)]
Change = Annotated[float, Field(gt=-100, le=10_000)]


class Fault(StrEnum):
    """Every way in which the simulator can break an answer on purpose."""

    SERVER_ERROR = "500"
    THROTTLED = "429"
    OVERLOADED = "529"
    WRONG_KEY = "wrong-key"
    QUOTA = "quota"
    ERROR_IN_STREAM = "error-in-stream"
    CUT = "cut"
    END_EARLY = "end-early"
    STALL = "stall"
    BUFFERED = "buffered"
    MALFORMED = "malformed"
    SLOW_HEADERS = "slow-headers"
    RESET = "reset"
    EMPTY = "empty"
    REFUSAL = "refusal"
    HTML = "html"


class FaultEffect(BaseModel):
    """A fault, and the percentage of requests that it hits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fault: Fault
    percent: Percent = 100.0


def _read_fault(value: object) -> object:
    """Read `cut` or `cut:50`; leave anything else to the type check."""
    if not isinstance(value, str):
        return value
    name, colon, percent = value.partition(":")
    if name not in {fault.value for fault in Fault}:
        raise ValueError(f"{name!r} is no fault; there are {', '.join(Fault)}")
    return {"fault": name, "percent": percent} if colon else {"fault": name}


class Effects(BaseModel):
    """The changes that a request asked for; all numbers are percentages.

    slower: of all times; ttft_slower: of the time to first token; tail: requests whose first token comes three typical
    TTFTs later; longer: of the answer's length; errors, throttle: requests answered by 500, by 429.
    no_cache neither reads nor fills the prompt cache; hide_reasoning thinks without showing it; tool_call answers by
    a call of the first tool.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=lambda name: name.replace("_", "-"), populate_by_name=True
    )

    slower: Change = 0.0
    ttft_slower: Change = 0.0
    tail: Percent = 0.0
    longer: Change = 0.0
    errors: Percent = 0.0
    throttle: Percent = 0.0
    no_cache: bool = False
    hide_reasoning: bool = False
    tool_call: bool = False
    fault: Annotated[FaultEffect | None, BeforeValidator(_read_fault)] = None


class UnknownEffect(Exception):
    """An effect that does not exist, or has no such value; the message names what there is."""


NO_EFFECTS = Effects()


def split_model(model: str) -> tuple[str, str]:
    """Split a model name into its base name and the text of its effects (`a+b=1,c` gives `a` and `b=1,c`)."""
    base, _, effects = model.partition("+")
    return base, effects


def parse_effects(*texts: str) -> Effects:
    """Read effects like `slower=10,no-cache` (also joined by `+`); a later text wins. Raises UnknownEffect."""
    words: dict[str, object] = {}
    for word in (word for text in texts for word in re.split(r"[,+]", text) if word.strip()):
        name, equals, value = word.partition("=")
        words[name.strip()] = value.strip() if equals else True
    if not words:
        return NO_EFFECTS
    try:
        return Effects.model_validate(words)
    except ValidationError as problem:
        raise UnknownEffect(_explain(problem)) from None


def _explain(problem: ValidationError) -> str:
    """Say what is wrong with the first bad effect, and which one was probably meant."""
    first = problem.errors(include_url=False, include_context=False)[0]
    name = str(first["loc"][0])
    known = [field.replace("_", "-") for field in Effects.model_fields]
    if first["type"] != "extra_forbidden":
        return f"simulate: effect {name!r}: {first['msg']}"
    near = difflib.get_close_matches(name, known, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"simulate: unknown effect {name!r}{meant} There are {', '.join(known)}."
