"""The port between what is asked of a model, what goes over the wire, and what comes back.

A provider is sans-IO: `build` turns a ChatRequest into an HttpRequest, and a Decoder turns bytes into Events. Neither
knows a clock or a socket; `load` stamps the bytes and hands them over, so an event's time is that of its bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from pydantic import JsonValue, SecretStr

from lens_gate.vocabulary.requests import ErrorClass, FinishReason, TokenKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation; `content` is text, or the provider's own content blocks."""

    role: str
    content: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True)
class ChatRequest:
    """What a model is asked, in no provider's dialect.

    `params` are passed through unchecked and win over what `build` would write.
    """

    model: str
    messages: tuple[Message, ...]
    system: str | None = None
    tools: tuple[JsonValue, ...] = ()
    max_tokens: int | None = None
    temperature: float | None = None
    params: Mapping[str, JsonValue] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsChoice:
    """By which certificates a server is checked, and which one it is shown; files are PEM, None is as usual.

    Connections are shared by requests of an equal choice only.
    """

    ca_bundle: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    client_key_password: SecretStr | None = None
    server_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where requests go, by which protocol (HTTP/1.1, or HTTP/2), and the key that may go with them."""

    base_url: str
    api_key: SecretStr | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: TlsChoice | None = None
    http2: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request as it goes over the wire; headers stay out of `repr` because they hold the key."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    tls: TlsChoice | None = None
    http2: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseHead:
    """Status and headers (names in lower case) of a response."""

    status: int
    headers: Mapping[str, str]


class Token(NamedTuple):
    """A generated piece of any kind; never a role-only frame, a ping or an empty delta.

    `tokens` is how many tokens it holds where the server says so, else None.
    """

    kind: TokenKind
    text: str
    tokens: int | None = None


class Usage(NamedTuple):
    """Token counts as billed, in one meaning for all providers; a later Usage replaces an earlier one.

    `input` includes cached and cache-writing tokens, `output` includes reasoning. None means that the server did not
    say.
    """

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None


@dataclass(frozen=True, slots=True)
class ModelReturned:
    """The model (and its fingerprint) that the server says it used."""

    model: str
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """Why generation ended; `raw` is the provider's own word."""

    reason: FinishReason
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error that the server reported, by status or inside a stream.

    `message` holds at most 500 characters of what the server said.
    """

    error_class: ErrorClass
    message: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The API's own end marker was seen, so the stream is whole."""


@dataclass(frozen=True, slots=True)
class NoTokens:
    """A whole answer of this endpoint is a success without a single token: it may generate none."""


Event = Token | Usage | ModelReturned | Finish | Failure | End | NoTokens


class Run(NamedTuple):
    """Reads in a row that told one token each, all of a kind, and nothing else."""

    kind: TokenKind
    texts: Sequence[str]


class Decoder(Protocol):
    """Turns the bytes of one response body into events; any split of the same bytes gives the same events."""

    def feed_run(self, reads: Sequence[bytes]) -> Run | None:
        """Take as many of the next reads as make a Run, all at once; None where the first of them must be fed.

        An empty one is part of none.
        """
        ...

    def feed(self, data: bytes) -> Sequence[Event]:
        """Take the next bytes and return the events that they complete; never raises on hostile input."""
        ...

    def close(self) -> Sequence[Event]:
        """Return what was still held back when the body ended; a body that is not whole gives no End."""
        ...


class Provider(Protocol):
    """One wire format."""

    def build(self, request: ChatRequest, endpoint: Endpoint) -> HttpRequest:
        """Write the request in this API's dialect, with usage asked for wherever the API wants it asked."""
        ...

    def decoder(self, head: ResponseHead, *, stream: bool) -> Decoder:
        """Return a decoder for the body behind `head`; a status outside 200-299 makes it yield one Failure."""
        ...
