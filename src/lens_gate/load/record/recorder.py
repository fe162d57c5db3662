"""From stamped bytes to one Sample: which instants count, how many tokens there were, and whether it was a success.

Pure: the times are those of the bytes, whenever they are decoded.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, assert_never

from lens_gate.artifacts.samples import Sample
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.record.stalls import Stalls
from lens_gate.load.wire.transport import Head, TransportFailure
from lens_gate.providers.base import Decoder, End, Event, Failure, Finish, ModelReturned, NoTokens, Run, Token, Usage
from lens_gate.providers.decoding import is_json, media_type
from lens_gate.stats.sketch import encode
from lens_gate.vocabulary.requests import (
    ErrorClass,
    FinishReason,
    Phase,
    Status,
    TokenKind,
    TokenSource,
    status_of,
)

BUFFERED_MIN_EVENTS: Final = 8
BUFFERED_MAX_READS: Final = 2
BUFFERED_MIN_WAIT_NS: Final = 1_000_000
BUFFERED_MAX_PACE_NS: Final = 200_000
"""A stream is called buffered when at least 8 token events arrive in at most 2 reads after a wait of at least 1 ms for
each of them: the wait was long enough to hold the generation at up to 1,000 events per second, so neither the first
token nor the pace can be known. Events of a second read that follow at no more than 5,000 per second may be a fast
endpoint's own: then it is not. A shorter wait bounds the error of the first token by itself, so an answer that really
is instantaneous (a cache, a mock) stays a success; its zero gaps are still counted. Where our own process had been
held up as long when it read them, nobody can say who buffered: its lateness is told by checks of its own."""

_HASH_CHARACTERS: Final = 16

Bill = Callable[[ErrorClass, int | None, Usage], float | None]
"""Tells what an attempt cost, in US dollars, by its class, its status and the tokens that the server told of.

None stands for a cost that nobody knows, and for a count that the server did not tell.
"""

_Fields = dict[str, Any]
"""A part of a Sample, which is built once: changing a frozen one copies all of its fields."""

_REASONING: Final = TokenKind.REASONING
_REFUSAL: Final = TokenKind.REFUSAL


class Recorder:
    """Observes one request: its head and the parts of its body in order, or what broke it, then `finish`.

    All times given are on the transport's clock; those of the Sample count from `anchor_ns`. Memory is bounded by the
    number of token events; the text of the answer is hashed and dropped. With `keep_chunks`, `chunks` holds the time
    and size of every part of the body.
    """

    def __init__(
        self, planned: PlannedRequest, *, anchor_ns: int, intended_ns: int, phase: Phase, keep_chunks: bool = False
    ) -> None:
        self._planned = planned
        self._anchor_ns = anchor_ns
        self._intended_ns = intended_ns
        self._phase = phase
        self._head: Head | None = None
        self._decoder: Decoder | None = None
        self._failure: TransportFailure | None = None
        self._body = _Body(keep=keep_chunks)
        self._answer = _Answer()

    def open(self, head: Head) -> None:
        """Take the head, which comes before all parts of the body."""
        self._head = head
        self._body.last_ns = head.t_ns
        self._decoder = self._planned.series.provider.decoder(head.head, stream=self._planned.request.stream)

    def take(self, times_ns: Sequence[int], parts: Sequence[bytes]) -> None:
        """Take the next parts of the body, and when each was read; an empty one only tells the time."""
        self._body.take(times_ns, parts)
        if self._decoder is not None:
            self._decode(self._decoder, times_ns, parts)

    def _decode(self, decoder: Decoder, times_ns: Sequence[int], parts: Sequence[bytes]) -> None:
        """Decode the parts, as many at once as the decoder can."""
        at = 0
        while at < len(parts):
            run = decoder.feed_run(parts[at:])
            if run is not None:
                self._answer.take_run(run, times_ns[at : at + len(run.texts)])
                at += len(run.texts)
                continue
            if parts[at]:
                self._answer.take(decoder.feed(parts[at]), times_ns[at])
            at += 1

    def fail(self, failure: TransportFailure) -> None:
        """Take note that the exchange broke; after the API's own end marker that changes nothing."""
        if self._answer.end_ns is None:
            self._failure = failure

    @property
    def chunks(self) -> tuple[tuple[int, int], ...]:
        """Time from the anchor in nanoseconds, and size in bytes, of each part; empty unless they are kept."""
        return tuple((t_ns - self._anchor_ns, size) for t_ns, size in self._body.kept)

    @property
    def text(self) -> str:
        """All of the answer so far that a person would see."""
        return self._answer.words

    @property
    def message(self) -> str | None:
        """What the transport or the server said about the failure, as it came: it may quote a secret."""
        said = self._failure or self._answer.failure
        return None if said is None else said.message

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the answer; none where no head came."""
        return {} if self._head is None else self._head.head.headers

    @property
    def retry_after_s(self) -> float | None:
        """The seconds that the server asked to wait, in a header or in its own words."""
        return None if self._answer.failure is None else self._answer.failure.retry_after_s

    def finish(self, stalls: Stalls | None = None, *, bill: Bill = lambda *_: None) -> Sample:
        """Return what was measured, and what it cost by `bill`; call it once, after the body ended or `fail`.

        What arrived in one piece because of our own `stalls` is not laid to the server.
        """
        if self._decoder is not None and self._failure is None:
            self._answer.take(self._decoder.close(), self._body.last_ns)
        error = self._error()
        if error is ErrorClass.NONE and self._planned.request.stream and self._buffered(stalls or Stalls()):
            error = ErrorClass.BUFFERED
        http_status = None if self._head is None else self._head.head.status
        tokens, source = self._answer.output_tokens()
        told = self._answer.usage._replace(output=tokens if source is TokenSource.SERVER else None)
        return Sample(
            **_asked(self._planned, self._intended_ns - self._anchor_ns, self._phase),
            **self._opened(),
            **self._answered(),
            **self._timed(),
            output_tokens=tokens,
            token_source=source,
            error_class=error,
            status=status_of(error, http_status),
            cost_usd=bill(error, http_status, told),
        )

    def _opened(self) -> _Fields:
        head, failure = self._head, self._failure
        if head is None:
            sent_ns, connect_ns = (failure.sent_ns, failure.connect_ns) if failure else (None, None)
            return {
                "sent_ns": self._relative(sent_ns),
                "connect_ns": connect_ns,
                "reused": None if connect_ns is None else False,
            }
        return {
            "sent_ns": self._relative(head.sent_ns),
            "headers_ns": self._relative(head.t_ns),
            "connect_ns": head.connect_ns,
            "reused": head.connect_ns is None,
            "http_status": head.head.status,
        }

    def _answered(self) -> _Fields:
        answer, words = self._answer, self._answer.words
        return {
            "input_tokens": answer.usage.input,
            "reasoning_tokens": answer.usage.reasoning,
            "cached_tokens": answer.usage.cached,
            "cache_write_tokens": answer.usage.cache_write,
            "model_returned": answer.model,
            "answer_hash": _hash(words) if words else None,
            "answer_characters": len(words),
            "finish_reason": FinishReason.REFUSAL if answer.refused else answer.finish,
            "chunk_count": len(answer.times),
        }

    def _timed(self) -> _Fields:
        """Return the instants; an answer that was not streamed has no first token that could be told from its last."""
        whole: _Fields = {
            "first_byte_ns": self._relative(self._body.first_ns),
            "end_ns": self._relative(self._end_ns()),
            "read_count": self._body.reads,
        }
        times = self._answer.times
        if not (times and self._streamed()):
            return whole
        gaps = [later - earlier for earlier, later in pairwise(times)]
        return {
            **whole,
            "first_token_ns": self._relative(times[0]),
            "first_visible_ns": self._relative(self._answer.first_visible_ns),
            "last_token_ns": self._relative(times[-1]),
            "zero_gaps": gaps.count(0),
            "largest_gap_ns": max(gaps, default=None),
            "gap_sketch": encode(gaps) if gaps else None,
        }

    def _streamed(self) -> bool:
        """Whether it came as a stream: some servers answer the request for one with a JSON document in one piece."""
        document = self._head is not None and is_json(media_type(self._head.head)) and len(set(self._answer.times)) == 1
        return self._planned.request.stream and not document

    def _error(self) -> ErrorClass:
        if self._failure is not None:
            return self._failure.error_class
        if self._answer.failure is not None:
            return self._answer.failure.error_class
        return self._answer.error(empty_body=self._body.reads == 0)

    def _end_ns(self) -> int:
        """Return the failure's time, or the end marker's; without either the body's last."""
        if self._failure is not None:
            return self._failure.t_ns
        return self._body.last_ns if self._answer.end_ns is None else self._answer.end_ns

    def _buffered(self, stalls: Stalls) -> bool:
        times = self._answer.times
        if len(times) < BUFFERED_MIN_EVENTS or len(set(times)) > BUFFERED_MAX_READS or self._head is None:
            return False
        long_enough, sent_ns = len(times) * BUFFERED_MIN_WAIT_NS, self._head.sent_ns
        later = len(times) - times.count(times[0])
        held_back = times[-1] - sent_ns >= long_enough and times[-1] - times[0] <= later * BUFFERED_MAX_PACE_NS
        return held_back and stalls.before(times[0]) < long_enough

    def _relative(self, t_ns: int | None) -> int | None:
        return None if t_ns is None else t_ns - self._anchor_ns


def unsent(planned: PlannedRequest, *, intended_ns: int, phase: Phase, why: ErrorClass = ErrorClass.SHED) -> Sample:
    """Return the sample of a request that was shed; `intended_ns` counts from the anchor."""
    return Sample(**_asked(planned, intended_ns, phase), status=Status.SHED, error_class=why)


def _asked(planned: PlannedRequest, intended_ns: int, phase: Phase) -> _Fields:
    return {
        "index": planned.index,
        "series": planned.series.series,
        "provider": planned.series.provider_name,
        "model": planned.series.model,
        "arm": planned.arm,
        "pair": planned.pair,
        "slot": planned.slot,
        "prompt_id": planned.prompt_id,
        "draw": planned.draw,
        "repetition": planned.repetition,
        "phase": phase,
        "intended_ns": intended_ns,
        "prompt_hash": planned.prompt_hash,
        "prompt_characters": planned.prompt_characters,
    }


def _hash(words: str) -> str:
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_CHARACTERS]


class _Body:
    """When the bytes came: parts of equal time came out of one read, and an empty one only marks the end."""

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self._read_ns: int | None = None
        self.kept: list[tuple[int, int]] = []
        self.reads = 0
        self.first_ns: int | None = None
        self.last_ns = 0

    def take(self, times_ns: Sequence[int], parts: Sequence[bytes]) -> None:
        for t_ns, data in zip(times_ns, parts, strict=True):
            self.last_ns = t_ns
            if not data:
                continue
            if t_ns != self._read_ns:
                self._read_ns = t_ns
                self.reads += 1
                if self.first_ns is None:
                    self.first_ns = t_ns
            if self._keep:
                self.kept.append((t_ns, len(data)))


class _Answer:
    """What the events said, and when the token-bearing ones came."""

    def __init__(self) -> None:
        self.times: array[int] = array("q")
        self.first_visible_ns: int | None = None
        self.end_ns: int | None = None
        self.usage = Usage()
        self.model: str | None = None
        self.finish = FinishReason.NONE
        self.refused = False
        self.tokenless = False
        self.failure: Failure | None = None
        self._words: list[str] = []
        self._told_tokens: int | None = 0

    @property
    def words(self) -> str:
        """All of the answer that a person would see."""
        return "".join(self._words)

    def take(self, events: Iterable[Event], t_ns: int) -> None:
        for event in events:
            if not isinstance(event, Token):
                self._take_other(event, t_ns)
                continue
            kind, text, tokens = event
            self.times.append(t_ns)
            if self._told_tokens is not None:
                self._told_tokens = None if tokens is None else self._told_tokens + tokens
            if kind is not _REASONING:
                self._words.append(text)
                if self.first_visible_ns is None:
                    self.first_visible_ns = t_ns
                self.refused = self.refused or kind is _REFUSAL

    def take_run(self, run: Run, times: Sequence[int]) -> None:
        """Take tokens of which nobody said how many they are."""
        self.times.extend(times)
        self._told_tokens = None
        if run.kind is not _REASONING:
            self._words += run.texts
            if self.first_visible_ns is None:
                self.first_visible_ns = times[0]
            self.refused = self.refused or run.kind is _REFUSAL

    def _take_other(self, event: Usage | ModelReturned | Finish | Failure | End | NoTokens, t_ns: int) -> None:
        match event:
            case Usage():
                self.usage = event
            case ModelReturned():
                self.model = event.model
            case Finish():
                self.finish = event.reason
                self.refused = self.refused or event.reason is FinishReason.REFUSAL
            case Failure():
                self.failure = self.failure or event
            case End():
                self.end_ns = t_ns
            case NoTokens():
                self.tokenless = True
            case _:
                assert_never(event)

    def error(self, *, empty_body: bool) -> ErrorClass:
        """Say what is wrong with an answer that came with a status of success and reported no failure."""
        whole = self.end_ns is not None
        if self.refused and whole:
            return ErrorClass.REFUSED
        if not self.times and (whole or empty_body):
            return ErrorClass.NONE if self.tokenless else ErrorClass.EMPTY
        return ErrorClass.NONE if whole else ErrorClass.CUT_STREAM

    def output_tokens(self) -> tuple[int | None, TokenSource]:
        """Return the count and its source; a stream that broke off may have told only a placeholder."""
        events = len(self.times)
        told = self.usage.output
        if told is None and events:
            told = self._told_tokens
        if told is not None and (self.end_ns is not None or told >= events):
            return told, TokenSource.SERVER
        return (events, TokenSource.CHUNKS) if events else (None, TokenSource.NONE)
