"""What is remembered of a request, and for how long."""

from __future__ import annotations

from dataclasses import replace

from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.money.per_request import PerRequest
from tests.fakes.transport import a_request


def counting() -> tuple[PerRequest[int], list[PlannedRequest]]:
    asked: list[PlannedRequest] = []

    def find(planned: PlannedRequest) -> int:
        asked.append(planned)
        return len(asked)

    return PerRequest(find), asked


def test_slots_that_share_a_request_share_what_was_found() -> None:
    found, asked = counting()
    first = a_request(0)
    assert [found.of(first), found.of(replace(first, index=7)), found.of(first)] == [1, 1, 1]
    assert asked == [first]


def test_an_equal_request_or_another_series_is_asked_anew() -> None:
    found, _ = counting()
    first = a_request(0)
    other_request = replace(first, request=replace(first.request))
    other_series = replace(first, series=replace(first.series))
    assert [found.of(one) for one in (first, other_request, other_series)] == [1, 2, 3]


def test_a_request_that_nobody_holds_any_more_is_forgotten() -> None:
    found = PerRequest(lambda planned: planned.index)
    first = a_request(0)
    for index in range(1, 1000):
        assert found.of(replace(first, index=index, request=replace(first.request))) == index
    assert len(found) == 0
    found.of(first)
    assert len(found) == 1
