"""Getting a letter delivered: a few tries, waits that the receiver asks for, and errors that hold no secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final, Protocol
from urllib.parse import urlsplit

from lens_gate.errors import PublishFailed
from lens_gate.notify.letter import Letter
from lens_gate.vocabulary.secrets import blotting

TRIES: Final = 3
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 20.0
"""A pipeline does not stand still for a message: who asks for more is not asked again."""

_EXCERPT = 200
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_HINTS = {
    400: "The receiver does not take this message: is the address one for this `type`?",
    401: "Check the key or the address of this notification.",
    403: "Check the key or the address of this notification.",
    404: "The address is not known there any more: make a new webhook, and set its variable anew.",
    410: "The webhook was removed there: make a new one, and set its variable anew.",
    429: "The receiver asks for fewer messages: `when: change` with a store sends the fewest.",
}
_HINT = "The verdict stands. Look whether the receiver works, and `lens-gate report VERDICT --notify` sends again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the receiver said: the status, how long it asks to wait, and the begin of its words."""

    status: int
    retry_after: str | None = None
    text: str = ""


class Unanswered(Exception):
    """The receiver was not reached, or did not answer in time; the text says which, and holds no address."""


class Exchange(Protocol):
    """One POST request, and its answer."""

    def __call__(self, letter: Letter) -> Answer:
        """Send the letter once. Raises Unanswered."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Messenger:
    """What delivers letters: one exchange at a time, and pauses between them."""

    exchange: Exchange
    sleep: Callable[[float], None]
    now: Callable[[], datetime]

    def deliver(self, letter: Letter, *, place: str) -> None:
        """Send a letter until it is taken, a few times at most. Raises PublishFailed, which names `place`."""
        blot = blotting(letter.secrets)
        for attempt in range(1, TRIES + 1):
            failure, wait_s = self._tried(letter, attempt, place)
            if failure is None:
                return
            if attempt == TRIES or wait_s is None:
                raise PublishFailed(blot(failure.message), place=place, hint=failure.hint)
            self.sleep(wait_s)

    def _tried(self, letter: Letter, attempt: int, place: str) -> tuple[PublishFailed | None, float | None]:
        """Send once; return how it failed, if it did, and how long to wait before another try (None: no more)."""
        backoff = FIRST_WAIT_S * 2 ** (attempt - 1)
        try:
            answer = self.exchange(letter)
        except Unanswered as error:
            failed = PublishFailed(f"{_host(letter)} {error}", place=place, hint=_HINT)
            return failed, backoff
        if 200 <= answer.status < 300:
            return None, None
        failed = PublishFailed(_said(answer, letter), place=place, hint=_HINTS.get(answer.status, _HINT))
        if answer.status not in _AGAIN:
            return failed, None
        return failed, wait_of(answer.retry_after, self.now(), otherwise=backoff)


def wait_of(retry_after: str | None, now: datetime, *, otherwise: float) -> float | None:
    """Return how many seconds to wait: as the receiver asks, in seconds or until a date; None where that is too long.

    A wish that cannot be read is none.
    """
    if retry_after is None:
        return otherwise
    asked = _seconds(retry_after.strip(), now)
    if asked is None:
        return otherwise
    return max(asked, 0.0) if asked <= LONGEST_WAIT_S else None


def _seconds(text: str, now: datetime) -> float | None:
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    try:
        return (parsedate_to_datetime(text) - now).total_seconds()
    except (TypeError, ValueError):
        return None


def _said(answer: Answer, letter: Letter) -> str:
    if 300 <= answer.status < 400:
        return f"{_host(letter)} sent the message on to another address ({answer.status}), which gets none"
    words = " ".join(answer.text.split())[:_EXCERPT]
    return f"{_host(letter)} did not take the message ({answer.status}{f': {words}' if words.isprintable() else ''})"


def _host(letter: Letter) -> str:
    """Return the host alone: the path of a webhook is a secret."""
    return urlsplit(letter.url).hostname or "the receiver"
