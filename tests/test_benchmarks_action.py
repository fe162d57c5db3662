"""The benchmark of the action: its parts add up to the first request, and know every step that comes before it."""

from __future__ import annotations

import re

import pytest
import yaml
from benchmarks.action.__main__ import table
from benchmarks.action.jobs import CHECKOUT, LENS_GATE, LOCUST, MAKING, PARTS, STARTING, Job
from benchmarks.action.stopwatch import Failed, message, parts_of

S = 10**9


def test_each_part_lasts_until_the_next_one_and_the_last_until_the_first_request() -> None:
    begins = [(CHECKOUT, 1 * S), (MAKING, 3 * S), (MAKING, 4 * S), (STARTING, 10 * S)]
    parts = parts_of(begins, 12 * S)
    assert {part: seconds for part, seconds in parts.items() if seconds} == {CHECKOUT: 2.0, MAKING: 7.0, STARTING: 2.0}
    assert sum(parts.values()) == 11.0
    with pytest.raises(Failed):
        parts_of(begins, 9 * S)


@pytest.mark.parametrize("job", [LENS_GATE, LOCUST], ids=lambda job: job.name)
def test_every_step_before_the_first_request_belongs_to_a_part_and_has_its_stand_in(job: Job) -> None:
    steps = yaml.safe_load(job.definition.read_text(encoding="utf-8"))["runs"]["steps"]
    names = [step["name"] for step in steps]
    last = next(name for name, part in job.parts.items() if part == STARTING)
    before = names[: names.index(last) + 1]
    assert set(before) <= job.parts.keys()
    assert set(job.parts.values()) == set(PARTS)
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", uses) for uses in job.stand_ins())
    assert all(folder.is_dir() for folder in job.stand_ins().values())


def test_the_table_has_medians_by_part_and_the_range_of_the_whole() -> None:
    times = [dict.fromkeys(PARTS, 1.0), dict.fromkeys(PARTS, 2.0), dict.fromkeys(PARTS, 4.0)]
    lines = table({"it, cold": times}).splitlines()
    assert lines[2] == f"| {PARTS[0]} | 2.0 |"
    assert (
        lines[-1] == f"| **until the first request** | **{2.0 * len(PARTS)}** ({len(PARTS)}.0 to {4 * len(PARTS)}.0) |"
    )


def test_lines_that_are_not_acts_own_say_nothing() -> None:
    assert message('{"msg": "⭐ Run Main x"}') == "⭐ Run Main x"
    assert message("Error: a line of words") == ""
