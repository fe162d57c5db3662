"""Requests to GitHub's REST interface that are repeated while that may help, and failures in words that help.

PyGithub repeats nothing here: which request may be sent twice, and how long a pipeline may wait, is decided below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from github import GithubException
from requests import RequestException

from lens_gate.ci.notes import NoteDelayed
from lens_gate.ci.waiting import Waiting
from lens_gate.errors import PublishFailed

_Answer = TypeVar("_Answer")

_TOKEN_HINT = "Give the step the job's token: `env: GITHUB_TOKEN: ${{ github.token }}`."
_LONGEST_MESSAGE = 300


class NotThere(PublishFailed):
    """GitHub knows no such thing, or does not show it to this token."""


class Unsure(PublishFailed):
    """A request that may not be repeated blindly got no answer: it may have been carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What is asked of GitHub, as a verb with its object, the permission that it takes, and whether to repeat it."""

    what: str
    permission: str
    repeatable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Carries out errands. None waits longer than `longest_s` in all."""

    waiting: Waiting
    tries: int = 5
    longest_s: float = 90.0

    def __call__(self, errand: Errand, call: Callable[[], _Answer]) -> _Answer:
        """Return the answer; raises PublishFailed, of which NotThere and Unsure are told apart."""
        waited = 0.0
        for number in range(self.tries):
            try:
                return call()
            except Exception as error:  # what answers may be no API at all, and the client then raises anything
                wait = self._wait(error, errand, number)
                if wait is None or number + 1 == self.tries or waited + wait > self.longest_s:
                    raise _failure(error, errand, wait) from error
                waited += wait
                self.waiting.sleep(wait)
        raise AssertionError  # the last try returns or raises

    def at_once(self, errand: Errand, call: Callable[[], _Answer]) -> _Answer:
        """Return the answer to one try; raises NoteDelayed where another one may succeed, else PublishFailed."""
        try:
            return call()
        except Exception as error:
            wait = self._wait(error, errand, 0)
            if wait is None:
                raise _failure(error, errand, wait) from error
            raise NoteDelayed(wait, _failure(error, errand, wait)) from error

    def _wait(self, error: Exception, errand: Errand, number: int) -> float | None:
        """Return how many seconds to wait before the next try, None where another one is of no use."""
        jittered = 2.0**number * self.waiting.rng.uniform(0.5, 1.0)
        if not isinstance(error, GithubException):
            return jittered if errand.repeatable and isinstance(error, RequestException) else None
        if error.status >= 500:
            return jittered if errand.repeatable else None
        return self._asked_wait(error, jittered) if _is_limit(error) else None

    def _asked_wait(self, error: GithubException, otherwise: float) -> float:
        """Return the seconds that GitHub asks to wait; a secondary limit that names none takes a minute."""
        headers = _headers(error)
        if headers.get("retry-after", "").isdigit():
            return float(headers["retry-after"])
        if headers.get("x-ratelimit-remaining") == "0" and headers.get("x-ratelimit-reset", "").isdigit():
            return max(1.0, float(headers["x-ratelimit-reset"]) - self.waiting.now())
        return 60.0 if "secondary" in _text(error) else otherwise


def _is_limit(error: GithubException) -> bool:
    headers = _headers(error)
    return error.status == 429 or (
        error.status == 403
        and ("retry-after" in headers or headers.get("x-ratelimit-remaining") == "0" or "rate limit" in _text(error))
    )


def _failure(error: Exception, errand: Errand, wait: float | None) -> PublishFailed:
    if not isinstance(error, GithubException | RequestException):
        kind = PublishFailed if errand.repeatable else Unsure
        message = f"what answered for GitHub is not its interface, so that it did not {errand.what}"
        return kind(message, place="GitHub", hint=_ADDRESS)
    if not isinstance(error, GithubException):
        kind = PublishFailed if errand.repeatable else Unsure
        return kind(f"GitHub cannot be reached to {errand.what}: {type(error).__name__}", place="GitHub", hint=_LATER)
    if error.status >= 500:
        kind = PublishFailed if errand.repeatable else Unsure
        return kind(f"GitHub answers {error.status}, so that it did not {errand.what}", place="GitHub", hint=_LATER)
    if _is_limit(error):
        return PublishFailed(
            f"GitHub's rate limit does not let us {errand.what}; it asks to wait for {wait or 0:.0f} s",
            place="GitHub",
            hint="Repeat `lens-gate report verdict.json --publish …` later. Of many jobs let one publish for all.",
        )
    return _refusal(error, errand)


_ADDRESS = "Does a proxy or a login page stand before the address in GITHUB_API_URL?"
_LATER = "The verdict is in its files. Repeat `lens-gate report verdict.json --publish …` when GitHub is back."


def _refusal(error: GithubException, errand: Errand) -> PublishFailed:
    permission = f"Give the job `permissions: {errand.permission}`; a pull request from a fork never gets it."
    match error.status:
        case 401:
            return PublishFailed(f"GitHub does not take the token to {errand.what}", place="GitHub", hint=_TOKEN_HINT)
        case 403:
            reason = "" if "not accessible" in _text(error) else f" ({_said(error)})"
            return PublishFailed(
                f"GitHub does not let this token {errand.what}{reason}", place="GitHub", hint=permission
            )
        case 404 | 410:
            return NotThere(
                f"GitHub finds nothing there to {errand.what}, or hides it from this token",
                place="GitHub",
                hint=permission,
            )
        case status:
            return PublishFailed(f"GitHub refuses to {errand.what}: {status} {_said(error)}", place="GitHub")


def _headers(error: GithubException) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in (error.headers or {}).items()}


def _text(error: GithubException) -> str:
    return _said(error).lower()


def _said(error: GithubException) -> str:
    """Return GitHub's own message with what it says about single fields, on one line and short."""
    data: Any = error.data
    if not isinstance(data, dict):
        return ""
    parts = [str(data.get("message", "")), *(str(one) for one in data.get("errors") or () if one)]
    text = " ".join(" ".join(parts).split())
    return "".join(character for character in text if character.isprintable())[:_LONGEST_MESSAGE]
