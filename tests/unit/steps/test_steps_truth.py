from __future__ import annotations

from dataclasses import replace

import pytest

from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.simulator.log import RequestRecord, Stamp
from lens_gate.steps.truth import MATCH, by_index, compared, tagged
from lens_gate.vocabulary.requests import FinishReason, Status
from tests.builders import MS, a_pair
from tests.fakes.transport import a_request

ANCHOR = 1_000_000 * MS


def a_record(index: int, *, received_ms: float, first_ms: float, gap_ms: float = 4.0) -> RequestRecord:
    """What the simulator did, in milliseconds from the anchor: head, two tokens, and a last write without one."""
    at = [ANCHOR + int(one * MS) for one in (received_ms, first_ms, first_ms + gap_ms, first_ms + gap_ms)]
    writes: list[Stamp] = [(at[0], 0, "head"), (at[1], 1, "text"), (at[2], 1, "text"), (at[3], 0, "usage")]
    return RequestRecord(
        id=str(index), api=None, model="m", received_ns=at[0], head_ns=at[0], writes=writes, first_token_ns=at[1],
        last_token_ns=at[2], end_ns=at[3], status=200, fault=None, prompt_tokens=1, output_tokens=2,
        reasoning_tokens=0, cached_tokens=0, finish_reason=FinishReason.STOP, request_id=str(index),
        client_closed=False,
    )  # fmt: skip


def a_sample(index: int, *, sent_ms: float, first_ms: float, status: Status = Status.OK) -> Sample:
    sample, _ = a_pair(0)
    return replace(
        sample, index=index, intended_ns=0, sent_ns=int(sent_ms * MS), first_token_ns=int(first_ms * MS),
        connect_ns=None, status=status,
    )  # fmt: skip


def chunks(*times_ms: float) -> list[tuple[int, int]]:
    return [(int(one * MS), 10) for one in times_ms]


def test_each_error_is_what_was_stamped_minus_what_happened() -> None:
    rows = Samples.of([a_sample(7, sent_ms=1.0, first_ms=52.0)])
    truth = {7: a_record(7, received_ms=1.5, first_ms=51.0)}
    found = compared(rows, {7: chunks(52.0, 57.0, 57.0)}, truth, ANCHOR)
    assert found.send == pytest.approx([1.0])
    assert found.pickup == pytest.approx([0.5])
    assert found.read == pytest.approx([1.0])
    assert found.ttft == pytest.approx([1.5])
    assert found.gaps == pytest.approx([1.0])
    assert found.unmatched == 0


def test_connecting_is_no_late_send() -> None:
    late = replace(a_sample(0, sent_ms=31.0, first_ms=60.0), connect_ns=30 * MS)
    found = compared(Samples.of([late]), {}, {0: a_record(0, received_ms=31.0, first_ms=60.0)}, ANCHOR)
    assert found.send == pytest.approx([1.0])


def test_a_write_that_came_in_two_parts_has_no_gaps_to_compare() -> None:
    rows = Samples.of([a_sample(0, sent_ms=0.0, first_ms=50.0)])
    found = compared(rows, {0: chunks(50.0, 51.0, 54.0, 54.0)}, {0: a_record(0, received_ms=0, first_ms=50)}, ANCHOR)
    assert found.unmatched == 1
    assert found.gaps.size == 0
    assert found.ttft.size == 1


def test_a_failed_request_has_no_time_to_compare() -> None:
    rows = Samples.of([a_sample(0, sent_ms=0.0, first_ms=50.0, status=Status.FAILED)])
    assert compared(rows, {}, {0: a_record(0, received_ms=0, first_ms=50)}, ANCHOR).ttft.size == 0


def test_a_tag_leads_from_a_request_to_its_line() -> None:
    (one,) = tagged(iter([a_request(5)]))
    assert one.request.headers[MATCH] == "5"
    stranger = a_record(0, received_ms=0, first_ms=1).model_copy(update={"request_id": None})
    assert set(by_index(iter([a_record(5, received_ms=0, first_ms=1), stranger]))) == {5}
