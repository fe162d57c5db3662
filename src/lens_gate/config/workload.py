"""What is sent, and how it arrives."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, JsonValue, Tag, model_validator

from lens_gate.config.section import Section
from lens_gate.config.spread import Length, Time
from lens_gate.config.types import Headers, Seconds
from lens_gate.vocabulary.logs import LogFormat


class FixedRate(Section):
    """Evenly spaced sends."""

    requests_per_second: float = Field(gt=0)


class PoissonRate(Section):
    """Exponential gaps with a mean rate of `lambda` per second."""

    rate: float = Field(gt=0, alias="lambda")


class GammaRate(Section):
    """Gaps of a gamma distribution of shape `burstiness`: 1 is Poisson, less comes in flocks, more is nearly even."""

    rate: float | None = Field(default=None, gt=0)
    burstiness: float = Field(default=1.0, gt=0)


class Bursts(Section):
    """So many requests at once, one burst every so often; with stages their rate says how often."""

    size: int = Field(gt=0)
    every: Seconds | None = Field(default=None, gt=0)


class RateStage(Section):
    """A piece of the run at a rate; with `ramp` the rate goes there evenly from that of the stage before (or 0)."""

    duration: Seconds = Field(gt=0)
    rate: float = Field(ge=0)
    ramp: bool = False


class ClosedLoop(Section):
    """So many requests in flight, each slot sending anew when its answer has ended."""

    concurrency: int = Field(gt=0)


class Users(Section):
    """So many users, each of whom waits for an answer, thinks, and asks again; they start evenly over `ramp_up`."""

    count: int = Field(gt=0)
    think_time: Time = 0.0
    ramp_up: Seconds = 0.0


class FileVariable(Section):
    """Values from a file: one per line, or the items of a JSON list."""

    type: Literal["file"]
    source: str


class GeneratorVariable(Section):
    """Values made up on the spot: `lorem` text of about `words` words, or a `number`, from the run's seed."""

    type: Literal["generator"]
    generator: Literal["lorem", "number"]
    words: Length = 50


def _variable_kind(value: object) -> str | None:
    if isinstance(value, list | tuple):
        return "list"
    kind = value.get("type") if isinstance(value, Mapping) else getattr(value, "type", None)
    return kind if isinstance(kind, str) else None


Variable = Annotated[
    Annotated[tuple[str, ...], Field(min_length=1), Tag("list")]
    | Annotated[FileVariable, Tag("file")]
    | Annotated[GeneratorVariable, Tag("generator")],
    Discriminator(_variable_kind),
]


class ChatMessage(Section):
    """One turn of a conversation."""

    role: str
    content: JsonValue


class Prompt(Section):
    """One kind of request: a template with variables, or whole messages; `id` pairs it across arms.

    With `turns` it is a conversation: what a user says, one after the other, each after the answer to the one before
    and `think_time`.
    """

    id: str | None = None
    template: str | None = None
    messages: tuple[ChatMessage, ...] | None = None
    turns: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    think_time: Time | None = None
    system: str | None = None
    tools: tuple[JsonValue, ...] = ()
    params: dict[str, JsonValue] = Field(default_factory=dict)
    headers: Headers = Field(default_factory=dict)
    max_tokens: Length | None = None
    weight: float = Field(default=1.0, gt=0)
    variables: dict[str, Variable] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_one_text(self) -> Self:
        if [self.template, self.messages, self.turns].count(None) != 2:
            msg = "a prompt has either a `template` or `messages` or `turns`"
            raise ValueError(msg)
        if self.think_time is not None and self.turns is None:
            msg = "`think_time` of a prompt goes with `turns`"
            raise ValueError(msg)
        return self


class WorkloadType(StrEnum):
    """How requests arrive; `mixed` is the fixed rate with prompts mixed by weight."""

    FIXED = "fixed"
    RANDOM = "random"
    POISSON = "poisson"
    GAMMA = "gamma"
    BURST = "burst"
    CLOSED = "closed"
    USERS = "users"
    REPLAY = "replay"
    MIXED = "mixed"


class Replay(Section):
    """A recorded log to play again; `from` and `to` are times of the log, counted from its first request."""

    source: str
    time_scale: float = Field(default=1.0, gt=0)
    format: LogFormat | None = None
    begin: Seconds = Field(default=0.0, alias="from")
    end: Seconds | None = Field(default=None, alias="to")
    limit: int | None = Field(default=None, gt=0)
    route: Literal["all", "log"] = "all"
    exact_output: Literal["ignore_eos", "min_tokens"] | None = None


class NoncePlace(StrEnum):
    """Where the string stands that no other request has."""

    NONE = "none"
    START = "start"
    END = "end"


class Prefix(Section):
    """What every request begins with: so many words, made up from the seed, or a text."""

    words: int | None = Field(default=None, gt=0)
    text: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.words is None) == (self.text is None):
            msg = "a prefix has either `words` or a `text`"
            raise ValueError(msg)
        return self


class Cache(Section):
    """What the requests let a cache of prompt prefixes do."""

    nonce: NoncePlace = NoncePlace.NONE
    prefix: Prefix | None = None


class Workload(Section):
    """What is sent, and how it arrives."""

    type: WorkloadType = WorkloadType.FIXED
    fixed: FixedRate | None = None
    poisson: PoissonRate | None = None
    gamma: GammaRate | None = None
    burst: Bursts | None = None
    stages: tuple[RateStage, ...] = ()
    closed: ClosedLoop | None = None
    users: Users | None = None
    replay: Replay | None = None
    cache: Cache = Cache()
    prompts: tuple[Prompt, ...] = ()
