"""How a run is paced, read from its configuration: arrivals, rate, bounds and phases. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import repeat
from math import ceil, isfinite
from typing import assert_never

import numpy as np

from lens_gate.config.model import Config
from lens_gate.config.workload import Cache, Workload, WorkloadType
from lens_gate.errors import ConfigProblem
from lens_gate.load.arms.spread import Spread, time_of
from lens_gate.load.schedule.arrivals import NS_PER_S, Arrival, bounded, bursts, fixed, gamma, poisson, uniform
from lens_gate.load.schedule.caching import CacheMode, cache_mode
from lens_gate.load.schedule.rates import RateCurve, along, curve_of
from lens_gate.load.schedule.share import WHOLE, Share
from lens_gate.vocabulary.requests import Phase

DEFAULT_DURATION_S = 60.0
"""How long a run lasts where neither `duration` nor `requests` is configured."""

DEFAULT_RATE = 1.0
"""Requests per second, both arms together, where no rate is configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSettings:
    """How a run is paced: `rate` per second in an open loop (else None), `concurrency` in a closed one (else None).

    With a `curve` the rate follows it, and `rate` is its mean. `burstiness` shapes a gamma process, `burst` is how many
    requests come at once, `cache` what is done about caches of prefixes. Users `think` after each answer (seconds), and
    start over `ramp_up_s`. `turns` is how many requests an arrival has on average: conversations have several. None for
    both `duration_s` and `requests` means that the caller ends the run. With a `control_share` the arms are no pairs:
    that share of the requests, each drawn by chance, goes to the base. `share` is what this process sends of it all.
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
    burstiness: float = 1.0
    burst: int = 1
    curve: RateCurve | None = None
    cache: CacheMode = field(default_factory=CacheMode)
    think: Spread | None = None
    ramp_up_s: float = 0.0
    turns: float = 1.0
    share: Share = WHOLE

    def salted(self, salt: str) -> ScheduleSettings:
        """Return the same pace with nonces that no other run has."""
        return replace(self, cache=replace(self.cache, salt=salt))

    @property
    def end_s(self) -> float | None:
        """When the last send is due, in seconds from the start; None where that is not known beforehand."""
        by_requests = None if self.requests is None or self.rate is None else self._time_of(self.requests / self.turns)
        ends = [end for end in (self.duration_s, by_requests) if end is not None]
        return min(ends, default=None)

    def due(self, start_s: float, end_s: float) -> float | None:
        """Return how many arrivals are due on average between two instants; None for a closed loop."""
        if self.curve is not None:
            return self.curve.due(end_s) - self.curve.due(start_s)
        return None if self.rate is None else self.rate * (end_s - start_s)

    @property
    def requests_per_second(self) -> float | None:
        """Requests per second on average, all turns of conversations included; None for a closed loop."""
        return None if self.rate is None else self.rate * self.turns

    @property
    def expected_requests(self) -> int | None:
        """How many requests are sent on average; None for a closed loop that only time ends."""
        due = None if self.end_s is None else self.due(0.0, self.end_s)
        if due is None:
            return self.requests
        arrivals = ceil(due / self.burst) * self.burst if self.arrival is Arrival.BURST else due
        whole = int(arrivals * self.turns)
        return whole if self.requests is None else min(self.requests, whole)

    def _time_of(self, requests: float) -> float:
        """Return when so many arrivals are due; stages whose last rate is 0 end the run by themselves."""
        if self.curve is None:
            return requests / (self.rate or DEFAULT_RATE)
        time_s = self.curve.time_of(requests)
        return time_s if isfinite(time_s) else self.curve.duration_s


def schedule_settings(config: Config) -> ScheduleSettings:
    """Read the pace of a run from `profiler` and `workload`.

    Raises ConfigProblem where the named kind of arrival lacks its section, two places say the rate, nothing is left to
    measure, or a cool-down precedes an end that nobody knows. Of a replay only its log knows the rest
    (`load/replay.py`).
    """
    profiler, workload = config.profiler, config.workload
    arrival = _arrival(workload)
    _require_own_prompts(arrival, workload)
    curve = _curve(arrival, workload)
    unbounded = profiler.duration is None and profiler.requests is None and arrival is not Arrival.REPLAY
    settings = ScheduleSettings(
        arrival=arrival,
        rate=curve.mean_rate if curve else _rate(arrival, workload),
        concurrency=_concurrency(arrival, workload),
        duration_s=(curve.duration_s if curve else DEFAULT_DURATION_S) if unbounded else profiler.duration,
        requests=profiler.requests,
        warmup_s=profiler.warmup,
        cooldown_s=profiler.cooldown,
        seed=profiler.seed,
        burstiness=1.0 if workload.gamma is None else workload.gamma.burstiness,
        burst=1 if workload.burst is None else workload.burst.size,
        curve=curve,
        cache=cache_mode(workload.cache, profiler.seed),
        think=time_of(workload.users.think_time) if arrival is Arrival.USERS and workload.users else None,
        ramp_up_s=workload.users.ramp_up if arrival is Arrival.USERS and workload.users else 0.0,
        turns=1.0 if arrival is Arrival.REPLAY else _mean_turns(workload),
    )
    if arrival is not Arrival.REPLAY:
        require_time_to_measure(settings)
    return settings


def _mean_turns(workload: Workload) -> float:
    """Return how many requests an arrival has on average, by the weights of the prompts."""
    everything = sum(prompt.weight for prompt in workload.prompts)
    turns = sum(prompt.weight * len(prompt.turns or (None,)) for prompt in workload.prompts)
    return turns / everything if everything else 1.0


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


_WITHOUT_RATE = frozenset({Arrival.CLOSED, Arrival.USERS, Arrival.REPLAY})


def _arrival(workload: Workload) -> Arrival:
    kind = kind_of(workload)
    if kind is WorkloadType.MIXED:
        return Arrival.FIXED if workload.fixed is not None or workload.poisson is None else Arrival.POISSON
    return Arrival(kind.value)


def _require_own_prompts(arrival: Arrival, workload: Workload) -> None:
    if arrival is Arrival.REPLAY and workload.cache != Cache():
        raise ConfigProblem(
            "a replay sends what its log holds, without a nonce or a prefix",
            place="workload.cache",
            hint="Leave the section out, or choose another type.",
        )


def kind_of(workload: Workload) -> WorkloadType:
    """Return the type; where it is not written, the one section that is there says it.

    Raises ConfigProblem where several do, and none of them is of the type that is the default.
    """
    sections = {
        WorkloadType.FIXED: workload.fixed,
        WorkloadType.POISSON: workload.poisson,
        WorkloadType.GAMMA: workload.gamma,
        WorkloadType.BURST: workload.burst,
        WorkloadType.CLOSED: workload.closed,
        WorkloadType.USERS: workload.users,
        WorkloadType.REPLAY: workload.replay,
    }
    present = [kind for kind, section in sections.items() if section is not None]
    if "type" in workload.model_fields_set or not present:
        return workload.type
    if len(present) > 1 and workload.type not in present:
        names = " and ".join(f"`{kind}`" for kind in present)
        raise ConfigProblem(
            f"the sections {names} each say how requests arrive",
            place=f"workload.{present[-1]}",
            hint="Keep one of them, or say which one counts with `workload.type`.",
        )
    return present[0]


def _stated_rates(workload: Workload) -> dict[Arrival, float]:
    """Return the rates that the sections say, each in requests per second."""
    burst = workload.burst
    rates = {
        Arrival.FIXED: workload.fixed.requests_per_second if workload.fixed else None,
        Arrival.POISSON: workload.poisson.rate if workload.poisson else None,
        Arrival.GAMMA: workload.gamma.rate if workload.gamma else None,
        Arrival.BURST: burst.size / burst.every if burst and burst.every else None,
    }
    return {arrival: rate for arrival, rate in rates.items() if rate is not None}


def _rate(arrival: Arrival, workload: Workload) -> float | None:
    if arrival in _WITHOUT_RATE:
        return None
    stated = _stated_rates(workload)
    if arrival is Arrival.RANDOM:
        return next(iter(stated.values()), DEFAULT_RATE)
    if arrival not in stated and stated:
        raise ConfigProblem(
            f"the type is `{arrival}`, but the rate stands in another section",
            place="workload.type",
            hint=f"Say the rate in the section `workload.{arrival}`, or change the type.",
        )
    return stated.get(arrival, DEFAULT_RATE)


def _curve(arrival: Arrival, workload: Workload) -> RateCurve | None:
    """Return the rate over time, where there are stages."""
    if not workload.stages:
        return None
    if arrival in _WITHOUT_RATE:
        raise ConfigProblem(
            f"stages say at which rate requests arrive, and in a `{arrival}` workload something else does",
            place="workload.stages",
            hint="Leave the stages out, or choose a type with a rate, such as `poisson`.",
        )
    stated = _stated_rates(workload)
    if stated:
        raise ConfigProblem(
            f"the rate stands in `workload.{next(iter(stated))}` and in the stages",
            place="workload.stages",
            hint="Say it in one place; with stages `type` alone says how requests arrive.",
        )
    curve = curve_of([(stage.duration, stage.rate, stage.ramp) for stage in workload.stages])
    if curve.mean_rate == 0:
        raise ConfigProblem(
            "no stage has a rate, so that nothing would be sent",
            place="workload.stages",
            hint="Give at least one stage a `rate` above 0.",
        )
    return curve


def _concurrency(arrival: Arrival, workload: Workload) -> int | None:
    """Return how many requests are in flight at most in a closed loop; each user has one."""
    if arrival is Arrival.USERS:
        return 1 if workload.users is None else workload.users.count
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


def offsets(settings: ScheduleSettings, rng: np.random.Generator) -> Iterator[int]:
    """Yield when requests are due, in nanoseconds from the start; 0 for each request of a closed loop."""
    curve = settings.curve
    rate = 1.0 if curve is not None else settings.rate or DEFAULT_RATE
    arrivals = _process(settings, rate, rng)
    if curve is not None:
        arrivals = along(curve, arrivals)
    return bounded(arrivals, duration_s=settings.duration_s, requests=settings.requests)


def _process(settings: ScheduleSettings, rate: float, rng: np.random.Generator) -> Iterator[int]:
    process: Iterator[int]
    match settings.arrival:
        case Arrival.FIXED:
            process = fixed(rate)
        case Arrival.POISSON:
            process = poisson(rate, rng)
        case Arrival.RANDOM:
            process = uniform(rate, rng)
        case Arrival.GAMMA:
            process = gamma(rate, settings.burstiness, rng)
        case Arrival.BURST:
            process = bursts(rate, settings.burst)
        case Arrival.CLOSED | Arrival.USERS:
            process = repeat(0)
        case Arrival.REPLAY:
            process = iter(())  # a log brings its own instants (load/replay.py)
        case unknown:
            assert_never(unknown)
    return process
