"""Repetitions are counted exactly as long as few enough draws are about, and memory does not grow with the rest."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.load.schedule.arrivals import Arrival
from lens_gate.load.schedule.repetitions import Repetitions
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.schedule.workload import schedule
from tests.plans import a_prompt, an_arm

drawn = st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abcd")), max_size=60)


@given(drawn, st.integers(1, 12))
def test_a_count_is_exact_unless_the_draw_was_forgotten_and_not_more_than_asked_are_remembered(
    draws: list[tuple[int, str]], most: int
) -> None:
    repetitions, exact = Repetitions(most), Counter[tuple[int, str]]()
    for number, one in enumerate(draws):
        counted = repetitions.count(*one)
        before = draws[:number]
        others_since = set(before[::-1][: before[::-1].index(one)]) if one in before else set(draws)
        assert counted <= exact[one]
        assert (counted > 0) is (one in before and len(others_since) < most)
        if len(set(draws)) <= most:
            assert counted == exact[one]
        exact[one] += 1
        assert len(repetitions) <= most


def test_a_longer_schedule_of_made_up_prompts_takes_no_more_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lens_gate.load.schedule.workload.Repetitions", lambda: Repetitions(64))
    monkeypatch.setattr("lens_gate.load.schedule.workload._MOST", 8)
    prompt = a_prompt("{{a}}", variables={"a": ()}, generators={"a": ("number", 1)})
    how = ScheduleSettings(arrival=Arrival.FIXED, rate=10.0, concurrency=None, duration_s=None, requests=None)
    planned = schedule(an_arm(prompts=(prompt,)), None, how, np.random.default_rng(1))
    next(planned)
    tracemalloc.start()
    try:
        assert len({one.draw for one in islice(planned, 6000)}) > 5900
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert grown < 6000 * 60
