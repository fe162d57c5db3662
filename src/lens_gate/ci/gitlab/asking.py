"""Requests to GitLab's REST interface that are repeated while that may help, and failures in words that help.

python-gitlab repeats nothing here: it would sleep as long as a server asks, without an end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from gitlab.exceptions import GitlabError, GitlabParsingError, RedirectError
from requests import RequestException, Response, TooManyRedirects

from lens_gate.ci.gitlab.hints import ADDRESS, LATER, TOKEN
from lens_gate.ci.notes import NoteDelayed
from lens_gate.ci.waiting import Waiting
from lens_gate.errors import PublishFailed

_Answer = TypeVar("_Answer")

PLACE = "GitLab"
_LONGEST_MESSAGE = 300
_AGAIN = frozenset({500, 502, 503, 504, 520, 521, 522, 523, 524})


class NotThere(PublishFailed):
    """GitLab knows no such thing, or does not show it to this token."""


class Unsure(PublishFailed):
    """A request that may not be repeated blindly got no answer: it may have been carried out."""


@dataclass(slots=True)
class Heard:
    """The headers of the last answer: the client's errors do not carry them."""

    headers: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, response: Response, *_: object, **__: object) -> None:
        """Keep what an answer says beside its body."""
        self.headers = {name.lower(): value for name, value in response.headers.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Carries out errands, each a verb with its object. None waits longer than `longest_s` in all."""

    waiting: Waiting
    heard: Heard
    tries: int = 5
    longest_s: float = 90.0

    def __call__(self, what: str, call: Callable[[], _Answer], *, repeatable: bool = True) -> _Answer:
        """Return the answer; raises PublishFailed, of which NotThere and Unsure are told apart."""
        waited = 0.0
        for number in range(self.tries):
            try:
                return call()
            except (GitlabError, RequestException) as error:
                wait = self._wait(error, number, repeatable=repeatable)
                if wait is None or number + 1 == self.tries or waited + wait > self.longest_s:
                    raise _failure(error, what, repeatable=repeatable) from error
                waited += wait
                self.waiting.sleep(wait)
        raise AssertionError  # the last try returns or raises

    def at_once(self, what: str, call: Callable[[], _Answer]) -> _Answer:
        """Return the answer to one try; raises NoteDelayed where another one may succeed, else PublishFailed."""
        try:
            return call()
        except (GitlabError, RequestException) as error:
            wait, failure = self._wait(error, 0, repeatable=True), _failure(error, what, repeatable=True)
            if wait is None:
                raise failure from error
            raise NoteDelayed(wait, failure) from error

    def _wait(self, error: Exception, number: int, *, repeatable: bool) -> float | None:
        """Return how many seconds to wait before the next try, None where another one is of no use."""
        jittered = 2.0**number * self.waiting.rng.uniform(0.5, 1.0)
        if _status(error) == 429:
            asked = self.heard.headers.get("retry-after", "")
            return float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else jittered
        return jittered if repeatable and _may_be_over_soon(error) else None


def _may_be_over_soon(error: Exception) -> bool:
    return not isinstance(error, TooManyRedirects) and (isinstance(error, RequestException) or _status(error) in _AGAIN)


def _status(error: Exception) -> int | None:
    return error.response_code if isinstance(error, GitlabError) else None


def _failure(error: Exception, what: str, *, repeatable: bool) -> PublishFailed:
    status = _status(error)
    kind = PublishFailed if repeatable else Unsure
    if isinstance(error, RequestException) and not isinstance(error, TooManyRedirects):
        return kind(f"GitLab cannot be reached to {what}: {type(error).__name__}", place=PLACE, hint=LATER)
    if status is not None and status >= 500:
        return kind(f"GitLab answers {status}, so that it did not {what}", place=PLACE, hint=LATER)
    if isinstance(error, RedirectError | GitlabParsingError) or status is None:
        return kind(
            f"what answered for GitLab is not its interface, so that it did not {what}",
            place=PLACE,
            hint=ADDRESS,
        )
    return _refusal(error, status, what)


def _refusal(error: Exception, status: int, what: str) -> PublishFailed:
    match status:
        case 401:
            return PublishFailed(f"GitLab does not take the token to {what}", place=PLACE, hint=TOKEN)
        case 403:
            return PublishFailed(f"GitLab does not let this token {what} ({_said(error)})", place=PLACE, hint=TOKEN)
        case 404:
            message = f"GitLab finds nothing there to {what}, or hides it from this token"
            return NotThere(message, place=PLACE, hint=TOKEN)
        case 429:
            return PublishFailed(
                f"GitLab's rate limit does not let us {what}",
                place=PLACE,
                hint="Repeat `lens-gate report verdict.json --publish …` later. Of many jobs let one publish for all.",
            )
        case _:
            return PublishFailed(f"GitLab refuses to {what}: {status} {_said(error)}", place=PLACE)


def _said(error: Exception) -> str:
    """Return GitLab's own message on one line and short."""
    text = " ".join(str(getattr(error, "error_message", "")).split())
    return "".join(character for character in text if character.isprintable())[:_LONGEST_MESSAGE]
