"""What `play` is given."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from lens_gate.artifacts.samples import Attempt
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.engine.clock import Clock, MonotonicClock
from lens_gate.load.limits.breakers import BreakerEvent
from lens_gate.load.limits.failure_rules import FailureRules
from lens_gate.load.limits.pacing import PaceLimits
from lens_gate.load.record.recorder import Recorder
from lens_gate.load.schedule.share import WHOLE, Share
from lens_gate.load.wire.transport import Timeouts
from lens_gate.providers.base import HttpRequest, Usage
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import ErrorClass, Phase

_URGENT = frozenset({Ending.INTERRUPTED, Ending.TIME_CAP, Ending.AUTHENTICATION, Ending.UNREACHABLE, Ending.ERROR_RATE})
Held = TypeVar("Held")

COST_CAP: Final = "the cost cap"


class Money(Protocol[Held]):
    """The purse of a run; `Held` is what stands for a reservation."""

    def reserve(self, planned: PlannedRequest, wire: HttpRequest) -> Held | None:
        """Hold back what `planned` can cost at most, built as `wire`; None if that would pass the cap."""
        ...

    def could_fit(self, planned: PlannedRequest, wire: HttpRequest) -> bool:
        """Say whether `planned` may yet fit when the requests in flight have been settled."""
        ...

    def settle(self, held: Held, error: ErrorClass, http_status: int | None, told: Usage) -> float | None:
        """End a reservation and return what the attempt cost in US dollars, None where that is unknown (see Bill)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerSettings:
    """How to play; `concurrency` None is an open loop.

    Of the slots of a closed one, which open evenly over `ramp_up_s`, those of this `share` are ours. `duration_s` ends
    a closed loop normally, `time_cap_s` any run with TIME_CAP. `phase_at` tells the phase of a closed loop's request
    from its actual send (nanoseconds from the anchor). `on_anchor` learns the transport's clock at offset 0 before the
    first request: that is `anchor_ns`, which several processes share, or in a moment. A run that goes on begins at
    `begin_ns` from there.
    `drain_s` is what requests in flight are given when the run is cut short. After `patience` failures a series is
    given up, and with the last of all `series` of the schedule the run (see Watch); `failures` says what else is done
    about them, `pace` which limits are kept (see Pacer).
    `on_attempts` receives, before its sample, the attempts of a request that was tried more than once. `on_chunks`
    receives a request's index and, of each chunk of its body, the nanoseconds from the anchor and the bytes; `on_body`
    its index, the body that was sent, and the visible text of the answer. `on_breaker` learns each
    change of a circuit breaker, `on_paced` each request that was held back, and for how many nanoseconds.
    With `defer_bytes` successful answers are decoded after the last one has ended, or when more bytes of them wait; it
    must not be given where the rules `need_answers`. `wall_s` tells the time of day, in seconds of Unix time. `blot`
    takes secrets out of what a server said of an error, which may be cut. `cost_cap` is what the limit of the money is
    called where it ends the run.
    """

    timeouts: Timeouts = field(default_factory=Timeouts)
    concurrency: int | None = None
    ramp_up_s: float = 0.0
    share: Share = WHOLE
    duration_s: float | None = None
    phase_at: Callable[[int], Phase] | None = None
    time_cap_s: float | None = None
    drain_s: float = 2.0
    patience: int = 5
    series: frozenset[str] = frozenset()
    failures: FailureRules = field(default_factory=FailureRules)
    pace: Mapping[str | None, PaceLimits] = field(default_factory=dict)
    on_attempts: Callable[[Sequence[Attempt]], None] = lambda _: None
    on_chunks: Callable[[int, tuple[tuple[int, int], ...]], None] | None = None
    begin_ns: int = 0
    anchor_ns: int | None = None
    on_body: Callable[[int, bytes, str], None] | None = None
    on_anchor: Callable[[int], None] = lambda _: None
    on_breaker: Callable[[BreakerEvent], None] = lambda _: None
    on_paced: Callable[[PlannedRequest, int], None] = lambda *_: None
    clock: Clock = field(default_factory=MonotonicClock)
    defer_bytes: int | None = None
    wall_s: Callable[[], float] = time.time
    blot: Callable[[str], str] = str
    cost_cap: str = COST_CAP

    @property
    def need_answers(self) -> bool:
        """Whether each answer must be decoded as soon as it has ended, because what is sent next depends on it."""
        return self.failures.need_answers or bool(self.pace)

    def kept(self, index: int, wire: HttpRequest, recorder: Recorder) -> None:
        """Hand over what was kept of a request."""
        if self.on_chunks is not None:
            self.on_chunks(index, recorder.chunks)
        if self.on_body is not None:
            self.on_body(index, wire.body, recorder.text)


class StopSignal:
    """The request to end a run; the first one wins, but an urgent one overrides one that lets answers arrive.

    Urgent are an interruption, a time cap, a refused key, an unreachable endpoint and too many errors. Call it on the
    event loop's thread, for instance from `loop.add_signal_handler`.
    """

    def __init__(self) -> None:
        self.ending: Ending | None = None
        self.message: str | None = None
        self.stopped = asyncio.Event()
        self.urgent = asyncio.Event()

    def request(self, ending: Ending = Ending.INTERRUPTED, message: str | None = None) -> None:
        """Ask for the end."""
        if self.urgent.is_set() or (self.stopped.is_set() and ending not in _URGENT):
            return
        self.ending, self.message = ending, message
        self.stopped.set()
        if ending in _URGENT:
            self.urgent.set()
