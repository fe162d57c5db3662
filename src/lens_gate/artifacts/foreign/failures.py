"""From the words in which other tools record a failure to our error classes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

from lens_gate.vocabulary.requests import ErrorClass

_BY_STATUS: Mapping[int, ErrorClass] = {
    401: ErrorClass.AUTHENTICATION,
    402: ErrorClass.QUOTA,
    403: ErrorClass.AUTHENTICATION,
    404: ErrorClass.NOT_FOUND,
    408: ErrorClass.API_ERROR,
    429: ErrorClass.RATE_LIMIT,
    529: ErrorClass.OVERLOADED,
}

_BY_WORDS: tuple[tuple[re.Pattern[str], ErrorClass], ...] = tuple(
    (re.compile(words, re.IGNORECASE), kind)
    for words, kind in (
        (r"rate.?limit|too many requests", ErrorClass.RATE_LIMIT),
        (r"overloaded", ErrorClass.OVERLOADED),
        (r"connect\w*[ _]?time(d[ _])?out", ErrorClass.CONNECT_TIMEOUT),
        (r"time(d[ _])?out", ErrorClass.TIMEOUT),
        (r"\b(ssl|tls)\b|certificate", ErrorClass.TLS),
        (r"incomplete|not completed|without sending complete|payloaderror|unexpected eof", ErrorClass.CUT_STREAM),
        (r"reset by peer|connectionreset|disconnected|broken pipe", ErrorClass.RESET),
        (r"connecterror|cannot connect|connection refused|name or service not known|getaddrinfo", ErrorClass.CONNECT),
        (r"jsondecode|never received a valid chunk", ErrorClass.MALFORMED),
        (r"cancel", ErrorClass.INTERRUPTED),
    )
)
_STATUS_IN_WORDS = re.compile(r"\b(?:error|status|code|http)\W{1,4}([45]\d\d)\b", re.IGNORECASE)
_PHRASES: Mapping[str, int] = {status.phrase.lower(): status.value for status in HTTPStatus if status >= 400}


def http_status_in(words: str) -> int | None:
    """Return the HTTP status that a message quotes, as a number or as nothing but its standard phrase."""
    found = _STATUS_IN_WORDS.search(words)
    return int(found[1]) if found else _PHRASES.get(words.strip().lower())


def class_of(http_status: int | None, words: str) -> ErrorClass:
    """Return the class of a failure by its status, else by its words; UNKNOWN where neither tells."""
    if http_status is not None and 400 <= http_status < 600:
        ours = ErrorClass.INVALID_REQUEST if http_status < 500 else ErrorClass.API_ERROR
        return _BY_STATUS.get(http_status, ours)
    return next((kind for pattern, kind in _BY_WORDS if pattern.search(words)), ErrorClass.UNKNOWN)
