"""What both OpenAI APIs share: error bodies and headers."""

from __future__ import annotations

import orjson

from lens_gate.simulator.dialogue import Identity, Problem, ProblemKind, Reply, Standing

_ERRORS: dict[ProblemKind, tuple[int, str, str | None]] = {
    ProblemKind.SERVER_ERROR: (500, "server_error", None),
    ProblemKind.THROTTLED: (429, "requests", "rate_limit_exceeded"),
    ProblemKind.OVERLOADED: (529, "service_unavailable_error", "overloaded"),
    ProblemKind.QUOTA: (429, "insufficient_quota", "insufficient_quota"),
    ProblemKind.WRONG_KEY: (401, "invalid_request_error", "invalid_api_key"),
    ProblemKind.BAD_REQUEST: (400, "invalid_request_error", None),
    ProblemKind.NOT_FOUND: (404, "invalid_request_error", "unknown_url"),
}


def error_object(problem: Problem) -> dict[str, str | None]:
    """Return the object that describes a problem."""
    _, kind, code = _ERRORS[problem.kind]
    return {"message": problem.message, "type": kind, "param": None, "code": code}


def refuse(problem: Problem, _identity: Identity) -> Reply:
    """Write a problem; one that will pass says when to come again, to the millisecond and in seconds."""
    after = problem.retry_after_s
    headers = () if after is None else (("retry-after-ms", f"{after * 1000:.0f}"), ("retry-after", f"{after:.3f}"))
    return Reply(_ERRORS[problem.kind][0], orjson.dumps({"error": error_object(problem)}), headers)


def headers(standing: Standing) -> tuple[tuple[str, str], ...]:
    """Write the headers of every answer."""
    allowance = standing.allowance
    return (
        ("x-request-id", standing.identity.request_id),
        ("openai-version", "2020-10-01"),
        ("openai-processing-ms", f"{standing.processing_s * 1000:.0f}"),
        ("x-ratelimit-limit-requests", str(allowance.limit)),
        ("x-ratelimit-remaining-requests", str(allowance.remaining)),
        ("x-ratelimit-reset-requests", go_duration(allowance.reset_s)),
        ("x-ratelimit-limit-tokens", str(allowance.tokens_limit)),
        ("x-ratelimit-remaining-tokens", str(allowance.tokens_remaining(standing.tokens))),
        ("x-ratelimit-reset-tokens", go_duration(standing.tokens * 60 / allowance.tokens_limit)),
    )


def go_duration(seconds: float) -> str:
    """Write a duration the way OpenAI's reset headers do: `12ms`, `1.5s`, `6m0s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}m{rest:.0f}s" if minutes else f"{rest:.3g}s"
