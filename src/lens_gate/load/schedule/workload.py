"""The schedule: which request of which arm is sent in which slot. Pure and lazy, fixed by its random generator.

`requests`, `duration_s` and `rate` count everything that is sent: both arms, all series, warm-up and cool-down, which
are cut from the two ends of the run. What is compared shares a group of neighbouring slots: the pairs of a duet, the
blocks of several alternatives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import NamedTuple

import numpy as np

from lens_gate.load.arms.conversation import turn_id
from lens_gate.load.arms.luck import permutations, uniforms
from lens_gate.load.arms.pairing import paired_prompts, paired_series
from lens_gate.load.arms.plan import ArmPlan, PlannedRequest, PromptPlan, SeriesPlan
from lens_gate.load.arms.prompts import Draw, chat_request, draws, prompt_characters, prompt_hash, weighted
from lens_gate.load.schedule.caching import CacheMode
from lens_gate.load.schedule.repetitions import Repetitions
from lens_gate.load.schedule.settings import ScheduleSettings, offsets, phase_at
from lens_gate.providers.base import ChatRequest
from lens_gate.vocabulary.requests import Arm, Phase

_SHORT = 16_384
_MOST = 1024
"""Rendered requests of at most so many characters, and so many of them, are kept to be sent again."""


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
    """A place in the schedule: the pair (or block) of each turn and the wait after it, by turn.

    Pairs and `slot` are None without a comparison.
    """

    pairs: Sequence[int | None]
    slot: int | None
    offset_ns: int
    phase: Phase
    pauses: Sequence[float]


class _Item(NamedTuple):
    """What is sent next: positions in the shared order of series and prompts, and the drawn values."""

    series: int
    prompt: int
    draw: Draw
    repetition: int


def schedule(
    candidate: ArmPlan, base: ArmPlan | None, settings: ScheduleSettings, rng: np.random.Generator
) -> Iterator[PlannedRequest]:
    """Yield the requests of a run in the order of their slots; those of another share are drawn and left out.

    With a base each comparison takes two neighbouring slots in random order, and only whole pairs are scheduled, unless
    the base is a control, which takes single slots by chance. The series of an arm that are compared with each other go
    in blocks of one slot each. Each prompt that is drawn goes to all series, in random order, before the next one is
    drawn. In a closed loop every offset is 0, the caller pulls, and `phase_at` tells the phase. Of a conversation the
    first turn is yielded, with the others behind it. Nothing is yielded where the sides share nothing.
    """
    sides, drawn = _sides(candidate, base)
    if not drawn or not sides[0].series:
        return
    settings.cache.require_possible(prompt for side in sides for prompt in side.prompts)
    # Streams of their own keep the arrival times the same when a prompt is added.
    arrival_rng, draw_rng, order_rng, think_rng = rng.spawn(4)
    items = _items(len(sides[0].series), drawn, draw_rng, order_rng)
    taking = _taking(sides, settings, order_rng)
    rendering = _Rendering(settings.cache)
    together = group_size(candidate, base, settings)
    index, numbers, compared, left = count(), count(), together > 1, settings.requests
    for group, dues in enumerate(_grouped(offsets(settings, arrival_rng), together)):
        item = next(items)
        sides_now = next(taking)
        pauses = _pauses(max((side.prompts[item.prompt] for side in sides_now), key=_turns), settings, think_rng)
        left = None if left is None else left - len(pauses) * together
        if left is not None and left < 0:
            return
        pairs = [next(numbers) if compared else None for _ in pauses]
        if not settings.share.has(group):
            _skip(index, sum(_turns(side.prompts[item.prompt]) for side in sides_now))
            continue
        for place, (due, side) in enumerate(zip(dues, sides_now, strict=True)):
            slot = _Slot(pairs, place if compared else None, due, phase_at(settings, dues[0]), pauses)
            yield _planned(index, slot, side, item, rendering)


def _turns(prompt: PromptPlan) -> int:
    return 1 + len(prompt.turns)


def _skip(numbers: Iterator[int], how_many: int) -> None:
    for _ in range(how_many):
        next(numbers)


def _pauses(prompt: PromptPlan, settings: ScheduleSettings, rng: np.random.Generator) -> list[float]:
    """Return how long to wait after each turn, in seconds; after the last one a user thinks of something else."""
    between, after = prompt.think or settings.think, settings.think
    waits = [between] * len(prompt.turns) + [after]
    return [0.0 if wait is None else wait.draw(rng) for wait in waits]


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


def _grouped(dues: Iterator[int], size: int) -> Iterator[tuple[int, ...]]:
    """Yield whole groups of `size`; what is left over at the end is dropped."""
    while len(group := tuple(islice(dues, size))) == size:
        yield group


def _items(
    series: int, prompts: Sequence[PromptPlan], draw_rng: np.random.Generator, order_rng: np.random.Generator
) -> Iterator[_Item]:
    repetitions = Repetitions()
    drawing = [draws(prompt, draw_rng) for prompt in prompts]
    orders = permutations(series, order_rng)
    for prompt in weighted([one.weight for one in prompts], draw_rng):
        drawn = next(drawing[prompt])
        repetition = repetitions.count(prompt, drawn.hash)
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

    def __init__(self, cache: CacheMode) -> None:
        self.cache = cache
        self._known: dict[tuple[int, int, int, int], _Rendered] = {}

    def of(self, series: SeriesPlan, prompt: PromptPlan, drawn: Draw, turn: int) -> _Rendered:
        key = (id(series), id(prompt), id(drawn), turn)
        known = self._known.get(key)
        if known is not None:
            return known
        request = chat_request(series, prompt, drawn.values, max_tokens=drawn.max_tokens, turn=turn)
        rendered = _Rendered(drawn, request, prompt_hash(request), prompt_characters(request))
        if rendered.characters <= _SHORT:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[key] = rendered
        return rendered


def _planned(index: Iterator[int], slot: _Slot, side: _Side, item: _Item, rendering: _Rendering) -> PlannedRequest:
    """Return a request, or the first turn of a conversation, with the others behind it."""
    last = len(side.prompts[item.prompt].turns)
    first = next(index)
    for _ in range(last):
        next(index)
    planned = _turn(_Turn(first + last, last, None), slot, side, item, rendering)
    for number in reversed(range(last)):
        planned = _turn(_Turn(first + number, number, planned), slot, side, item, rendering)
    return planned


class _Turn(NamedTuple):
    """The number of the request, that of its turn in a conversation (from 0), and the turn that follows it."""

    request: int
    number: int
    follow_up: PlannedRequest | None


def _turn(turn: _Turn, slot: _Slot, side: _Side, item: _Item, rendering: _Rendering) -> PlannedRequest:
    series, prompt = side.series[item.series], side.prompts[item.prompt]
    rendered = rendering.of(series, prompt, item.draw, turn.number)
    request = rendering.cache.shaped(rendered.request, turn.request)
    return PlannedRequest(
        index=turn.request,
        offset_ns=slot.offset_ns,
        arm=side.arm,
        series=series,
        pair=slot.pairs[turn.number],
        slot=slot.slot,
        prompt_id=turn_id(prompt.id, turn.number + 1) if prompt.turns else prompt.id,
        draw=item.draw.hash,
        repetition=item.repetition,
        phase=slot.phase,
        request=request,
        # A nonce makes no other prompt of it.
        prompt_hash=rendered.hash,
        prompt_characters=rendered.characters if request is rendered.request else prompt_characters(request),
        pause_s=slot.pauses[turn.number],
        follow_up=turn.follow_up,
    )
