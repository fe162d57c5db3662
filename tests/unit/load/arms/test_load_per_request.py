"""What is remembered of a request, and for how long."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from lens_gate.load.arms.per_request import PerRequest
from lens_gate.load.arms.plan import PlannedRequest
from tests.fakes.transport import a_request


class Counting:
    """Finds how often it was asked, and remembers that."""

    def __init__(self) -> None:
        self.asked: list[PlannedRequest] = []
        self.found = PerRequest[int]()

    def of(self, planned: PlannedRequest) -> int:
        def find() -> int:
            self.asked.append(planned)
            return len(self.asked)

        return self.found.of(planned, find)


def test_slots_that_share_a_request_share_what_was_found() -> None:
    one, first = Counting(), a_request(0)
    assert [one.of(first), one.of(replace(first, index=7)), one.of(first)] == [1, 1, 1]
    assert one.asked == [first]


def test_an_equal_request_or_another_series_is_asked_anew() -> None:
    first = a_request(0)
    other_request = replace(first, request=replace(first.request))
    other_series = replace(first, series=replace(first.series))
    one = Counting()
    assert [one.of(each) for each in (first, other_request, other_series)] == [1, 2, 3]


def test_a_request_that_nobody_holds_any_more_is_forgotten() -> None:
    found, first = PerRequest[int](), a_request(0)
    for number in range(1, 1000):
        assert found.of(replace(first, request=replace(first.request)), partial(int, number)) == number
    assert len(found) == 0
    found.of(first, int)
    assert len(found) == 1
