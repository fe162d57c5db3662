"""The schedule: whole pairs, balanced series, phases, bounds, and that a seed fixes it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lens_gate.load.arms.plan import ArmPlan, PlannedRequest
from lens_gate.load.schedule.arrivals import NS_PER_S, Arrival
from lens_gate.load.schedule.settings import ScheduleSettings, phase_at
from lens_gate.load.schedule.workload import schedule
from lens_gate.vocabulary.requests import Arm, Phase
from tests.plans import a_prompt, a_series, an_arm

FEW = ScheduleSettings(arrival=Arrival.FIXED, rate=10.0, concurrency=None, duration_s=None, requests=40)


def plan(
    candidate: ArmPlan, base: ArmPlan | None, how: ScheduleSettings = FEW, *, seed: int = 1
) -> list[PlannedRequest]:
    return list(islice(schedule(candidate, base, how, np.random.default_rng(seed)), 2000))


def arms(models: int, *, values: int = 3) -> tuple[ArmPlan, ArmPlan]:
    series = tuple(a_series(f"m{number}") for number in range(models))
    prompts = (
        a_prompt("{{a}}", id="a", weight=2.0, variables={"a": tuple(str(value) for value in range(values))}),
        a_prompt("{{b}}", id="b", variables={"b": ()}, generators={"b": ("lorem", 3)}),
    )
    return an_arm(series=series, prompts=prompts), an_arm(Arm.BASE, series=series, prompts=prompts)


pacing = st.builds(
    ScheduleSettings,
    arrival=st.sampled_from([one for one in Arrival if one is not Arrival.REPLAY]),
    rate=st.floats(min_value=0.5, max_value=200),
    concurrency=st.none(),
    duration_s=st.none() | st.floats(min_value=0, max_value=3),
    requests=st.integers(min_value=0, max_value=90),
)


@settings(deadline=None, max_examples=60)
@given(how=pacing, models=st.integers(min_value=1, max_value=4), seed=st.integers(0, 1000))
def test_a_duet_has_only_whole_pairs_in_neighbouring_slots(how: ScheduleSettings, models: int, seed: int) -> None:
    planned = plan(*arms(models), how, seed=seed)
    assert [one.index for one in planned] == list(range(len(planned)))
    assert len(planned) % 2 == 0
    for first, second in zip(planned[::2], planned[1::2], strict=True):
        assert (first.pair, first.slot, second.pair, second.slot) == (first.index // 2, 0, first.index // 2, 1)
        assert {first.arm, second.arm} == {Arm.CANDIDATE, Arm.BASE}
        for field in ("prompt_id", "draw", "repetition", "phase", "request"):
            assert getattr(first, field) == getattr(second, field)
        assert first.series.series == second.series.series
        assert first.offset_ns <= second.offset_ns


@settings(deadline=None, max_examples=60)
@given(how=pacing, models=st.integers(min_value=1, max_value=4), duet=st.booleans(), seed=st.integers(0, 1000))
def test_bounds_hold_for_both_arms_together(how: ScheduleSettings, models: int, duet: bool, seed: int) -> None:
    candidate, base = arms(models)
    planned = plan(candidate, base if duet else None, how, seed=seed)
    assert how.requests is not None
    assert len(planned) <= how.requests
    if how.duration_s is None:
        assert len(planned) == (how.requests // 2 * 2 if duet else how.requests)
    else:
        assert all(one.offset_ns < how.duration_s * NS_PER_S or how.duration_s == 0 for one in planned)


@settings(deadline=None, max_examples=40)
@given(models=st.integers(min_value=1, max_value=5), seed=st.integers(0, 1000))
def test_each_block_of_series_is_a_permutation_with_one_prompt(models: int, seed: int) -> None:
    planned = plan(*arms(models), replace(FEW, requests=2 * models * 6), seed=seed)
    for start in range(0, len(planned), 2 * models):
        block = planned[start : start + 2 * models]
        assert Counter(one.series.series for one in block) == {f"p/m{number}": 2 for number in range(models)}
        assert len({(one.prompt_id, one.draw, one.repetition) for one in block}) == 1


@settings(deadline=None, max_examples=30)
@given(how=pacing, seed=st.integers(0, 1000))
def test_the_seed_fixes_the_schedule(how: ScheduleSettings, seed: int) -> None:
    both = arms(3)
    assert plan(*both, how, seed=seed) == plan(*both, how, seed=seed)


def test_another_seed_gives_another_schedule() -> None:
    both = arms(3)
    assert plan(*both, seed=1) != plan(*both, seed=2)


def test_each_arm_goes_first_in_about_half_of_the_pairs() -> None:
    planned = plan(*arms(1), replace(FEW, requests=2000))
    first = Counter(one.arm for one in planned if one.slot == 0)
    assert first[Arm.BASE] == pytest.approx(500, abs=60)


def test_series_are_taken_in_an_order_that_varies() -> None:
    planned = plan(*arms(3), replace(FEW, requests=600))
    assert {one.series.model for one in planned[::6]} == {"m0", "m1", "m2"}


def test_repetitions_count_equal_prompts_and_draws_per_series() -> None:
    planned = plan(*arms(2, values=2), replace(FEW, requests=200))
    seen: dict[object, list[int]] = defaultdict(list)
    for one in planned:
        seen[one.arm, one.series.series, one.prompt_id, one.draw].append(one.repetition)
    assert all(numbers == list(range(len(numbers))) for numbers in seen.values())
    assert max(len(numbers) for numbers in seen.values()) > 5


def test_weights_decide_how_often_a_prompt_is_sent() -> None:
    planned = plan(*arms(1), replace(FEW, requests=2000))
    assert Counter(one.prompt_id for one in planned)["a"] / 2000 == pytest.approx(2 / 3, abs=0.04)


def test_each_arm_is_asked_with_its_own_template_and_model_and_the_same_draw() -> None:
    new = an_arm(series=(a_series("new"),), prompts=(a_prompt("New: {{a}}", variables={"a": ("1", "2")}),))
    series = replace(a_series("old"), series="p/new")
    old = an_arm(Arm.BASE, series=(series,), prompts=(a_prompt("Old: {{a}}", variables={"a": ("1", "2")}),))
    for first, second in zip(*[iter(plan(new, old))] * 2, strict=True):
        by_arm = {one.arm: one for one in (first, second)}
        texts = [str(by_arm[arm].request.messages[0].content).split(": ") for arm in (Arm.CANDIDATE, Arm.BASE)]
        assert [text[0] for text in texts] == ["New", "Old"]
        assert texts[0][1] == texts[1][1]
        assert [by_arm[arm].request.model for arm in (Arm.CANDIDATE, Arm.BASE)] == ["new", "old"]
        assert first.prompt_hash != second.prompt_hash
        assert first.prompt_characters == second.prompt_characters == 6


def test_without_a_base_there_are_no_pairs() -> None:
    planned = plan(arms(2)[0], None)
    assert len(planned) == 40
    assert {(one.pair, one.slot, one.arm) for one in planned} == {(None, None, Arm.CANDIDATE)}


def test_a_control_takes_its_share_of_single_slots_by_chance_all_through_the_run() -> None:
    how = replace(FEW, requests=2000, control_share=0.2)
    planned = plan(*arms(2), how)
    controls = [one.index for one in planned if one.arm is Arm.BASE]

    assert len(planned) == 2000
    assert {(one.pair, one.slot) for one in planned} == {(None, None)}
    # 400 expected, standard deviation 18; each quarter of the run has 100 of them, give or take 9.
    assert 330 <= len(controls) <= 470
    assert all(65 <= sum(start <= index < start + 500 for index in controls) <= 135 for start in (0, 500, 1000, 1500))
    # By chance: neighbours are both controls as often as they would be, and not at fixed distances.
    gaps = Counter(later - earlier for earlier, later in pairwise(controls))
    assert gaps[1] > gaps[3] > gaps[9]


def test_a_control_sends_its_own_version_of_the_prompt_in_its_own_slot() -> None:
    candidate = an_arm(prompts=(a_prompt("new", id="x"),))
    base = an_arm(Arm.BASE, prompts=(a_prompt("old", id="x"),))
    planned = plan(candidate, base, replace(FEW, control_share=0.5))

    texts = {one.arm: one.request.messages[-1].content for one in planned}
    assert texts == {Arm.CANDIDATE: "new", Arm.BASE: "old"}
    assert [one.offset_ns for one in planned] == [one.offset_ns for one in plan(candidate, None)]


def test_arms_that_share_nothing_send_nothing() -> None:
    candidate = an_arm(prompts=(a_prompt(id="x"),))
    assert plan(candidate, an_arm(Arm.BASE, prompts=(a_prompt(id="y"),))) == []
    assert plan(an_arm(series=(a_series("x"), a_series("y"))), an_arm(Arm.BASE, series=(a_series("z"),))) == []


def test_an_added_prompt_leaves_the_arrival_times_alone() -> None:
    how = replace(FEW, arrival=Arrival.POISSON)
    candidate, _ = arms(2)
    fewer = replace(candidate, prompts=candidate.prompts[:1])
    assert [one.offset_ns for one in plan(candidate, None, how)] == [one.offset_ns for one in plan(fewer, None, how)]


@pytest.mark.parametrize("arrival", [Arrival.FIXED, Arrival.POISSON, Arrival.RANDOM])
def test_the_rate_counts_both_arms(arrival: Arrival) -> None:
    planned = plan(*arms(2), replace(FEW, arrival=arrival, rate=20.0, requests=2000))
    assert planned[-1].offset_ns / NS_PER_S == pytest.approx(100, rel=0.08)


def test_a_closed_loop_is_pulled_at_offset_zero_and_ends_with_its_requests() -> None:
    how = ScheduleSettings(arrival=Arrival.CLOSED, rate=None, concurrency=4, duration_s=5.0, requests=30)
    planned = plan(*arms(1), how)
    assert len(planned) == 30
    assert {one.offset_ns for one in planned} == {0}
    assert len(plan(*arms(1), replace(how, requests=None))) == 2000


def test_phases_cut_warm_up_and_cool_down_from_the_two_ends() -> None:
    how = replace(FEW, rate=10.0, requests=None, duration_s=10.0, warmup_s=2.0, cooldown_s=1.0)
    planned = plan(arms(1)[0], None, how)
    assert Counter(one.phase for one in planned) == {Phase.WARMUP: 20, Phase.MEASURE: 70, Phase.COOLDOWN: 10}
    assert all(
        not (later.phase is Phase.WARMUP and earlier.phase is not Phase.WARMUP) for earlier, later in pairwise(planned)
    )


def test_the_end_is_known_from_requests_and_rate_and_is_the_earlier_one() -> None:
    assert FEW.end_s == 4.0
    assert replace(FEW, duration_s=3.0).end_s == 3.0
    assert replace(FEW, requests=None).end_s is None
    assert replace(FEW, arrival=Arrival.CLOSED, rate=None).end_s is None
    assert phase_at(replace(FEW, requests=None, cooldown_s=5.0), 10**12) is Phase.MEASURE
