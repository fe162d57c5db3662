"""How long our own process had been held up when it read something."""

from __future__ import annotations

import pytest

from lens_gate.load.record.stalls import Stalls

MS = 1_000_000


def stalled(*stretches: tuple[int, int]) -> Stalls:
    """Return stalls of a timer that was due at the beginning of each stretch, in milliseconds, and ran at its end."""
    stalls = Stalls()
    for due_ms, ran_ms in stretches:
        stalls.expect(due_ms * MS)
        stalls.ran(ran_ms * MS)
    return stalls


@pytest.mark.parametrize(
    ("read_ms", "held_up_ms"),
    [(10, 0), (30, 10), (40, 20), (44, 20), (45, 20), (46, 0), (80, 10), (100, 30), (105, 30), (120, 0), (300, 0)],
)
def test_what_is_read_in_a_stall_or_right_after_it_waited_for_us_so_long(read_ms: int, held_up_ms: int) -> None:
    assert stalled((20, 40), (70, 100), (150, 151)).before(read_ms * MS) == held_up_ms * MS


def test_a_timer_says_how_late_it_ran() -> None:
    stalls = Stalls()
    stalls.expect(20 * MS)
    assert (stalls.ran(65 * MS), Stalls().ran(5)) == (45 * MS, 0)
    stalls.expect(85 * MS)
    assert stalls.ran(84 * MS) == 0


def test_a_stretch_in_which_we_did_something_else_is_a_stall_between_two_timers() -> None:
    stalls = Stalls()
    stalls.expect(20 * MS)
    assert stalls.held_up(3 * MS, 18 * MS) == 15 * MS
    assert stalls.held_up(18 * MS, 18 * MS + 1000) == 1000
    assert stalls.ran(20 * MS) == 0
    assert [stalls.before(read_ms * MS) for read_ms in (10, 19, 40)] == [7 * MS, 15 * MS, 0]


def test_a_timer_that_is_overdue_is_a_stall_although_it_has_not_run_yet() -> None:
    stalls = stalled((20, 40))
    stalls.expect(60 * MS)
    assert [stalls.before(read_ms * MS) for read_ms in (42, 50, 60, 100)] == [20 * MS, 0, 0, 40 * MS]
    stalls.ran(101 * MS)
    assert stalls.before(100 * MS) == 40 * MS
