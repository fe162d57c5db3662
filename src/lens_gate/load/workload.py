"""The schedule: which request of which arm is sent in which slot. Pure and lazy, fixed by its random generator.

`requests`, `duration_s` and `rate` count everything that is sent: both arms, all series, warm-up and cool-down, which
are cut from the two ends of the run. What is compared shares a group of neighbouring slots: the pairs of a duet, the
blocks of several alternatives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice, repeat
from typing import NamedTuple, assert_never

import numpy as np

from lens_gate.config.model import Config, Workload, WorkloadType
from lens_gate.errors import ConfigProblem
from lens_gate.load.arrivals import NS_PER_S, Arrival, bounded, fixed, poisson, uniform
from lens_gate.load.luck import permutations, uniforms
from lens_gate.load.pairing import paired_prompts, paired_series
from lens_gate.load.plan import ArmPlan, PlannedRequest, PromptPlan, SeriesPlan
from lens_gate.load.prompts import Draw, chat_request, draws, prompt_characters, prompt_hash, weighted
from lens_gate.providers.base import ChatRequest
from lens_gate.vocabulary.requests import Arm, Phase

DEFAULT_DURATION_S = 60.0
"""How long a run lasts where neither `duration` nor `requests` is configured."""

_SHORT = 16_384
_MOST = 1024
"""Rendered requests of at most so many characters, and so many of them, are kept to be sent again."""

DEFAULT_RATE = 1.0
"""Requests per second, both arms together, where no rate is configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSettings:
    """How a run is paced: `rate` per second in an open loop (else None), `concurrency` in a closed one (else None).

    None for both `duration_s` and `requests` means that the caller ends the run. With a `control_share` the arms are no
    pairs: that share of the requests, each drawn by chance, goes to the base.
    """

    arrival: Arrival
    rate: float | None
    concurrency: int | None
    duration_s: float | None
    requests: int | None
    warmup_s: float = 0.0
    cooldown_s: float = 0.0
    seed: int = 0
    control_share: float | None = None

    @property
    def end_s(self) -> float | None:
        """When the last send is due, in seconds from the start; None where that is not known beforehand."""
        by_requests = None if self.requests is None or self.rate is None else self.requests / self.rate
        ends = [end for end in (self.duration_s, by_requests) if end is not None]
        return min(ends, default=None)


def schedule_settings(config: Config) -> ScheduleSettings:
    """Read the pace of a run from `profiler` and `workload`.

    Raises ConfigProblem where the named kind of arrival lacks its section, nothing is left to measure, or a cool-down
    precedes an end that nobody knows. Of a replay only its log knows the rest (`load/replay.py`).
    """
    profiler = config.profiler
    arrival = _arrival(config.workload)
    unbounded = profiler.duration is None and profiler.requests is None and arrival is not Arrival.REPLAY
    settings = ScheduleSettings(
        arrival=arrival,
        rate=_rate(arrival, config.workload),
        concurrency=_concurrency(arrival, config.workload),
        duration_s=DEFAULT_DURATION_S if unbounded else profiler.duration,
        requests=profiler.requests,
        warmup_s=profiler.warmup,
        cooldown_s=profiler.cooldown,
        seed=profiler.seed,
    )
    if arrival is not Arrival.REPLAY:
        require_time_to_measure(settings)
    return settings


def require_time_to_measure(settings: ScheduleSettings) -> None:
    """Refuse a run of which warm-up and cool-down leave nothing. Raises ConfigProblem."""
    unmeasured_s = settings.warmup_s + settings.cooldown_s
    if settings.end_s is not None and unmeasured_s >= settings.end_s:
        raise ConfigProblem(
            f"warm-up and cool-down ({unmeasured_s:g} s) leave nothing of a run of {settings.end_s:g} s to measure",
            place="profiler",
            hint="Raise `duration` or `requests`, which include both, or shorten `warmup` and `cooldown`.",
        )
    if settings.end_s is None and settings.cooldown_s > 0:
        raise ConfigProblem(
            "a closed loop that ends with its requests does not know when its cool-down begins",
            place="profiler.cooldown",
            hint="Add a `duration`, or leave `cooldown` out.",
        )


def _arrival(workload: Workload) -> Arrival:
    kind = kind_of(workload)
    if kind is WorkloadType.MIXED:
        return Arrival.FIXED if workload.fixed is not None or workload.poisson is None else Arrival.POISSON
    return Arrival(kind.value)


def kind_of(workload: Workload) -> WorkloadType:
    """Return the type; where it is not written, the one section that is there says it."""
    sections = {
        WorkloadType.FIXED: workload.fixed,
        WorkloadType.POISSON: workload.poisson,
        WorkloadType.CLOSED: workload.closed,
        WorkloadType.REPLAY: workload.replay,
    }
    present = [kind for kind, section in sections.items() if section is not None]
    if "type" in workload.model_fields_set or len(present) != 1:
        return workload.type
    return present[0]


def _rate(arrival: Arrival, workload: Workload) -> float | None:
    steady = None if workload.fixed is None else workload.fixed.requests_per_second
    mean = None if workload.poisson is None else workload.poisson.rate
    if arrival in {Arrival.CLOSED, Arrival.REPLAY}:
        return None
    if arrival is Arrival.RANDOM:
        return steady or mean or DEFAULT_RATE
    own, other = (steady, mean) if arrival is Arrival.FIXED else (mean, steady)
    if own is None and other is not None:
        raise ConfigProblem(
            f"the type is `{arrival}`, but the rate stands in another section",
            place="workload.type",
            hint=f"Add the section `workload.{arrival}`, or change the type.",
        )
    return own or DEFAULT_RATE


def _concurrency(arrival: Arrival, workload: Workload) -> int | None:
    if arrival is not Arrival.CLOSED:
        return None
    return 1 if workload.closed is None else workload.closed.concurrency


def phase_at(settings: ScheduleSettings, offset_ns: int) -> Phase:
    """Say which phase a send at `offset_ns` belongs to; for a closed loop, that of the actual send."""
    if offset_ns < settings.warmup_s * NS_PER_S:
        return Phase.WARMUP
    if settings.end_s is not None and offset_ns >= (settings.end_s - settings.cooldown_s) * NS_PER_S:
        return Phase.COOLDOWN
    return Phase.MEASURE


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a comparison: its series and its prompts, in the order that all sides share."""

    arm: Arm
    series: Sequence[SeriesPlan]
    prompts: Sequence[PromptPlan]


class _Rendered(NamedTuple):
    """A request as it is sent, and what it was rendered from."""

    draw: Draw
    request: ChatRequest
    hash: str
    characters: int


class _Slot(NamedTuple):
    """A place in the schedule; `pair` (or block) and `slot` are None without a comparison."""

    pair: int | None
    slot: int | None
    offset_ns: int
    phase: Phase


class _Item(NamedTuple):
    """What is sent next: positions in the shared order of series and prompts, and the drawn values."""

    series: int
    prompt: int
    draw: Draw
    repetition: int


def schedule(
    candidate: ArmPlan, base: ArmPlan | None, settings: ScheduleSettings, rng: np.random.Generator
) -> Iterator[PlannedRequest]:
    """Yield the requests of a run in the order of their slots.

    With a base each comparison takes two neighbouring slots in random order, and only whole pairs are scheduled, unless
    the base is a control, which takes single slots by chance. The series of an arm that are compared with each other go
    in blocks of one slot each. Each prompt that is drawn goes to all series, in random order, before the next one is
    drawn. In a closed loop every offset is 0, the caller pulls, and `phase_at` tells the phase. Nothing is yielded
    where the sides share nothing.
    """
    sides, drawn = _sides(candidate, base)
    if not drawn or not sides[0].series:
        return
    # Streams of their own keep the arrival times the same when a prompt is added.
    arrival_rng, draw_rng, order_rng = rng.spawn(3)
    items = _items(len(sides[0].series), drawn, draw_rng, order_rng)
    taking = _taking(sides, settings, order_rng)
    rendering = _Rendering()
    together = group_size(candidate, base, settings)
    index, compared = count(), together > 1
    for number, offsets in enumerate(_grouped(_offsets(settings, arrival_rng), together)):
        item = next(items)
        slots = [
            _Slot(number if compared else None, slot if compared else None, offset, phase_at(settings, offsets[0]))
            for slot, offset in enumerate(offsets)
        ]
        for slot, side in zip(slots, next(taking), strict=True):
            yield _planned(next(index), slot, side, item, rendering)


def group_size(candidate: ArmPlan, base: ArmPlan | None, settings: ScheduleSettings) -> int:
    """Return how many neighbouring slots belong together: a pair, a block of all alternatives, or just one."""
    if base is not None:
        return 2 if settings.control_share is None else 1
    return 1 if candidate.asked is None else len(candidate.series)


def _sides(candidate: ArmPlan, base: ArmPlan | None) -> tuple[list[_Side], list[PromptPlan]]:
    """Return the sides, and the prompts from which the variables of all are drawn."""
    if base is None and candidate.asked is None:
        return [_Side(candidate.arm, candidate.series, candidate.prompts)], list(candidate.prompts)
    if base is None:
        alternatives = [_Side(candidate.arm, [one], candidate.prompts_of(one)) for one in candidate.series]
        return alternatives, list(candidate.prompts)
    series, prompts = paired_series(candidate, base), paired_prompts(candidate, base)
    return [
        _Side(candidate.arm, [pair.candidate for pair in series], [pair.candidate for pair in prompts]),
        _Side(base.arm, [pair.base for pair in series], [pair.base for pair in prompts]),
    ], [pair.drawn for pair in prompts]


def _offsets(settings: ScheduleSettings, rng: np.random.Generator) -> Iterator[int]:
    rate = settings.rate or DEFAULT_RATE
    match settings.arrival:
        case Arrival.FIXED:
            offsets = fixed(rate)
        case Arrival.POISSON:
            offsets = poisson(rate, rng)
        case Arrival.RANDOM:
            offsets = uniform(rate, rng)
        case Arrival.CLOSED:
            offsets = repeat(0)
        case Arrival.REPLAY:
            offsets = iter(())  # a log brings its own instants (load/replay.py)
        case unknown:
            assert_never(unknown)
    return bounded(offsets, duration_s=settings.duration_s, requests=settings.requests)


def _grouped(offsets: Iterator[int], size: int) -> Iterator[tuple[int, ...]]:
    """Yield whole groups of `size`; what is left over at the end is dropped."""
    while len(group := tuple(islice(offsets, size))) == size:
        yield group


def _items(
    series: int, prompts: Sequence[PromptPlan], draw_rng: np.random.Generator, order_rng: np.random.Generator
) -> Iterator[_Item]:
    seen: Counter[tuple[int, str]] = Counter()
    drawing = [draws(prompt, draw_rng) for prompt in prompts]
    orders = permutations(series, order_rng)
    for prompt in weighted([one.weight for one in prompts], draw_rng):
        drawn = next(drawing[prompt])
        repetition = seen[prompt, drawn.hash]
        seen[prompt, drawn.hash] += 1
        for position in next(orders):
            yield _Item(position, prompt, drawn, repetition)


def _taking(sides: list[_Side], settings: ScheduleSettings, rng: np.random.Generator) -> Iterator[Sequence[_Side]]:
    """Yield the sides that take the next slots: all in random order, or with a control one of the two by chance."""
    if settings.control_share is None:
        return ([sides[place] for place in order] for order in permutations(len(sides), rng))
    candidate, control = sides
    share = settings.control_share
    return ([control if luck < share else candidate] for luck in uniforms(rng))


class _Rendering:
    """Renders what is drawn, once as long as the same draw comes again and again; long texts are not kept."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int], _Rendered] = {}

    def of(self, series: SeriesPlan, prompt: PromptPlan, drawn: Draw) -> _Rendered:
        key = (id(series), id(prompt), id(drawn))
        known = self._known.get(key)
        if known is not None:
            return known
        request = chat_request(series, prompt, drawn.values)
        rendered = _Rendered(drawn, request, prompt_hash(request), prompt_characters(request))
        if rendered.characters <= _SHORT:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[key] = rendered
        return rendered


def _planned(index: int, slot: _Slot, side: _Side, item: _Item, rendering: _Rendering) -> PlannedRequest:
    series, prompt = side.series[item.series], side.prompts[item.prompt]
    rendered = rendering.of(series, prompt, item.draw)
    return PlannedRequest(
        index=index,
        offset_ns=slot.offset_ns,
        arm=side.arm,
        series=series,
        pair=slot.pair,
        slot=slot.slot,
        prompt_id=prompt.id,
        draw=item.draw.hash,
        repetition=item.repetition,
        phase=slot.phase,
        request=rendered.request,
        prompt_hash=rendered.hash,
        prompt_characters=rendered.characters,
    )
