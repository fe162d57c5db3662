"""Looks at a duet while it is measured, and ends it when the answer is clear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import dataclass

from lens_gate.analysis.rules import Rules, rules_of
from lens_gate.analysis.sequential import Progress, plan_looks, progress
from lens_gate.artifacts.run import Look
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.config.model import Regression
from lens_gate.errors import ConfigProblem, CouldNotMeasure, UsageProblem
from lens_gate.load.arms.pairing import paired_series
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.engine.contract import StopSignal
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.steps.resolving.arms import Arms
from lens_gate.steps.resolving.placing import placing
from lens_gate.steps.resolving.scheduling import settings_of
from lens_gate.steps.running.watcher import Looked
from lens_gate.vocabulary.outcomes import Decision, Ending
from lens_gate.vocabulary.requests import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class LookPlan:
    """How a run is to be looked at: after how many pairs of each of `series` series, by which rules."""

    pairs: tuple[int, ...]
    series: int
    rules: Rules
    limit_ns: float

    @property
    def share(self) -> float:
        """Return the part of alpha, and of the error of a pass, that each look may spend."""
        return 1 / len(self.pairs)


def looks_of(arms: Arms, regression: Regression, *, asked: bool) -> LookPlan | None:
    """Plan the looks that the command line or the configuration asks for, None where neither does.

    Raises UsageProblem where there is nothing to decide: one version alone, no pairs, or rules of other tools.
    """
    config = arms.candidate_side.config
    if not (asked or config.profiler.until_decided):
        return None
    if arms.base is None or arms.comparison is None:
        raise UsageProblem(
            "only a run of two versions in pairs can end when it is decided",
            hint="Name the other version, for instance with --against-ref, or leave --until-decided out.",
        )
    if arms.comparison.control_share is not None:
        raise UsageProblem(
            "a run with a --control cannot end when it is decided: its requests are not in pairs",
            hint="Leave --control out, so that both versions are measured in pairs, or leave --until-decided out.",
        )
    if settings_of(arms).turns > 1:
        raise UsageProblem(
            "a run of conversations cannot end when it is decided: a look would wait for all of their turns",
            hint="Leave --until-decided out, or the prompts with `turns`.",
        )
    if regression.decision is Decision.CLASSIC:
        raise UsageProblem(
            "only the calibrated rules can say when a run is decided",
            hint="Leave out `decision: classic`, or --until-decided.",
        )
    series = len(paired_series(arms.candidate, arms.base))
    limit_s = config.resilience.timeouts.request
    with placing(arms.loaded, arms.options):
        return look_plan(settings_of(arms), series=max(1, series), rules=rules_of(regression), limit_s=limit_s)


def look_plan(settings: ScheduleSettings, *, series: int, rules: Rules, limit_s: float) -> LookPlan:
    """Plan the looks of a run of so many series; ConfigProblem where nobody knows how many pairs it has at most."""
    requests = _most_requests(settings)
    if requests is None:
        raise ConfigProblem(
            "a run that ends when it is decided needs to know how many requests it may send at most",
            place="profiler",
            hint="Add --requests, or a rate and a duration.",
        )
    if settings.rate is None and settings.warmup_s > 0:
        raise ConfigProblem(
            "a closed loop that ends when it is decided has no warm-up: nobody knows which pairs it would hold",
            place="profiler.warmup",
            hint="Leave the warm-up out, or give a rate.",
        )
    pairs = max(1, requests // (2 * series))
    return LookPlan(pairs=plan_looks(pairs, rules), series=series, rules=rules, limit_ns=1e9 * limit_s)


def _most_requests(settings: ScheduleSettings) -> int | None:
    """Return how many requests are measured at most, warm-up and cool-down left out."""
    if settings.end_s is None:
        return settings.requests
    due = settings.due(settings.warmup_s, settings.end_s - settings.cooldown_s)
    return settings.requests if due is None else int(due)


class Lookout:
    """Counts what ends, and has every look taken by `executor`, so that looking holds up no clock.

    A series that passed is not sent any more. `samples` returns everything that ended so far; `on_look` learns of each
    look before it is taken, `on_found` what it found. All methods belong on the event loop's thread.
    """

    def __init__(
        self,
        plan: LookPlan,
        *,
        executor: Executor,
        samples: Callable[[], Samples],
        stop: StopSignal,
        on_look: Callable[[Look], None] = lambda _: None,
        on_found: Callable[[Looked], None] = lambda _: None,
    ) -> None:
        self._plan = plan
        self._executor = executor
        self._samples = samples
        self._stop = stop
        self._on_look = on_look
        self._on_found = on_found
        self._looks: list[Look] = []
        self._open: frozenset[str] | None = None
        self._first_pair: int | None = None
        self._furthest = 0
        self._in_flight: dict[int, int] = {}
        self._looking: asyncio.Task[None] | None = None
        self._decided = False

    @property
    def planned(self) -> tuple[int, ...]:
        """The pairs of each series after which the run is to be looked at."""
        return self._plan.pairs

    async def warm_up(self) -> None:
        """Have the executor load what it needs, before anything is measured."""
        await self._asked(Samples.of([]), [])

    def following(self, planned: Iterator[PlannedRequest]) -> Iterator[PlannedRequest]:
        """Pass the schedule on without the pairs of series that are decided."""
        left_out: int | None = None
        for request in planned:
            if request.slot == 0 and self._open is not None and request.series.series not in self._open:
                left_out = request.pair
            if request.pair is None or request.pair != left_out:
                self._follow(request)
                yield request

    def _follow(self, request: PlannedRequest) -> None:
        if request.pair is None or request.phase is not Phase.MEASURE:
            return
        if self._first_pair is None:
            self._first_pair = request.pair
        self._furthest = request.pair
        self._in_flight[request.index] = request.pair

    def note(self, sample: Sample) -> None:
        """Take note of a request that ended, and look when all pairs of the next look have."""
        self._in_flight.pop(sample.index, None)
        boundary = self._boundary()
        if boundary is None or self._looking is not None or self._furthest < boundary:
            return
        if all(pair >= boundary for pair in self._in_flight.values()):
            self._looking = asyncio.create_task(self._look(boundary))

    def _boundary(self) -> int | None:
        """Return the number of the first pair that the next look does not see, None after the last look."""
        taken = len(self._looks)
        if self._first_pair is None or taken >= len(self._plan.pairs):
            return None
        return self._first_pair + self._plan.pairs[taken] * self._plan.series

    async def _look(self, boundary: int) -> None:
        self._add(boundary, self._plan.pairs[len(self._looks)])
        self._on_look(self._looks[-1])
        try:
            found = await self._asked(self._samples(), self._looks)
        except Exception:
            # A run that can never be decided must not go on spending; `finish` raises what went wrong.
            self._stop.request(Ending.INTERRUPTED, "a look at the run failed")
            raise
        self._open, self._decided, self._looking = found.open, found.decided, None
        still_open = 0 if found.decided else len(found.open)
        self._on_found(Looked(self._looks[-1].pairs, self._plan.pairs[-1], still_open, self._plan.series))
        if found.decided:
            looked = self._looks[-1].pairs
            self._stop.request(Ending.DECIDED, f"decided after {looked} of at most {self._plan.pairs[-1]} pairs")

    def _add(self, through_pair: int, pairs: int) -> None:
        self._looks.append(Look(pairs=pairs, through_pair=through_pair, share=self._plan.share))

    async def _asked(self, samples: Samples, looks: Sequence[Look]) -> Progress:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._executor, progress, samples, tuple(looks), self._plan.rules, self._plan.limit_ns
            )
        except BrokenExecutor as error:
            raise CouldNotMeasure(
                "the process that looks at the run has ended, so that nothing could decide it",
                hint="Is there enough memory? What was measured is kept; without --until-decided no look is taken.",
            ) from error

    async def finish(self) -> None:
        """Wait for a look that is being taken; an error in it is raised."""
        if self._looking is not None:
            await self._looking

    def looks(self, samples: Samples) -> tuple[Look, ...]:
        """Return the looks that were taken, and a last one at what a run that was not decided measured after them."""
        seen = self._looks[-1].through_pair if self._looks else 0
        numbers = samples.numbers["pair"][samples.texts["phase"].equals(Phase.MEASURE)]
        beyond = int((numbers >= seen).sum())
        if not self._decided and beyond and len(self._looks) < len(self._plan.pairs):
            before = self._looks[-1].pairs if self._looks else 0
            open_series = self._plan.series if self._open is None else max(1, len(self._open))
            self._add(int(numbers.max()) + 1, before + beyond // (2 * open_series))
        return tuple(self._looks)
