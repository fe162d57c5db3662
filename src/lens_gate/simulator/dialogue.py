"""The shapes between the wire formats and the engine: what was asked, what is answered, and what goes out when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from lens_gate.simulator.routes import Route
from lens_gate.vocabulary.requests import FinishReason, TokenKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a request asks for, in no API's dialect.

    `prompt` is all its text in order. `min_tokens` is how many tokens an answer has at least, unless its limit cuts
    it. `tool` is the name of the first declared tool. The flags are those that single APIs know: usage in the
    stream (also on every frame), a prompt that may be cached, and a JSON array in place of server-sent events.
    """

    model: str
    prompt: str
    stream: bool
    max_tokens: int | None = None
    min_tokens: int = 0
    tool: str | None = None
    include_usage: bool = True
    continuous_usage: bool = False
    cacheable: bool = True
    json_array: bool = False

    @property
    def prompt_tokens(self) -> int:
        """The documented estimate: one token for every four characters, rounded up."""
        return -(-len(self.prompt) // 4)


class Piece(NamedTuple):
    """What a model generates at one instant: `due_s` is seconds after the request was received."""

    kind: TokenKind
    text: str
    tokens: int
    due_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Tokens as billed: `prompt` includes cached and cache-writing ones, `output` includes reasoning."""

    prompt: int
    output: int = 0
    reasoning: int = 0
    cached: int = 0
    cache_write: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as the model generates it, before any API's dialect; `opening_s` is when head and opening leave."""

    pieces: Sequence[Piece]
    opening_s: float
    done_s: float
    finish: FinishReason
    counts: Counts


class Frame(NamedTuple):
    """Bytes of the body that leave in one write; `kind` is a TokenKind, or what else it is (`open`, `ping`, `end`)."""

    due_s: float
    data: bytes
    tokens: int
    kind: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What names one answer: its number, and the wall-clock second it was created in."""

    number: int
    created_s: int

    @property
    def request_id(self) -> str:
        """The id that the answer's headers and the log carry."""
        return f"req_{self.number:012x}"

    def named(self, prefix: str) -> str:
        """Return an id in the style of an API, such as `chatcmpl-…`."""
        return f"{prefix}{self.number:012x}"


class ProblemKind(StrEnum):
    """Why a request gets no answer."""

    SERVER_ERROR = "server_error"
    THROTTLED = "throttled"
    OVERLOADED = "overloaded"
    QUOTA = "quota"
    WRONG_KEY = "wrong_key"
    BAD_REQUEST = "bad_request"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal with its message; `retry_after_s` where the client may come again."""

    kind: ProblemKind
    message: str
    retry_after_s: float | None = None


class Declined(Exception):
    """A request that gets a problem for an answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What the rate limit leaves: requests and tokens per minute, and when the bucket is full again."""

    admitted: bool
    limit: int
    remaining: int
    reset_s: float
    retry_after_s: float = 0.0
    tokens_limit: int = 2_000_000

    def tokens_remaining(self, used: int) -> int:
        """Return the nominal rest of the token allowance."""
        return max(0, self.tokens_limit - used)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole body with its status; `headers` are those that this status adds."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an answer's headers tell about the server: the allowance, the clock, and the time until the first byte."""

    allowance: Allowance
    identity: Identity
    processing_s: float
    tokens: int


class Wire(Protocol):
    """One wire format; each `wire_*` module is one."""

    def read(self, body: bytes, route: Route, /) -> Ask:
        """Read a request; what its route says about model and streaming wins. Raises Declined."""
        ...

    def frames(self, ask: Ask, answer: Answer, identity: Identity, /) -> list[Frame]:
        """Write a streamed answer."""
        ...

    def whole(self, ask: Ask, answer: Answer, identity: Identity, /) -> bytes:
        """Write an answer that is not streamed."""
        ...

    def refuse(self, problem: Problem, identity: Identity, /) -> Reply:
        """Write a problem in this API's error shape."""
        ...

    def break_off(self, problem: Problem, identity: Identity, before: Sequence[Frame], /) -> bytes:
        """Write a problem in the middle of a stream, after the frames `before`."""
        ...

    def headers(self, standing: Standing, /) -> tuple[tuple[str, str], ...]:
        """Write the headers that every answer of this API carries, rate limits among them."""
        ...


def joined_text(answer: Answer, kind: TokenKind) -> str:
    """Return what an answer says in pieces of one kind."""
    return "".join(piece.text for piece in answer.pieces if piece.kind is kind)
