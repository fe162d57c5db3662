"""Several alternatives side by side: what all of them are asked, in whole blocks, and what is left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lens_gate.artifacts.run import Uncovered
from lens_gate.errors import ConfigProblem
from lens_gate.load.arms.blocks import left_out, side_by_side
from lens_gate.load.arms.plan import ArmPlan, PlannedRequest
from lens_gate.load.money.bounds import require_bounds
from lens_gate.load.money.forecast import forecast
from lens_gate.load.money.pricing import PriceList
from lens_gate.load.schedule.arrivals import Arrival
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.schedule.workload import schedule
from lens_gate.vocabulary.requests import Arm
from tests.plans import a_prompt, a_series, an_arm

ON = datetime(2025, 9, 1, tzinfo=UTC)
PACE = ScheduleSettings(arrival=Arrival.FIXED, rate=10.0, concurrency=None, duration_s=None, requests=40)


def an_alternative(model: str, *texts: str, values: tuple[str, ...] = ("1", "2", "3")) -> ArmPlan:
    """A model that is asked prompts called after their place, each with the values of one variable."""
    prompts = [
        a_prompt(f"{text} {{{{v}}}}", id=f"p{number}", variables={"v": values}) for number, text in enumerate(texts)
    ]
    return an_arm(series=(a_series(model),), prompts=tuple(prompts))


def joined(*alternatives: ArmPlan) -> ArmPlan:
    return side_by_side(alternatives, label="all", config_hash="c")


def planned(arm: ArmPlan, pace: ScheduleSettings = PACE, *, seed: int = 1) -> list[PlannedRequest]:
    return list(islice(schedule(arm, None, pace, np.random.default_rng(seed)), 2000))


@settings(deadline=None, max_examples=60)
@given(
    models=st.integers(2, 5),
    requests=st.integers(0, 60),
    arrival=st.sampled_from([Arrival.FIXED, Arrival.POISSON, Arrival.CLOSED]),
    seed=st.integers(0, 1000),
)
def test_every_block_is_whole_and_asks_all_the_same(models: int, requests: int, arrival: Arrival, seed: int) -> None:
    alternatives = [an_alternative(f"m{number}", "Say", "Tell") for number in range(models)]
    sent = planned(joined(*alternatives), replace(PACE, arrival=arrival, requests=requests), seed=seed)
    assert len(sent) == requests // models * models
    for start in range(0, len(sent), models):
        block = sent[start : start + models]
        assert {one.pair for one in block} == {start // models}
        assert [one.slot for one in block] == list(range(models))
        assert Counter(one.series.model for one in block) == {f"m{number}": 1 for number in range(models)}
        assert len({(one.prompt_id, one.draw, one.repetition, one.phase, one.arm) for one in block}) == 1
        assert [one.offset_ns for one in block] == sorted(one.offset_ns for one in block)


def test_each_alternative_takes_each_place_in_its_block_equally_often() -> None:
    sent = planned(joined(*(an_alternative(name, "Say") for name in "abc")), replace(PACE, requests=1800))
    places = Counter((one.series.model, one.slot) for one in sent)
    assert len(places) == 9
    assert all(times == pytest.approx(200, abs=45) for times in places.values())


def test_repetitions_count_equal_prompts_and_draws_of_blocks() -> None:
    sent = planned(joined(*(an_alternative(name, "Say", values=("1",)) for name in "ab")))
    assert [one.repetition for one in sent] == [number // 2 for number in range(40)]


def test_each_alternative_is_asked_in_its_own_words_with_the_same_values() -> None:
    sent = planned(joined(an_alternative("a", "Short:"), an_alternative("b", "Rather long:")))
    for first, second in zip(sent[::2], sent[1::2], strict=True):
        texts = {one.series.model: str(one.request.messages[0].content) for one in (first, second)}
        assert (texts["a"][:-2], texts["b"][:-2]) == ("Short:", "Rather long:")
        assert texts["a"][-1] == texts["b"][-1]


def test_only_prompts_and_values_that_all_have_are_asked_and_the_rest_is_told() -> None:
    alternatives = [
        an_alternative("a", "x", "y", values=("1", "2")),
        an_alternative("b", "x", "y", "z", values=("2", "3")),
        an_alternative("c", "x", values=("2", "1")),
    ]
    arm = joined(*alternatives)
    sent = planned(arm)
    assert {(one.prompt_id, str(one.request.messages[0].content)) for one in sent} == {("p0", "x 2")}
    assert set(left_out(alternatives, arm)) == {
        Uncovered(prompt_id="p0[v: 1 values]", arm=Arm.CANDIDATE, series="p/a"),
        Uncovered(prompt_id="p1", arm=Arm.CANDIDATE, series="p/a"),
        Uncovered(prompt_id="p0[v: 1 values]", arm=Arm.CANDIDATE, series="p/b"),
        Uncovered(prompt_id="p1", arm=Arm.CANDIDATE, series="p/b"),
        Uncovered(prompt_id="p2", arm=Arm.CANDIDATE, series="p/b"),
        Uncovered(prompt_id="p0[v: 1 values]", arm=Arm.CANDIDATE, series="p/c"),
    }


def test_alternatives_without_a_common_prompt_send_nothing() -> None:
    other = an_arm(series=(a_series("b"),), prompts=(a_prompt(id="elsewhere"),))
    arm = joined(an_alternative("a", "x"), other)
    assert (arm.prompts, planned(arm)) == ((), [])


def test_what_is_sent_decides_the_hash_and_not_the_order() -> None:
    a, b = (replace(an_alternative(name, "x"), requests_hash=name) for name in "ab")
    assert joined(a, b).requests_hash == joined(b, a).requests_hash
    assert joined(a, b).requests_hash != joined(a, replace(b, requests_hash="c")).requests_hash


def test_the_forecast_counts_whole_blocks() -> None:
    arm = joined(*(an_alternative(name, "x") for name in "abc"))
    prices = PriceList.of(arm.series, ON)
    few, many = replace(PACE, requests=100), replace(PACE, requests=9_000)
    seen = forecast(arm, None, few, prices, schedule(arm, None, few, np.random.default_rng(1)))
    assert (seen.requests, [row.requests for row in seen.rows]) == (99, [33, 33, 33])
    long = forecast(arm, None, many, prices, schedule(arm, None, many, np.random.default_rng(1)))
    assert [row.requests for row in long.rows] == [3000, 3000, 3000]


def test_a_cap_is_held_against_the_prompts_that_each_one_is_asked() -> None:
    media = an_arm(series=(a_series("b"),), prompts=(a_prompt([{"type": "image", "source": {}}], id="p0"),))
    arm = joined(an_alternative("a", "x"), media)
    with pytest.raises(ConfigProblem, match="holds media"):
        require_bounds([arm], PriceList.of(arm.series, ON))
