"""What a server's refusal means: status, headers and body of an error, or an error written into a stream."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from lens_gate.providers.base import Failure, ResponseHead
from lens_gate.providers.json_values import NotJson, items, member, parse, text, written
from lens_gate.vocabulary.key_shapes import without_keys
from lens_gate.vocabulary.requests import ErrorClass

_MESSAGE_LIMIT = 500

_BY_STATUS: Mapping[int, ErrorClass] = {
    401: ErrorClass.AUTHENTICATION,
    402: ErrorClass.QUOTA,
    403: ErrorClass.AUTHENTICATION,
    404: ErrorClass.NOT_FOUND,
    408: ErrorClass.API_ERROR,  # the server's own time limit; ours are the load room's
    429: ErrorClass.RATE_LIMIT,
    529: ErrorClass.OVERLOADED,
}

_QUOTA_WORDS = frozenset({"insufficient_quota", "billing_error", "billing_not_active", "billing_hard_limit_reached"})
_RATE_WORDS = frozenset({"429", "rate_limit_error", "rate_limit_exceeded", "resource_exhausted"})
_BUSY_WORDS = frozenset({"503", "unavailable", "service_unavailable"})

_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_MARKUP = re.compile(r"\s*<(?:!doctype|html|head|body)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Report:
    """An error as its body tells it: `words` are its codes, types and states in lower case."""

    message: str
    words: frozenset[str] = frozenset()
    details: tuple[JsonValue, ...] = ()


def failure_of(head: ResponseHead, body: bytes) -> Failure:
    """Return what a response with a status outside 200-299 means."""
    report = _report_of_body(body)
    return Failure(
        error_class=_class_by_status(head.status, report),
        message=_clean(report.message) or _without_words(head.status),
        retry_after_s=_retry_after_s(head.headers, report),
    )


def failure_in_stream(error: JsonValue) -> Failure:
    """Return what an error inside a response with status 200 means.

    Only what says that the provider is busy, or that the account is empty, keeps a class of its own.
    """
    report = _report_of(error)
    return Failure(
        error_class=_class_by_words(report),
        message=_clean(report.message) or "the stream reported an error without a message",
        retry_after_s=_retry_delay_s(report.details),
    )


def malformed(problem: str) -> Failure:
    """Return the failure of a body that cannot be read."""
    return Failure(error_class=ErrorClass.MALFORMED, message=_clean(problem))


def not_a_stream(media_type: str, body: bytes) -> Failure:
    """Return the failure of a success whose body is of the wrong kind, as gateways and login pages send it.

    Only a page's title is quoted: the body might be a model's answer.
    """
    title = _TITLE.search(body.decode("utf-8", "replace"))
    said = f"the answer has content type {media_type}" + (f": {title[1]}" if title else "")
    return Failure(error_class=ErrorClass.WRONG_CONTENT, message=_clean(said))


def reported_error(payload: JsonValue) -> JsonValue:
    """Return the error that a payload of a stream carries, in any of the shapes in use, or None.

    `{"error": …}` is everybody's; `{"type": "error", …}` OpenAI Responses'; `{"object": "error", …}` older vLLM's.
    """
    if not isinstance(payload, dict):
        return None
    error = payload.get("error")
    if error:
        return error
    return payload if payload.get("type") == "error" or payload.get("object") == "error" else None


def _class_by_status(status: int, report: _Report) -> ErrorClass:
    if _quota_is_used_up(report):
        return ErrorClass.QUOTA
    if _key_is_invalid(report):
        return ErrorClass.AUTHENTICATION
    if status >= 500 and _is_overloaded(report, busy=status == 503):
        return ErrorClass.OVERLOADED
    # A redirect is not followed, so that the address of the configuration is wrong.
    is_our_fault = 300 <= status < 500
    return _BY_STATUS.get(status, ErrorClass.INVALID_REQUEST if is_our_fault else ErrorClass.API_ERROR)


def _class_by_words(report: _Report) -> ErrorClass:
    if _quota_is_used_up(report):
        return ErrorClass.QUOTA
    if _is_overloaded(report, busy=bool(report.words & _BUSY_WORDS)):
        return ErrorClass.OVERLOADED
    return ErrorClass.RATE_LIMIT if report.words & _RATE_WORDS else ErrorClass.ERROR_IN_STREAM


def _quota_is_used_up(report: _Report) -> bool:
    """Judge by codes, since the messages of ordinary rate limits, too, speak of quota and billing.

    The exceptions: Anthropic says it in words only, under `invalid_request_error`; Google names the quota's period.
    """
    per_day = any(
        "PerDay" in text(member(violation, "quotaId"))
        for detail in report.details
        for violation in items(member(detail, "violations"))
    )
    return per_day or bool(report.words & _QUOTA_WORDS) or "credit balance is too low" in report.message


def _key_is_invalid(report: _Report) -> bool:
    """Google answers a wrong key with status 400."""
    return any(member(detail, "reason") == "API_KEY_INVALID" for detail in report.details)


def _is_overloaded(report: _Report, *, busy: bool) -> bool:
    said_so = any("overload" in word for word in report.words) or "529" in report.words
    return said_so or (busy and "overload" in report.message.lower())


def _report_of_body(body: bytes) -> _Report:
    try:
        value = parse(body)
    except NotJson:
        return _Report(_words_of_page(body.decode("utf-8", "replace")))
    # Gemini wraps errors in an array where it would have streamed one.
    first = items(value)[0] if items(value) else value
    return _report_of(member(first, "error") or first)


def _report_of(error: JsonValue) -> _Report:
    nested = member(error, "error")
    if isinstance(nested, dict):
        return _report_of(nested)
    if not isinstance(error, dict):
        return _Report(text(error))
    told = (error.get(key) for key in ("message", "error", "detail", "errors", "msg"))
    message = next((value if isinstance(value, str) else written(value) for value in told if value), "")
    named = (error.get(key) for key in ("code", "type", "status"))
    words = frozenset(str(value).lower() for value in named if isinstance(value, str | int))
    return _Report(message, words, tuple(items(error.get("details"))))


def _words_of_page(page: str) -> str:
    if not _MARKUP.match(page):
        return page
    title = _TITLE.search(page)
    return f"an HTML page: {title[1]}" if title else "an HTML page"


def _without_words(status: int) -> str:
    if 300 <= status < 400:
        return f"HTTP {status}: a redirect, which is not followed because keys must not travel; use the final address"
    return f"HTTP {status}"


def _clean(message: str) -> str:
    """Return at most 500 printable characters on one line, with everything that looks like a key taken out."""
    shown = without_keys(message[: 4 * _MESSAGE_LIMIT])
    printable = "".join(c if c.isprintable() else " " for c in shown)
    return " ".join(printable.split())[:_MESSAGE_LIMIT]


def _retry_after_s(headers: Mapping[str, str], report: _Report) -> float | None:
    """Return the wait that the server asks for, in the order in which the official SDKs look.

    A `retry-after` that is a date needs a clock, and this room has none: it counts as not given.
    """
    milliseconds = _seconds(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    seconds = _seconds(headers.get("retry-after", ""))
    return seconds if seconds is not None else _retry_delay_s(report.details)


def _retry_delay_s(details: tuple[JsonValue, ...]) -> float | None:
    """Return `retryDelay` ("34s") of google.rpc.RetryInfo."""
    delays = (_seconds(text(member(detail, "retryDelay")).removesuffix("s")) for detail in details)
    return next((delay for delay in delays if delay is not None), None)


def _seconds(written_number: str) -> float | None:
    try:
        number = float(written_number)
    except ValueError:
        return None
    return number if 0 <= number < 1e9 else None
