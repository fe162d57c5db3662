"""Conversations: their turns in the schedule, and how answers are carried along."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.load.arms.conversation import next_turn, turn_id, turns_of
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.arms.spread import Spread
from lens_gate.load.money.forecast import forecast
from lens_gate.load.money.pricing import PriceList
from lens_gate.load.schedule.arrivals import Arrival
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.schedule.workload import schedule
from lens_gate.vocabulary.requests import Arm, ErrorClass, Status
from tests.builders import a_sample
from tests.fakes.world import NOW
from tests.plans import a_prompt, a_series, an_arm

THINK = Spread("uniform", 0.0, 0.0, 1.0, 3.0)
TALK = replace(
    a_prompt("Hi {{n}}.", id="talk", variables={"n": ("Ada", "Bo")}), turns=("And {{n}}?", "Bye."), think=THINK
)
PACE = ScheduleSettings(arrival=Arrival.FIXED, rate=10.0, concurrency=None, duration_s=None, requests=60, turns=3.0)


def planned(*, duet: bool, settings: ScheduleSettings = PACE) -> list[PlannedRequest]:
    base = an_arm(Arm.BASE, prompts=(TALK,)) if duet else None
    return list(schedule(an_arm(prompts=(TALK,)), base, settings, np.random.default_rng(1)))


def said(request: PlannedRequest) -> list[tuple[str, object]]:
    return [(message.role, message.content) for message in request.request.messages]


def test_each_turn_is_a_request_with_its_own_number_and_prompt_id() -> None:
    firsts = planned(duet=False)
    turns = [turn for first in firsts for turn in turns_of(first)]
    assert len(firsts) == 20
    assert sorted(turn.index for turn in turns) == list(range(60))
    assert Counter(turn.prompt_id for turn in turns) == {turn_id("talk", number): 20 for number in (1, 2, 3)}
    assert len({turn.prompt_hash for turn in turns_of(firsts[0])}) == 3


def test_only_the_first_turn_has_an_instant_and_no_conversation_is_begun_that_passes_the_requests() -> None:
    assert [first.offset_ns for first in planned(duet=False)] == [number * 100_000_000 for number in range(20)]
    assert len(planned(duet=False, settings=replace(PACE, requests=62))) == 20


def test_a_duet_pairs_turn_by_turn() -> None:
    pairs: dict[int | None, list[PlannedRequest]] = {}
    for first in planned(duet=True):
        for turn in turns_of(first):
            pairs.setdefault(turn.pair, []).append(turn)
    assert sorted(number for number in pairs if number is not None) == list(range(30))
    for one, other in pairs.values():
        assert {one.arm, other.arm} == {Arm.BASE, Arm.CANDIDATE}
        assert {one.slot, other.slot} == {0, 1}
        assert (one.prompt_id, one.draw, one.pause_s, one.request) == (
            other.prompt_id,
            other.draw,
            other.pause_s,
            other.request,
        )


def test_users_think_as_long_as_was_drawn_and_the_last_turn_needs_no_thought() -> None:
    pauses = [[turn.pause_s for turn in turns_of(first)] for first in planned(duet=False)]
    assert all(1 <= pause <= 3 for first, second, _ in pauses for pause in (first, second))
    assert {last for *_, last in pauses} == {0.0}
    assert len({first for first, *_ in pauses}) == 20


@given(answers=st.lists(st.text(max_size=20), min_size=2, max_size=2))
def test_answers_stand_where_they_were_given(answers: list[str]) -> None:
    first = planned(duet=False)[0]
    second = next_turn(first, a_sample(), answers[0])
    assert second is not None
    third = next_turn(second, a_sample(), answers[1])
    assert third is not None
    name = first.request.messages[0].content
    assert said(third)[0] == ("user", name)
    assert [role for role, _ in said(third)] == ["user", "assistant", "user", "assistant", "user"]
    assert [text for role, text in said(third) if role == "assistant"] == answers
    assert said(third)[-1] == ("user", "Bye.")
    assert third.prompt_characters == sum(len(str(text)) for _, text in said(third))
    assert next_turn(third, a_sample(), "x") is None


def test_nobody_goes_on_after_a_failure() -> None:
    failed = a_sample(status=Status.FAILED, error_class=ErrorClass.CUT_STREAM)
    assert next_turn(planned(duet=False)[0], failed, "half an ans") is None


def test_a_forecast_counts_the_answers_that_later_turns_carry_along() -> None:
    arm = an_arm(series=(a_series(max_tokens=100),), prompts=(TALK,))
    prices = PriceList.of(arm.series, NOW)
    rows = forecast(arm, None, PACE, prices, schedule(arm, None, PACE, np.random.default_rng(1))).rows
    plain = replace(TALK, turns=())
    alone = an_arm(series=(a_series(max_tokens=100),), prompts=(plain,))
    settings = replace(PACE, turns=1.0)
    (single,) = forecast(alone, None, settings, prices, schedule(alone, None, settings, np.random.default_rng(1))).rows
    (row,) = rows
    assert (row.requests, row.output_tokens) == (60, 6000)
    assert row.input_tokens is not None
    assert single.input_tokens is not None
    # Two answers of 100 tokens in the third turn and one in the second, 20 conversations; and a few words.
    assert 6000 < row.input_tokens < 6000 + 3 * single.input_tokens + 60
    assert row.usd_reserved is not None
    assert single.usd_reserved is not None
    assert row.usd_reserved > single.usd_reserved + 6000 * 1.0 / 1e6


@pytest.mark.parametrize("requests", [1, 2])
def test_a_run_too_short_for_a_conversation_sends_none(requests: int) -> None:
    assert planned(duet=False, settings=replace(PACE, requests=requests)) == []
