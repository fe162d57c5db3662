"""The words for one request: which arm it belongs to, how it ended, and where its counts come from."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

UNCOMMITTED = "with uncommitted changes"
"""How the label of an arm ends that was measured from a work tree which differs from its commit."""


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
    WRONG_CONTENT = "wrong_content"
    BUFFERED = "buffered"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"
    SHED = "shed"
    CAPPED = "capped"
    UNKNOWN = "unknown"

    @property
    def censors_latency(self) -> bool:
        """Whether the request was still unfinished at its limit, so that its latency is at least that long."""
        return self in (ErrorClass.TIMEOUT, ErrorClass.IDLE_TIMEOUT, ErrorClass.HEADERS_TIMEOUT)

    @property
    def by_us(self) -> bool:
        """Whether the run itself cut the request off, or had no money for it: no rate of the endpoint counts it."""
        return self in (ErrorClass.INTERRUPTED, ErrorClass.CAPPED)

    @property
    def throttled(self) -> bool:
        """Whether the provider asked us to slow down, which is not slowness."""
        return self in (ErrorClass.RATE_LIMIT, ErrorClass.OVERLOADED)


MEANINGS: Mapping[ErrorClass, str] = {
    ErrorClass.NONE: "nothing went wrong",
    ErrorClass.CONNECT: "no connection: name not found, refused, or no route",
    ErrorClass.CONNECT_TIMEOUT: "no connection within its time limit",
    ErrorClass.TLS: "the encrypted connection could not be set up, for instance because of a certificate",
    ErrorClass.RESET: "the connection broke before the answer was over",
    ErrorClass.HEADERS_TIMEOUT: "connected, but no head of an answer within the time limit",
    ErrorClass.TIMEOUT: "the request as a whole took longer than its time limit",
    ErrorClass.IDLE_TIMEOUT: "the stream began, then stalled for longer than its time limit",
    ErrorClass.AUTHENTICATION: "401 or 403: the endpoint refused the key; the run stops early",
    ErrorClass.RATE_LIMIT: "429: too many requests or tokens at once",
    ErrorClass.OVERLOADED: "529, or an error that says so: the provider has no capacity at the moment",
    ErrorClass.QUOTA: "the money or the quota of the account is used up; waiting does not help",
    ErrorClass.NOT_FOUND: "404: no such model or path",
    ErrorClass.INVALID_REQUEST: "a redirect, or another 4xx: the endpoint does not accept the request as it came",
    ErrorClass.API_ERROR: "5xx: the endpoint failed",
    ErrorClass.ERROR_IN_STREAM: "200 at first, then an error inside the stream",
    ErrorClass.EMPTY: "a stream that ended well without a single generated token",
    ErrorClass.CUT_STREAM: "tokens arrived, but the stream ended before its end marker",
    ErrorClass.MALFORMED: "the answer could not be read as what the API promises",
    ErrorClass.WRONG_CONTENT: "a success of another content type, such as a sign-in page: is the address right?",
    ErrorClass.BUFFERED: "the stream arrived in one piece, so that its times say nothing about the model",
    ErrorClass.REFUSED: "the model, or a filter before it, refused to answer",
    ErrorClass.INTERRUPTED: "in flight when the run was stopped",
    ErrorClass.SHED: "never sent: the breaker was open, a rate limit had no room in time, or its model was given up",
    ErrorClass.CAPPED: "never sent: the run's own cap on its cost had no room; not counted in any rate or share",
    ErrorClass.UNKNOWN: "another tool recorded a failure, in words that tell nothing of its cause",
}
"""What each class means, in a line."""


def status_of(error: ErrorClass, http_status: int | None) -> Status:
    """Say how a request counts; an exhausted quota comes with a 429 too, but waiting does not help against it."""
    if error is ErrorClass.NONE:
        return Status.OK
    if error in {ErrorClass.SHED, ErrorClass.CAPPED}:
        return Status.SHED
    asked_to_wait = error.throttled or (http_status in {429, 529} and error is not ErrorClass.QUOTA)
    return Status.THROTTLED if asked_to_wait else Status.FAILED
