"""The pace of a run, as its configuration says it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import numpy as np
import pytest

from lens_gate.config.model import Config
from lens_gate.errors import ConfigProblem
from lens_gate.load.schedule.arrivals import NS_PER_S, Arrival
from lens_gate.load.schedule.settings import (
    DEFAULT_DURATION_S,
    DEFAULT_RATE,
    ScheduleSettings,
    offsets,
    schedule_settings,
)


def config(profiler: Mapping[str, object] | None = None, **workload: object) -> Config:
    return Config.model_validate({"profiler": profiler or {}, "workload": workload})


def test_a_run_without_any_pace_has_the_documented_default() -> None:
    how = schedule_settings(config())
    assert (how.arrival, how.rate, how.concurrency) == (Arrival.FIXED, DEFAULT_RATE, None)
    assert (how.duration_s, how.requests) == (DEFAULT_DURATION_S, None)


def test_one_configured_bound_switches_the_default_off() -> None:
    how = schedule_settings(config({"requests": 50, "seed": 3, "warmup": "5s", "cooldown": "2s"}))
    assert (how.duration_s, how.requests, how.seed, how.warmup_s, how.cooldown_s) == (None, 50, 3, 5.0, 2.0)
    assert schedule_settings(config({"duration": "5m"})).duration_s == 300.0


FIXED = {"requests_per_second": 10}
POISSON = {"lambda": 15}


@pytest.mark.parametrize(
    ("workload", "arrival", "rate"),
    [
        ({"type": "fixed", "fixed": FIXED}, Arrival.FIXED, 10.0),
        ({"type": "fixed", "fixed": FIXED, "poisson": POISSON}, Arrival.FIXED, 10.0),
        ({"type": "poisson", "fixed": FIXED, "poisson": POISSON}, Arrival.POISSON, 15.0),
        ({"type": "poisson"}, Arrival.POISSON, DEFAULT_RATE),
        ({"type": "random", "fixed": FIXED}, Arrival.RANDOM, 10.0),
        ({"type": "random", "poisson": POISSON}, Arrival.RANDOM, 15.0),
        ({"type": "random"}, Arrival.RANDOM, DEFAULT_RATE),
        ({"type": "mixed", "fixed": FIXED, "poisson": POISSON}, Arrival.FIXED, 10.0),
        ({"type": "mixed", "poisson": POISSON}, Arrival.POISSON, 15.0),
        ({"type": "mixed"}, Arrival.FIXED, DEFAULT_RATE),
        ({"poisson": POISSON}, Arrival.POISSON, 15.0),
        ({"fixed": FIXED, "poisson": POISSON}, Arrival.FIXED, 10.0),
    ],
)
def test_the_kind_of_arrival_decides_which_rate_holds(
    workload: dict[str, object], arrival: Arrival, rate: float
) -> None:
    how = schedule_settings(config(None, **workload))
    assert (how.arrival, how.rate) == (arrival, rate)


def test_a_closed_loop_has_a_concurrency_and_no_rate() -> None:
    how = schedule_settings(config(closed={"concurrency": 8}))
    assert (how.arrival, how.rate, how.concurrency) == (Arrival.CLOSED, None, 8)
    assert schedule_settings(config(type="closed")).concurrency == 1


@pytest.mark.parametrize("kind", ["fixed", "poisson"])
def test_a_rate_in_the_section_of_another_kind_is_an_error(kind: str) -> None:
    sections = {"fixed": FIXED, "poisson": POISSON}
    other = next(name for name in sections if name != kind)
    with pytest.raises(ConfigProblem, match=kind) as caught:
        schedule_settings(config(None, type=kind, **{other: sections[other]}))
    assert f"workload.{kind}" in str(caught.value.hint)


def test_of_a_replay_only_its_log_knows_rate_and_length() -> None:
    how = schedule_settings(config(None, replay={"source": "log.json"}))
    assert (how.arrival, how.rate, how.duration_s, how.requests) == (Arrival.REPLAY, None, None, None)
    assert list(offsets(how, np.random.default_rng(1))) == []


@pytest.mark.parametrize(
    "profiler", [{"duration": 30, "warmup": 20, "cooldown": 10}, {"requests": 10, "warmup": 10}, {"duration": 0}]
)
def test_a_run_with_nothing_left_to_measure_is_an_error(profiler: dict[str, object]) -> None:
    with pytest.raises(ConfigProblem, match="to measure"):
        schedule_settings(config(profiler))


def test_a_cool_down_before_an_unknown_end_is_an_error() -> None:
    with pytest.raises(ConfigProblem, match="cool-down begins"):
        schedule_settings(config({"requests": 10, "cooldown": 1}, type="closed"))
    assert schedule_settings(config({"requests": 10, "duration": 9, "cooldown": 1}, type="closed")).end_s == 9


GAMMA = {"rate": 20, "burstiness": 0.5}
BURST = {"size": 8, "every": "4s"}
STAGES = [{"duration": "10s", "rate": 10}, {"duration": "10s", "rate": 30, "ramp": True}, {"duration": "5s", "rate": 0}]


def due(how: ScheduleSettings) -> list[int]:
    return list(islice(offsets(how, np.random.default_rng(1)), 5000))


@pytest.mark.parametrize(
    ("workload", "arrival", "rate"),
    [
        ({"gamma": GAMMA}, Arrival.GAMMA, 20.0),
        ({"type": "gamma"}, Arrival.GAMMA, DEFAULT_RATE),
        ({"burst": BURST}, Arrival.BURST, 2.0),
        ({"type": "burst"}, Arrival.BURST, DEFAULT_RATE),
        ({"type": "random", "gamma": GAMMA}, Arrival.RANDOM, 20.0),
        ({"type": "poisson", "stages": STAGES}, Arrival.POISSON, 300 / 25),
    ],
)
def test_flocks_bursts_and_stages_have_a_mean_rate(workload: dict[str, object], arrival: Arrival, rate: float) -> None:
    how = schedule_settings(config(None, **workload))
    assert (how.arrival, how.rate) == (arrival, rate)


def test_the_shape_of_arrivals_is_read() -> None:
    assert schedule_settings(config(gamma=GAMMA)).burstiness == 0.5
    assert due(schedule_settings(config({"requests": 17}, burst=BURST))) == [0] * 8 + [4 * NS_PER_S] * 8 + [
        8 * NS_PER_S
    ]


@pytest.mark.parametrize("kind", ["gamma", "burst"])
def test_flocks_and_bursts_need_a_rate_of_their_own_where_another_section_has_one(kind: str) -> None:
    with pytest.raises(ConfigProblem, match="another section") as caught:
        schedule_settings(config(None, type=kind, fixed=FIXED))
    assert f"workload.{kind}" in str(caught.value.hint)


def test_stages_end_the_run_unless_something_else_does() -> None:
    how = schedule_settings(config(stages=STAGES))
    assert (how.duration_s, how.end_s, how.expected_requests) == (25.0, 25.0, 300)
    assert len(due(how)) == 300
    shorter = schedule_settings(config({"duration": "5s"}, stages=STAGES))
    assert len(due(shorter)) == shorter.expected_requests == 50
    fewer = schedule_settings(config({"requests": 120}, stages=STAGES))
    assert len(due(fewer)) == fewer.expected_requests == 120
    assert fewer.end_s == pytest.approx(due(schedule_settings(config(stages=STAGES)))[120] / NS_PER_S)


def test_after_the_last_stage_its_rate_goes_on() -> None:
    how = schedule_settings(config({"requests": 40}, stages=[{"duration": 1, "rate": 10}, {"duration": 1, "rate": 20}]))
    assert due(how)[-1] == round(2.45 * NS_PER_S)
    assert how.end_s == pytest.approx(2.5)


def test_stages_that_end_at_rest_end_the_run_before_its_requests() -> None:
    how = schedule_settings(config({"requests": 1000}, stages=STAGES))
    assert (len(due(how)), how.expected_requests, how.end_s) == (300, 300, 25.0)


def test_bursts_follow_stages() -> None:
    how = schedule_settings(config(type="burst", burst={"size": 5}, stages=[{"duration": 2, "rate": 10}]))
    assert due(how) == [0] * 5 + [NS_PER_S // 2] * 5 + [NS_PER_S] * 5 + [3 * NS_PER_S // 2] * 5


def test_bursts_are_counted_whole() -> None:
    how = schedule_settings(config({"duration": "9s"}, burst=BURST))
    assert how.expected_requests == len(due(how)) == 24
    assert schedule_settings(config({"duration": "9s", "requests": 20}, burst=BURST)).expected_requests == 20


@pytest.mark.parametrize(
    ("workload", "message"),
    [
        ({"type": "closed", "stages": STAGES}, "something else does"),
        ({"fixed": FIXED, "stages": STAGES}, "workload.fixed"),
        ({"burst": BURST, "stages": STAGES}, "workload.burst"),
        ({"stages": [{"duration": 1, "rate": 0}]}, "nothing would be sent"),
    ],
)
def test_stages_that_contradict_something_are_an_error(workload: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigProblem, match=message) as caught:
        schedule_settings(config(None, **workload))
    assert caught.value.place == "workload.stages"


def test_what_is_due_between_two_instants_is_the_integral_of_the_rate() -> None:
    how = schedule_settings(config(stages=STAGES))
    assert how.due(5.0, 15.0) == pytest.approx(50 + 75)
    assert schedule_settings(config(fixed=FIXED)).due(5.0, 15.0) == 100
    assert schedule_settings(config(type="closed")).due(5.0, 15.0) is None
