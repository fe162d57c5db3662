"""The allowance of each provider, which all its requests share, whichever version they belong to. Pure.

A request that has no allowance yet is held back until it has: its intended instant moves. Booking the wait as latency
would blame the endpoint for our own limit. It hides no slowness either (coordinated omission), because an instant
moves by the schedule, the limits, and what the provider says is left, not because answers are slow. What was held
back is counted, and told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from lens_gate.artifacts.samples import Sample
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.limits.bucket import Bucket
from lens_gate.load.limits.rate_headers import Gauge, Standing, standing_of
from lens_gate.vocabulary.requests import Status

_CHARACTERS_PER_TOKEN: Final = 4
_TOKENS_OF_AN_UNLIMITED_ANSWER: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceLimits:
    """The allowance of one provider (or, under the name None, of all together), per minute; None: no limit known.

    With `from_headers` the provider's own word on what is left counts as well. A request that would have to wait for
    more than `max_wait_ns` since it was due is not sent.
    """

    requests: float | None = None
    tokens: float | None = None
    from_headers: bool = True
    max_wait_ns: int = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Booking:
    """A place in the order of a provider's requests: when it may go, and the tokens that it was counted with.

    It holds as long as no allowance that it was taken from began anew (`periods`). `waits` says that it lies later than
    the instant at which it was asked for.
    """

    at_ns: int
    tokens: float
    periods: tuple[int, ...]
    waits: bool = False


@dataclass(slots=True)
class PacedCount:
    """What became of the requests of one provider: held back, or not sent because the wait was too long."""

    paced: int = 0
    shed: int = 0
    waited_ns: int = 0
    longest_ns: int = 0


class _Allowance:
    """The two buckets of a provider, and when it wants to be left alone."""

    def __init__(self, limits: PaceLimits) -> None:
        self.limits = limits
        self.requests = Bucket(limits.requests)
        self.tokens = Bucket(limits.tokens)
        self.quiet_until_ns = 0
        self.period = 0

    def when(self, tokens: float, now_ns: int) -> int:
        return max(self.quiet_until_ns, self.requests.when(1, now_ns), self.tokens.when(tokens, now_ns))

    def book(self, tokens: float, at_ns: int) -> None:
        self.requests.book(1, at_ns)
        self.tokens.book(tokens, at_ns)

    def be_quiet(self, until_ns: int, tokens: float) -> None:
        """Begin anew at an instant: whoever was booked before it takes a new place, one after the other."""
        if until_ns <= self.quiet_until_ns:
            return
        self.quiet_until_ns = until_ns
        self.period += 1
        self.requests.begin_anew(until_ns, 1)
        self.tokens.begin_anew(until_ns, tokens)

    def learn(self, standing: Standing, tokens: float, now_ns: int) -> None:
        for bucket, gauge, needed in ((self.requests, standing.requests, 1.0), (self.tokens, standing.tokens, tokens)):
            if gauge is not None:
                _learn(bucket, gauge, min(needed, gauge.limit), now_ns)


def _learn(bucket: Bucket, gauge: Gauge, needed: float, now_ns: int) -> None:
    bucket.learn(remaining=gauge.remaining, needed=needed, refill_ns=gauge.refill_s * 1e9, now_ns=now_ns)


@dataclass(slots=True)
class Pacer:
    """Says when the requests of a run may go; `limits` by provider, under None those of all together.

    Providers without limits go at once. `on_paced` learns each request that was held back, and its wait in nanoseconds.
    """

    limits: Mapping[str | None, PaceLimits]
    counts: dict[str, PacedCount] = field(default_factory=dict)
    on_paced: Callable[[PlannedRequest, int], None] = lambda *_: None
    _allowances: dict[str | None, _Allowance] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with full buckets."""
        self._allowances = {name: _Allowance(limits) for name, limits in self.limits.items()}

    def book(self, planned: PlannedRequest, now_ns: int) -> Booking:
        """Give a request its place."""
        if not self._allowances:
            return Booking(now_ns, 0.0, ())
        tokens, shared = expected_tokens(planned), self._shared(planned)
        at_ns = max((one.when(tokens, now_ns) for one in shared), default=now_ns)
        for one in shared:
            one.book(tokens, at_ns)
        return Booking(at_ns, tokens, tuple(one.period for one in shared), waits=at_ns > now_ns)

    def book_in_time(self, planned: PlannedRequest, now_ns: int, *, due_ns: int) -> Booking | None:
        """Give a request that was due at `due_ns` its place, None where it would have to wait for too long."""
        if not self._allowances:
            return Booking(now_ns, 0.0, ())
        tokens, shared = expected_tokens(planned), self._shared(planned)
        at_ns = max((one.when(tokens, now_ns) for one in shared), default=now_ns)
        if at_ns > now_ns and any(at_ns - due_ns > one.limits.max_wait_ns for one in shared):
            self._count(planned).shed += 1
            return None
        return self.book(planned, now_ns)

    def holds(self, planned: PlannedRequest, booking: Booking) -> bool:
        """Say whether a booking is still good; one that is not is given up by this question."""
        shared = self._shared(planned)
        kept = [one for one, period in zip(shared, booking.periods, strict=True) if one.period == period]
        if len(kept) == len(shared):
            return True
        for one in kept:
            one.requests.give_back(1)
            one.tokens.give_back(booking.tokens)
        return False

    def went(self, planned: PlannedRequest, waited_ns: int) -> None:
        """Take note that a request went, so long after it was due."""
        if waited_ns > 0:
            count = self._count(planned)
            count.paced += 1
            count.waited_ns += waited_ns
            count.longest_ns = max(count.longest_ns, waited_ns)
            self.on_paced(planned, waited_ns)

    def heard(self, planned: PlannedRequest, booking: Booking, sample: Sample, answer: AnswerHead, now_ns: int) -> None:
        """Take note of an answer: the tokens that it really took, and what the provider says of its allowance."""
        used = _tokens_used(sample)
        for one, period in zip(self._shared(planned), booking.periods, strict=True):
            if used is not None and one.period == period:
                one.tokens.give_back(booking.tokens - used)
        own = self._allowances.get(planned.series.provider_name)
        if own is None:
            return
        if own.limits.from_headers:
            own.learn(standing_of(answer.headers, now_s=answer.now_s), booking.tokens, now_ns)
        if sample.status is Status.THROTTLED and answer.told_wait_s is not None:
            own.be_quiet(now_ns + round(answer.told_wait_s * 1e9), booking.tokens)

    def _shared(self, planned: PlannedRequest) -> list[_Allowance]:
        names = (planned.series.provider_name, None)
        return [self._allowances[name] for name in names if name in self._allowances]

    def _count(self, planned: PlannedRequest) -> PacedCount:
        return self.counts.setdefault(planned.series.provider_name, PacedCount())


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """The headers of an answer, the wait that it asks for, and the time of day (seconds of Unix time)."""

    headers: Mapping[str, str]
    told_wait_s: float | None
    now_s: float


def expected_tokens(planned: PlannedRequest) -> float:
    """Return what a request is counted with before its answer: about its input, and the limit of its answer.

    Providers count alike: OpenAI the larger of the limit and the input's characters, Anthropic both apart.
    """
    longest = planned.request.max_tokens
    return ceil(planned.prompt_characters / _CHARACTERS_PER_TOKEN) + (
        _TOKENS_OF_AN_UNLIMITED_ANSWER if longest is None else longest
    )


def _tokens_used(sample: Sample) -> float | None:
    """Return what an answer took; nothing where none was given, None where nobody knows."""
    if sample.input_tokens is not None and sample.output_tokens is not None:
        return sample.input_tokens + sample.output_tokens
    return 0.0 if (sample.http_status or 0) >= 400 else None
