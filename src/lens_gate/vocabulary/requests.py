"""The words for one request: which arm it belongs to, how it ended, and where its counts come from."""

from __future__ import annotations

from enum import StrEnum


class Arm(StrEnum):
    """The two sides of a comparison; a run without a comparison has only candidates."""

    BASE = "base"
    CANDIDATE = "candidate"


class Phase(StrEnum):
    """Which part of a run a request belongs to; only MEASURE counts."""

    WARMUP = "warmup"
    MEASURE = "measure"
    COOLDOWN = "cooldown"


class Api(StrEnum):
    """The wire formats that lens-gate speaks."""

    OPENAI_CHAT = "openai-chat"
    OPENAI_RESPONSES = "openai-responses"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"
    GENERIC = "generic"


class TokenKind(StrEnum):
    """What a generated piece of a stream is; VISIBLE ones are those a person would read."""

    TEXT = "text"
    REASONING = "reasoning"
    TOOL = "tool"
    REFUSAL = "refusal"

    @property
    def visible(self) -> bool:
        """Whether a person would see it: everything but reasoning."""
        return self is not TokenKind.REASONING


class TokenSource(StrEnum):
    """Where a token count comes from, most trustworthy first."""

    SERVER = "server"
    CHUNKS = "chunks"
    ESTIMATE = "estimate"
    NONE = "none"


class FinishReason(StrEnum):
    """Why generation ended, in one vocabulary for all providers."""

    STOP = "stop"
    LENGTH = "length"
    TOOL = "tool"
    REFUSAL = "refusal"
    OTHER = "other"
    NONE = "none"


class Status(StrEnum):
    """How a request counts: SHED was never sent, THROTTLED (429, 529) says nothing about speed."""

    OK = "ok"
    FAILED = "failed"
    THROTTLED = "throttled"
    SHED = "shed"


class ErrorClass(StrEnum):
    """Every way in which a request can go wrong; NONE for a success.

    The values that the spec's reports use (`rate_limit`, `timeout`, `api_error`) keep their names.
    """

    NONE = "none"
    CONNECT = "connect"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    RESET = "reset"
    HEADERS_TIMEOUT = "headers_timeout"
    TIMEOUT = "timeout"
    IDLE_TIMEOUT = "idle_timeout"
    AUTHENTICATION = "authentication"
    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    QUOTA = "quota"
    NOT_FOUND = "not_found"
    INVALID_REQUEST = "invalid_request"
    API_ERROR = "api_error"
    ERROR_IN_STREAM = "error_in_stream"
    EMPTY = "empty"
    CUT_STREAM = "cut_stream"
    MALFORMED = "malformed"
    BUFFERED = "buffered"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"
    SHED = "shed"

    @property
    def censors_latency(self) -> bool:
        """Whether the request was still unfinished at its limit, so that its latency is at least that long."""
        return self in (ErrorClass.TIMEOUT, ErrorClass.IDLE_TIMEOUT, ErrorClass.HEADERS_TIMEOUT)

    @property
    def throttled(self) -> bool:
        """Whether the provider asked us to slow down, which is not slowness."""
        return self in (ErrorClass.RATE_LIMIT, ErrorClass.OVERLOADED)
