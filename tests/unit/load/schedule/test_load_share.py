"""Shares of one schedule: disjoint, together the whole, and every instant the same."""

from __future__ import annotations

import pickle
from dataclasses import replace
from fractions import Fraction
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.config.workload import NoncePlace, Replay
from lens_gate.load.arms.conversation import turns_of
from lens_gate.load.arms.plan import ArmPlan, PlannedRequest, PromptPlan
from lens_gate.load.arms.spread import Spread
from lens_gate.load.money.budget import Budget
from lens_gate.load.schedule.arrivals import Arrival
from lens_gate.load.schedule.caching import CacheMode
from lens_gate.load.schedule.lengths import Asked
from lens_gate.load.schedule.script import Script
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.schedule.share import WHOLE, Share
from lens_gate.vocabulary.requests import Arm
from tests.plans import a_prompt, a_series, an_arm
from tests.unit.load.schedule.test_load_replay import PACE, a_log, some_calls

THINK = Spread("uniform", 0.0, 0.0, 0.5, 2.0)
PROMPTS: tuple[PromptPlan, ...] = (
    a_prompt("Count to {{n}}.", id="listed", weight=2.0, variables={"n": ("1", "2", "3")}),
    a_prompt("About {{t}}.", id="generated", variables={"t": ()}, generators={"t": ("lorem", 3)}),
    replace(a_prompt("Hi {{n}}.", id="talk", variables={"n": ("Ada", "Bo")}), turns=("And you?", "Bye."), think=THINK),
)
PACING = st.builds(
    ScheduleSettings,
    arrival=st.sampled_from([one for one in Arrival if one is not Arrival.REPLAY]),
    rate=st.floats(min_value=1, max_value=200),
    concurrency=st.none(),
    duration_s=st.none() | st.floats(min_value=0.1, max_value=2),
    requests=st.integers(min_value=0, max_value=80),
    warmup_s=st.sampled_from([0.0, 0.1]),
    burst=st.integers(min_value=1, max_value=4),
    think=st.none() | st.just(THINK),
    cache=st.builds(CacheMode, nonce=st.sampled_from(NoncePlace), salt=st.just("run")),
)
KINDS = ("alone", "duet", "control", "alternatives")


def a_script(kind: str, how: ScheduleSettings, models: int, prompts: tuple[PromptPlan, ...]) -> Script:
    series = tuple(a_series(f"m{number}") for number in range(models))
    candidate = an_arm(series=series, prompts=prompts)
    base = an_arm(Arm.BASE, series=series, prompts=prompts) if kind in {"duet", "control"} else None
    if kind == "alternatives":
        candidate = replace(candidate, asked={one.series: prompts for one in series})
    how = replace(how, control_share=0.3 if kind == "control" else None)
    return Script(candidate=candidate, base=base, settings=how, log=None)


def sent(script: Script, share: Share, seed: int) -> list[PlannedRequest]:
    """What a process sends that was told the script as a worker is: pickled."""
    told: Script = pickle.loads(pickle.dumps(replace(script, settings=replace(script.settings, share=share))))
    return list(told.requests(np.random.default_rng(seed), Asked()))


@given(
    how=PACING,
    kind=st.sampled_from(KINDS),
    models=st.integers(1, 3),
    prompts=st.lists(st.sampled_from(PROMPTS), min_size=1, max_size=3, unique_by=lambda one: one.id),
    processes=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_the_shares_are_together_the_schedule_of_one_process(
    how: ScheduleSettings, kind: str, models: int, prompts: list[PromptPlan], processes: int, seed: int
) -> None:
    script = a_script(kind, how, models, tuple(prompts))
    shares = [sent(script, Share(number, processes), seed) for number in range(processes)]
    together = sorted((one for share in shares for one in share), key=lambda one: one.index)
    assert [comparable(one) for one in together] == [comparable(one) for one in sent(script, WHOLE, seed)]
    assert all(share == sorted(share, key=lambda one: one.index) for share in shares)


def comparable(planned: PlannedRequest) -> list[object]:
    """All of a request and of the turns behind it, but for the objects that only their own process has."""
    return [
        (
            *((name, getattr(turn, name)) for name in turn.__slots__ if name not in {"series", "follow_up"}),
            turn.series.series,
        )
        for turn in turns_of(planned)
    ]


@pytest.mark.parametrize("kind", ["duet", "alternatives"])
def test_what_is_compared_is_sent_by_one_process(kind: str) -> None:
    how = ScheduleSettings(arrival=Arrival.POISSON, rate=50.0, concurrency=None, duration_s=None, requests=60)
    script = a_script(kind, how, 2, PROMPTS[:2])
    pairs = [{one.pair for one in sent(script, Share(number, 3), 1)} for number in range(3)]
    assert all(pairs)
    assert len(set.union(*pairs)) == sum(map(len, pairs)) == 30


@pytest.mark.parametrize("base", [None, an_arm(Arm.BASE)])
def test_a_replay_is_dealt_out_in_the_same_way_and_all_lengths_are_known_to_each(base: ArmPlan | None) -> None:
    log = a_log(some_calls(12), Replay.model_validate({"source": "log"}))
    arrays, found = [], []
    for share in (WHOLE, *(Share(number, 3) for number in range(3))):
        asked = Asked()
        script = Script(candidate=an_arm(), base=base, settings=replace(PACE, share=share), log=log)
        found.append([comparable(one) for one in script.requests(np.random.default_rng(4), asked)])
        arrays.append((list(asked.inputs), list(asked.outputs)))
    whole, *shares = found
    assert sorted(chain(*shares), key=str) == sorted(whole, key=str)
    assert [len(share) for share in shares] == [len(whole) // 3] * 3
    assert all(one == arrays[0] for one in arrays)


@given(slots=st.integers(1, 40), processes=st.integers(1, 5), over_s=st.floats(0, 100))
def test_the_slots_of_a_closed_loop_open_when_those_of_one_process_would(
    slots: int, processes: int, over_s: float
) -> None:
    shares = [Share(number, processes).openings_s(slots, over_s) for number in range(processes)]
    assert sorted(chain(*shares)) == list(WHOLE.openings_s(slots, over_s))
    assert WHOLE.openings_s(slots, over_s)[0] == 0


@given(cap=st.floats(0, 1e6), processes=st.integers(1, 64))
def test_the_parts_of_a_cap_never_hold_more_than_the_cap(cap: float, processes: int) -> None:
    unit = Fraction(1, 10**12)
    parts = [Share(number, processes).usd(cap) for number in range(processes)]
    assert sum(part for part in parts if part is not None) == Fraction(cap)
    # What a ledger of a part lets pass, counted in its own unit.
    held = sum(part // unit for part in parts if part is not None)
    assert held * unit <= Fraction(cap)


def test_a_ledger_books_what_another_spent_and_cannot_settle_any_more() -> None:
    one, other, whole = Budget(0.5), Budget(Fraction(1, 2)), Budget(1.0)
    held = one.reserve(0.25)
    assert held is not None
    one.settle(held, 0.125)
    assert other.reserve(0.25) is not None
    assert other.reserve(0.5) is None
    whole.add(one.standing)
    whole.add(other.standing)
    assert (whole.spent_usd, whole.reserved_usd, whole.peak_reserved_usd) == (0.375, 0.0, 0.5)
