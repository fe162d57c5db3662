"""Nothing is sent that was not promised, and not much is promised that is not sent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lens_gate.steps.running.promises import LASTS_NS, MOST_AT_ONCE, Promises
from tests.fakes.transport import a_request

PLANNED = [a_request(index) for index in range(1000)]


class Journal:
    """Takes promises at a clock that somebody else moves; it is full after so many of them."""

    def __init__(self, room: int = 10_000) -> None:
        self.now_ns = 0
        self.room = room
        self.through: list[int] = []

    def write(self, through: int) -> bool:
        if len(self.through) >= self.room:
            return False
        self.through.append(through)
        return True

    def promises(self) -> Promises:
        return Promises(self.write, lambda: self.now_ns)


@given(st.lists(st.integers(0, 2 * LASTS_NS), min_size=1, max_size=300))
def test_every_request_was_promised_before_and_not_too_many_are(gaps: list[int]) -> None:
    journal = Journal()
    following = journal.promises().following(iter(PLANNED))
    for gap, request in zip(gaps, following, strict=False):
        assert journal.through[-1] > request.index
        assert journal.through[-1] - request.index <= MOST_AT_ONCE
        journal.now_ns += gap
    assert journal.through == sorted(journal.through)


@given(st.integers(0, 2 * LASTS_NS), st.integers(1, len(PLANNED)))
def test_nothing_is_promised_beyond_the_last_request(gap: int, requests: int) -> None:
    journal = Journal()
    promises = Promises(journal.write, lambda: journal.now_ns, end=requests)
    for request in promises.following(iter(PLANNED[:requests])):
        assert request.index < journal.through[-1] <= requests
        journal.now_ns += gap


def test_a_slow_run_promises_one_request_at_a_time() -> None:
    journal = Journal()
    for request in journal.promises().following(iter(PLANNED[:50])):
        assert journal.through[-1] <= request.index + 2
        journal.now_ns += 4 * LASTS_NS
    assert journal.through[1:] == list(range(3, 51))


def test_a_fast_run_writes_few_promises() -> None:
    journal = Journal()
    for _ in journal.promises().following(iter(PLANNED)):
        journal.now_ns += 100_000
    assert len(journal.through) < 15


def test_nothing_goes_on_that_could_not_be_promised() -> None:
    journal = Journal(room=1)
    sent = [request.index for request in journal.promises().following(iter(PLANNED))]
    assert sent == list(range(journal.through[0]))
