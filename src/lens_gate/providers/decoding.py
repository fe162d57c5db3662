"""From bytes to events: framing, reading and the rules that hold for every dialect.

Nothing follows an End or a Failure: the first of them is the response's outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from pydantic import JsonValue

from lens_gate.providers.base import Decoder, End, Event, Failure, NoTokens, ResponseHead, Run
from lens_gate.providers.errors import failure_in_stream, failure_of, malformed, not_a_stream
from lens_gate.providers.framing import Frame, Framer, WholeBody
from lens_gate.providers.json_values import NotJson, parse
from lens_gate.providers.repetition import Asides, Repetition
from lens_gate.providers.sse import SseDecoder

_ERROR_BODY_LIMIT = 64 * 1024
_DONE = b"[DONE]"
_OUTCOMES = (End, Failure)


class Dialect(Protocol):
    """What the JSON payloads of one response mean; keeps state, knows no framing, takes any JSON.

    With `asides` the text of a token is passed on as it stands in a payload, and decides nothing; they are what may
    change beside it without another meaning of the rest (see Repetition).
    """

    @property
    def asides(self) -> Asides | None:
        """What may change beside the text; None where each payload must be read."""
        ...

    def read(self, payload: JsonValue) -> Iterable[Event]:
        """Return what one payload says: an event of the stream, or the whole answer."""
        ...

    def done(self) -> Iterable[Event]:
        """Return what the line `[DONE]` says."""
        ...

    def closed(self) -> Iterable[Event]:
        """Return what the body's regular end says."""
        ...


class PayloadDecoder:
    """Decodes a body framed in JSON payloads."""

    def __init__(self, framer: Framer, dialect: Dialect) -> None:
        self._framer = framer
        self._dialect = dialect
        self._repetition = None if dialect.asides is None else Repetition(dialect.asides)
        self._over = False

    def feed_run(self, reads: Sequence[bytes]) -> Run | None:
        """Take the reads at the beginning that repeat what was learned."""
        if self._over or self._repetition is None or not self._framer.between:
            return None
        return self._repetition.run(reads)

    def feed(self, data: bytes) -> Sequence[Event]:
        """Take the next bytes and return the events that they complete."""
        if self._over:
            return []
        if self._repetition is None:
            return self._read_all(self._framer.feed(data))
        whole = self._framer.between
        again = self._repetition.read(data) if whole else None
        if again is not None:
            return again
        events = self._read_all(self._framer.feed(data))
        self._repetition.learn(data, events if whole and self._framer.between else ())
        return events

    def close(self) -> Sequence[Event]:
        """Return what was still held back when the body ended."""
        if self._over:
            return []
        events = self._read_all(self._framer.close())
        if not self._over:
            events += self._dialect.closed()
        self._over = True
        return events

    def _read_all(self, frames: list[Frame]) -> list[Event]:
        events: list[Event] = []
        for frame in frames:
            for event in self._read(frame):
                events.append(event)
                if isinstance(event, _OUTCOMES):
                    self._over = True
                    return events
        if self._framer.broken:
            self._over = True
            events.append(malformed(self._framer.broken))
        return events

    def _read(self, frame: Frame) -> Iterable[Event]:
        data = frame.data.strip()
        if not data:
            return ()
        if data == _DONE:
            return self._dialect.done()
        is_error = frame.event == "error"
        try:
            payload = parse(data)
        except NotJson as problem:
            if frame.torn:
                return ()
            told = failure_in_stream(data.decode("utf-8", "replace"))
            return (told,) if is_error else (malformed(f"a part of the answer is not JSON: {problem}"),)
        return (failure_in_stream(payload),) if is_error else self._dialect.read(payload)


class FailureDecoder:
    """Decodes a body that can only be a failure: keeps its beginning, and judges it at its end."""

    def __init__(self, judge: Callable[[bytes], Failure]) -> None:
        self._judge: Callable[[bytes], Failure] | None = judge
        self._body = bytearray()

    def feed_run(self, reads: Sequence[bytes]) -> None:
        """Take none."""

    def feed(self, data: bytes) -> Sequence[Event]:
        """Keep the beginning of the body."""
        self._body += data[: _ERROR_BODY_LIMIT - len(self._body)]
        return []

    def close(self) -> Sequence[Event]:
        """Return the one failure."""
        judge, self._judge = self._judge, None
        return [judge(bytes(self._body))] if judge else []


def decoder_for(head: ResponseHead, framer: Framer | None, dialect: Dialect) -> Decoder:
    """Return the decoder of a response: by its status, then by `framer`, where None means the wrong content type."""
    if not 200 <= head.status < 300:
        return FailureDecoder(lambda body: failure_of(head, body))
    if framer is None:
        return FailureDecoder(lambda body: not_a_stream(media_type(head), body))
    return PayloadDecoder(framer, dialect)


class UnreadDecoder:
    """Reads nothing of a body: that it ended is all that counts."""

    def __init__(self) -> None:
        self._over = False

    def feed_run(self, reads: Sequence[bytes]) -> None:
        """Take none."""

    def feed(self, data: bytes) -> Sequence[Event]:  # noqa: ARG002 - whatever it is
        """Return nothing."""
        return []

    def close(self) -> Sequence[Event]:
        """Return the end, once."""
        over, self._over = self._over, True
        return [] if over else [NoTokens(), End()]


def timed_only(head: ResponseHead) -> Decoder:
    """Return the decoder of a response of which only status and times count."""
    return UnreadDecoder() if 200 <= head.status < 300 else FailureDecoder(lambda body: failure_of(head, body))


def media_type(head: ResponseHead) -> str:
    """Return the content type without its parameters, in lower case; empty where there is none."""
    return head.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(media: str) -> bool:
    """Return whether a media type is JSON."""
    return media in {"application/json", "text/json"} or media.endswith("+json")


def usual_framer(head: ResponseHead, *, stream: bool) -> Framer | None:
    """Return the framing that the content type names, whatever was asked for; without one, what was asked for.

    Some servers answer a request for a stream with a whole JSON answer, or with an error and status 200.
    """
    media = media_type(head)
    if media == "text/event-stream" or (stream and not media):
        return SseDecoder()
    return WholeBody() if is_json(media) or not media else None
