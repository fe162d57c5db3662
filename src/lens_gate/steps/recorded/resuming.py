"""A run that was interrupted or killed, and what is left of its schedule.

The schedule is fixed by its seed, so that it is walked through again: what has a sample is held against it, what was
sent without one is charged at its bound and never repeated, and the rest is sent. The run's clock stands still in the
gap, so that every request keeps the instant that the schedule gave it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from lens_gate.artifacts.codec import load_run
from lens_gate.artifacts.journal import Stretch, decode_journal, is_journal
from lens_gate.artifacts.run import Beside, Plan, Run
from lens_gate.artifacts.run_head import RunHead
from lens_gate.artifacts.samples import Samples
from lens_gate.artifacts.segment import Segment
from lens_gate.errors import UsageProblem
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.money.purse import Purse
from lens_gate.load.record.run_end import RunEnd
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.steps.recorded.beside import found_beside
from lens_gate.steps.recorded.reading import samples_beside
from lens_gate.steps.recorded.recovered import lasted_ns, recovered
from lens_gate.stores.files import read_file
from lens_gate.vocabulary.requests import Status

_MAY_GROW = ("requests", "duration_s")
_BESIDE = ("cover", "processes")
"""What changes nothing that is sent, only by whom, or how it is judged."""

_TEXTS = ("series", "arm", "prompt_id", "draw", "prompt_hash")
_NUMBERS = ("pair", "slot", "repetition")
_SAME = "Repeat the command of that run with the same configuration, seed and options; only caps may be raised."


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A run so far, from its journal or its artifact, and the files that lie `kept` beside that."""

    run: Run
    samples: Samples
    stretches: tuple[Stretch, ...]
    attempts: tuple[dict[str, JsonValue], ...]
    path: Path
    kept: Mapping[Beside, Path]

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The stretches of sending so far."""
        whole = Segment(start_time=self.run.benchmark.start_time, begin_ns=0, requests=len(self.samples))
        return self.run.segments or (whole,)

    @property
    def through(self) -> int:
        """Requests below this index may have been sent."""
        return max((stretch.through for stretch in self.stretches), default=0)

    def followed_by(self, began: tuple[str, int], requests: int) -> tuple[Segment, ...]:
        """Return all stretches with the one that `began` at a time of day and instant; all hold so many `requests`."""
        start_time, begin_ns = began
        last = Segment(start_time=start_time, begin_ns=begin_ns, requests=requests - len(self.samples))
        return (*self.segments, last)

    def worst(self, end: RunEnd) -> RunEnd:
        """Return how the run ended, with the lag of the event loop over all its stretches, as far as it is known."""
        known = [check.value for check in self.run.validity.checks if check.name == "loop_lag_p99"]
        before_ns = max((round(1e6 * value) for value in known if value is not None), default=0)
        lag = end.loop_lag
        return replace(end, loop_lag=replace(lag, p99_ns=max(lag.p99_ns, before_ns))) if lag.count else end


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What is left to send, and the instant of the run's clock at which it begins."""

    requests: Iterator[PlannedRequest]
    begin_ns: int


@dataclass(frozen=True, slots=True)
class Charging:
    """Books what an earlier part spent; each of its requests may have been sent `max_attempts` times."""

    purse: Purse
    max_attempts: int

    def ended(self, request: PlannedRequest, cost_usd: float, *, attempts: int) -> None:
        """Book a request whose attempts cost so much together; where that is not known (NaN), all that they can."""
        self.purse.charge(request, None if np.isnan(cost_usd) else cost_usd, attempts=attempts)

    def lost(self, request: PlannedRequest) -> None:
        """Book a request of which nothing is known."""
        self.purse.charge(request, None, attempts=self.max_attempts)


def read_earlier(path: Path) -> Earlier:
    """Read what a run left: its journal, its samples file, or its artifact."""
    data = read_file(path)
    if is_journal(data):
        contents = decode_journal(data, name=str(path))
        run = recovered(contents, data, name=str(path))
        samples, stretches, attempts = contents.samples, contents.stretches, contents.attempts
    else:
        run = load_run(data, name=str(path))
        samples, stretches, attempts = samples_beside(run, path), _stretches(run), run.attempts
    return Earlier(
        run=run,
        samples=samples,
        stretches=stretches,
        attempts=attempts,
        path=path,
        kept=found_beside(run.kept, path),
    )


def _stretches(run: Run) -> tuple[Stretch, ...]:
    """Return the stretches of an artifact; a run that was not killed lost nothing."""
    stretches: list[Stretch] = []
    sent = 0
    for number, segment in enumerate(run.segments):
        sent += segment.requests + segment.lost
        note: JsonValue = {"start_time": segment.start_time, "begin_ns": segment.begin_ns} if number else None
        stretches.append(Stretch(note=note, requests=segment.requests, through=sent if segment.lost else 0))
    return tuple(stretches) or (Stretch(note=None, requests=run.samples.requests, through=0),)


def continued(earlier: Earlier, now: RunHead) -> RunHead:
    """Return the head of a run that goes on: it began when it first did, and covers what it was to cover from there."""
    cover = tuple(dict.fromkeys((*earlier.run.plan.cover, *now.plan.cover)))
    plan = now.plan.model_copy(update={"cover": cover})
    kept = tuple(dict.fromkeys((*earlier.kept, *now.kept)))
    return now.model_copy(update={"start_time": earlier.run.benchmark.start_time, "plan": plan, "kept": kept})


def require_same(earlier: Earlier, now: RunHead) -> None:
    """Refuse to go on with a run as another one; UsageProblem says in what they differ."""
    run, place = earlier.run, f"--resume {earlier.path}"
    if run.plan.looks or now.plan.looks:
        raise UsageProblem(
            "a run that ends when it is decided cannot be resumed: what its looks have spent is not known",
            place=place,
            hint="Judge what it measured with `lens-gate analyze`, or run it again.",
        )
    if differing := list(_differences(run, now)):
        raise UsageProblem(f"this is another run: {'; '.join(differing)}", place=place, hint=_SAME)


def _differences(run: Run, now: RunHead) -> Iterator[str]:
    if run.transport != now.transport:
        yield f"it was measured through `{run.transport}`, and this would be through `{now.transport}`"
    if [(arm.arm, arm.requests_hash, arm.target) for arm in run.arms] != [
        (arm.arm, arm.requests_hash, arm.target) for arm in now.arms
    ]:
        yield "other requests would be sent"
    if _control(run) != _control(now):
        yield "its control has another share"
    for name in (name for name in Plan.model_fields if name not in _BESIDE):
        before, after = getattr(run.plan, name), getattr(now.plan, name)
        if before != after and not (name in _MAY_GROW and _grown(before, after) and run.plan.cooldown_s == 0):
            yield f"`{name}` was {before}, and is {after}"


def _grown(before: float | None, after: float | None) -> bool:
    return after is None or (before is not None and after >= before)


def _control(known: Run | RunHead) -> float | None:
    return known.comparison.control_share if known.comparison else None


def rest_of(
    earlier: Earlier, planned: Iterator[PlannedRequest], settings: ScheduleSettings, charging: Charging
) -> Rest:
    """Walk through the schedule, charge what was sent, and return what is left.

    Raises UsageProblem where the schedule is another one, where nothing is left, and for conversations.
    """
    if settings.turns > 1:
        raise UsageProblem(
            "a run of conversations cannot be resumed: the answers that its users had got are not kept",
            place=f"--resume {earlier.path}",
            hint="Judge what it measured with `lens-gate analyze`, or run it again.",
        )
    rows = _Rows(earlier)
    unsent: list[PlannedRequest] = []
    while rows.open and (request := next(planned, None)) is not None:
        if not rows.take(request, charging, open_loop=settings.concurrency is None):
            unsent.append(request)
    if rows.unmet:  # More may have been promised than there is: a run that ends with its time does not know its end.
        raise UsageProblem(
            "this is another run: its schedule ends before the requests that were sent",
            place=f"--resume {earlier.path}",
            hint=_SAME,
        )
    first = unsent[0] if unsent else next(planned, None)
    begin_ns = _begin_ns(earlier, first, settings)
    if first is None or begin_ns is None:
        raise UsageProblem(
            "nothing is left to send: all of it was sent, or may have been",
            place=f"--resume {earlier.path}",
            hint="Judge what it measured with `lens-gate analyze`, or raise --requests or --duration to go on.",
        )
    return Rest(requests=chain(unsent or [first], planned), begin_ns=begin_ns)


def _begin_ns(earlier: Earlier, first: PlannedRequest | None, settings: ScheduleSettings) -> int | None:
    """Return when the rest begins on the run's clock, None where the time is over."""
    if settings.concurrency is None:
        return first.offset_ns if first else None
    begin_ns = lasted_ns(earlier.samples)
    over = settings.duration_s is not None and begin_ns >= 1e9 * settings.duration_s
    return None if over else begin_ns


class _Rows:
    """The samples so far by their index in the schedule."""

    def __init__(self, earlier: Earlier) -> None:
        samples = earlier.samples
        self._earlier = earlier
        self._places = {int(index): place for place, index in enumerate(samples.numbers["index"].tolist())}
        self._texts = {name: samples.texts[name].strings() for name in (*_TEXTS, "status")}
        self._left = len(self._places)
        self._next = 0

    @property
    def unmet(self) -> bool:
        """Whether there are samples that the schedule has not come to yet."""
        return self._left > 0

    @property
    def open(self) -> bool:
        """Whether the schedule must still be walked through."""
        return self.unmet or self._next < self._earlier.through

    def take(self, request: PlannedRequest, charging: Charging, *, open_loop: bool) -> bool:
        """Charge a request that was sent, or may have been; False where it was not."""
        self._next = request.index + 1
        place = self._places.get(request.index)
        if place is None:
            if request.index < self._earlier.through:
                charging.lost(request)
            return request.index < self._earlier.through
        self._require_same(request, place, open_loop=open_loop)
        self._left -= 1
        if self._texts["status"][place] != Status.SHED:
            numbers = self._earlier.samples.numbers
            charging.ended(request, float(numbers["cost_usd"][place]), attempts=int(numbers["attempts"][place]))
        return True

    def _require_same(self, request: PlannedRequest, place: int, *, open_loop: bool) -> None:
        numbers = self._earlier.samples.numbers
        was: Sequence[object] = [
            *(self._texts[name][place] for name in _TEXTS),
            *(_whole(float(numbers[name][place])) for name in (*_NUMBERS, "intended_ns")),
        ]
        due = request.offset_ns if open_loop else was[-1]
        now = [request.series.series, request.arm.value, request.prompt_id, request.draw, request.prompt_hash]
        if was != [*now, request.pair, request.slot, request.repetition, due]:
            raise UsageProblem(
                f"this is another run: request {request.index} of its schedule was another one "
                f"(prompt {was[2]} to {was[0]}, and is {request.prompt_id} to {request.series.series})",
                place=f"--resume {self._earlier.path}",
                hint=_SAME,
            )


def _whole(value: float) -> int | None:
    return None if np.isnan(value) else int(value)
