"""Requests to a platform that are repeated while that may help, and failures in words that help.

The clients repeat nothing: which request may be sent twice, and how long a pipeline may wait, is decided here. Only
what talks to a platform imports this: `requests` comes with the clients.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from requests import RequestException, TooManyRedirects

from lens_gate.ci.notes import NoteDelayed
from lens_gate.ci.waiting import Waiting
from lens_gate.errors import PublishFailed

_Answer = TypeVar("_Answer")

_LONGEST_MESSAGE = 300
_LATER = "The verdict is in its files: repeat `lens-gate report verdict.json --publish …` later."
_ONE_FOR_ALL = "Of many jobs let one publish for all."


class NotThere(PublishFailed):
    """The platform knows no such thing, or does not show it to this token."""


class Unsure(PublishFailed):
    """A request that may not be repeated blindly got no answer: it may have been carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What is asked of a platform, as a verb with its object, what permission it takes, and whether to repeat it."""

    what: str
    permission: str = ""
    repeatable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is none: a platform's status and words, and for a limit the seconds that it asks to wait."""

    status: int
    said: str = ""
    is_limit: bool = False
    asked_wait_s: float | None = None

    @property
    def is_outage(self) -> bool:
        """Whether the platform is at fault, so that what was asked may or may not have been done."""
        return self.status >= 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientAsking(ABC):
    """Carries out errands on a platform. None waits longer than `longest_s` in all."""

    waiting: Waiting
    tries: int = 5
    longest_s: float = 90.0

    platform: ClassVar[str]
    token_hint: ClassVar[str]
    permission_hint: ClassVar[str]
    """What lets a token do something; `{permission}` stands for that of the errand."""
    address_hint: ClassVar[str]

    def __call__(self, errand: Errand, call: Callable[[], _Answer]) -> _Answer:
        """Return the answer; raises PublishFailed, of which NotThere and Unsure are told apart."""
        waited = 0.0
        for number in range(self.tries):
            try:
                return call()
            except Exception as error:  # what answers may be no API at all, and a client then raises anything
                wait = self._wait(error, errand, number)
                if wait is None or number + 1 == self.tries or waited + wait > self.longest_s:
                    raise self._failure(error, errand) from error
                waited += wait
                self.waiting.sleep(wait)
        raise AssertionError  # the last try returns or raises

    def at_once(self, errand: Errand, call: Callable[[], _Answer]) -> _Answer:
        """Return the answer to one try; raises NoteDelayed where another one may succeed, else PublishFailed."""
        try:
            return call()
        except Exception as error:
            wait, failure = self._wait(error, errand, 0), self._failure(error, errand)
            if wait is None:
                raise failure from error
            raise NoteDelayed(wait, failure) from error

    @abstractmethod
    def _refusal(self, error: Exception) -> Refusal | None:
        """Return what the platform said, None where the error does not tell of its interface."""

    def _wait(self, error: Exception, errand: Errand, number: int) -> float | None:
        """Return how many seconds to wait before the next try, None where another one is of no use."""
        jittered, refusal = 2.0**number * self.waiting.rng.uniform(0.5, 1.0), self._refusal(error)
        if refusal is not None and refusal.is_limit:
            return jittered if refusal.asked_wait_s is None else refusal.asked_wait_s
        over_soon = _is_unreachable(error) if refusal is None else refusal.is_outage
        return jittered if over_soon and errand.repeatable else None

    def _failure(self, error: Exception, errand: Errand) -> PublishFailed:
        refusal = self._refusal(error)
        if refusal is not None and not refusal.is_outage:
            return self._refused(refusal, errand)
        name, what, hint = self.platform, errand.what, _LATER
        if refusal is not None:
            message = f"{name} answers {refusal.status}, so that it did not {what}"
        elif _is_unreachable(error):
            message = f"{name} cannot be reached to {what}: {type(error).__name__}"
        else:
            message, hint = (
                f"what answered for {name} is not its interface, so that it did not {what}",
                self.address_hint,
            )
        return (PublishFailed if errand.repeatable else Unsure)(message, place=name, hint=hint)

    def _refused(self, refusal: Refusal, errand: Errand) -> PublishFailed:
        name, what, asked_s = self.platform, errand.what, refusal.asked_wait_s
        if refusal.is_limit:
            asked = "" if asked_s is None else f"; it asks to wait for {asked_s:.0f} s"
            message = f"{name}'s rate limit does not let us {what}{asked}"
            return PublishFailed(message, place=name, hint=f"{_LATER} {_ONE_FOR_ALL}")
        permission = self.permission_hint.format(permission=errand.permission)
        match refusal.status:
            case 401:
                return PublishFailed(f"{name} does not take the token to {what}", place=name, hint=self.token_hint)
            case 403:
                message = f"{name} does not let this token {what} ({refusal.said})"
                return PublishFailed(message, place=name, hint=permission)
            case 404 | 410:
                message = f"{name} finds nothing there to {what}, or hides it from this token"
                return NotThere(message, place=name, hint=permission)
            case status:
                return PublishFailed(f"{name} refuses to {what}: {status} {refusal.said}", place=name)


def _is_unreachable(error: Exception) -> bool:
    return isinstance(error, RequestException) and not isinstance(error, TooManyRedirects)


def wait_in(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer asks to wait, None where it names none; names of headers in small letters."""
    asked = headers.get("retry-after", "")
    return float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else None


def on_one_line(text: str) -> str:
    """Return a platform's own words, made short and fit for a terminal."""
    text = " ".join(text.split())
    return "".join(character for character in text if character.isprintable())[:_LONGEST_MESSAGE]
