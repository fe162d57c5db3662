"""How long our own process was held up between two instants."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lens_gate.load.record.stalls import LEAST_NS, Stalls

MS = 1_000_000


def stalled(*stretches: tuple[int, int]) -> Stalls:
    """Return stalls of a timer that was due at the beginning of each stretch, in milliseconds, and ran at its end."""
    stalls = Stalls()
    for due_ms, ran_ms in stretches:
        stalls.expect(due_ms * MS)
        stalls.ran(ran_ms * MS)
    return stalls


@given(
    steps=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12),
    asked=st.tuples(st.integers(0, 300), st.integers(0, 300)),
)
def test_of_each_stall_counts_what_lies_between_the_instants(
    steps: list[tuple[int, int]], asked: tuple[int, int]
) -> None:
    stretches, now = [], 0
    for rest, late in steps:
        stretches.append((now + rest, now + rest + late))
        now += rest + late
    begin, end = sorted(asked)
    long = [one for one in stretches if (one[1] - one[0]) * MS > LEAST_NS]
    expected = sum(max(0, min(end, ran) - max(begin, due)) for due, ran in long)
    assert stalled(*stretches).within(begin * MS, end * MS) == expected * MS


def test_a_timer_says_how_late_it_ran() -> None:
    stalls = Stalls()
    stalls.expect(20 * MS)
    assert (stalls.ran(65 * MS), Stalls().ran(5)) == (45 * MS, 0)
    stalls.expect(85 * MS)
    assert stalls.ran(84 * MS) == 0


def test_a_timer_that_is_overdue_is_a_stall_although_it_has_not_run_yet() -> None:
    stalls = stalled((20, 40))
    stalls.expect(60 * MS)
    assert [stalls.within(30 * MS, end_ms * MS) for end_ms in (50, 60, 100)] == [10 * MS, 10 * MS, 50 * MS]
    assert stalls.within(90 * MS, 100 * MS) == 10 * MS
    stalls.ran(100 * MS)
    assert stalls.within(30 * MS, 100 * MS) == 50 * MS
