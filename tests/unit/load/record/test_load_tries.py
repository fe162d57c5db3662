from __future__ import annotations

from dataclasses import replace

from lens_gate.load.record.recorder import unsent
from lens_gate.load.record.tries import Tries
from lens_gate.vocabulary.requests import ErrorClass, Phase, Status
from tests.fakes.transport import a_request

FIRST = replace(
    unsent(a_request(7), intended_ns=10, phase=Phase.MEASURE),
    sent_ns=20,
    end_ns=30,
    http_status=503,
    status=Status.FAILED,
    error_class=ErrorClass.API_ERROR,
    cost_usd=0.25,
)
SECOND = replace(
    FIRST, cost_usd=0.5, sent_ns=130, end_ns=190, http_status=200, status=Status.OK, error_class=ErrorClass.NONE
)


def test_one_attempt_is_a_request_without_a_row() -> None:
    tries = Tries()
    tries.add(FIRST, backoff_ns=0)
    assert tries.sample() == FIRST
    assert tries.rows() == ()


def test_a_request_is_its_last_attempt_since_it_was_first_due_and_costs_all_of_them() -> None:
    tries = Tries()
    tries.add(FIRST, backoff_ns=0)
    tries.add(SECOND, backoff_ns=100)
    whole = tries.sample()
    assert (whole.intended_ns, whole.sent_ns, whole.end_ns) == (10, 130, 190)
    assert (whole.status, whole.attempts, whole.cost_usd) == (Status.OK, 2, 0.75)
    rows = [(row.index, row.attempt, row.sent_ns, row.end_ns, row.backoff_ns, row.http_status) for row in tries.rows()]
    assert rows == [(7, 1, 20, 30, 0, 503), (7, 2, 130, 190, 100, 200)]
    assert [row.error_class for row in tries.rows()] == [ErrorClass.API_ERROR, ErrorClass.NONE]


def test_a_request_costs_nobody_knows_what_where_one_attempt_does() -> None:
    tries = Tries()
    tries.add(replace(FIRST, cost_usd=None), backoff_ns=0)
    tries.add(SECOND, backoff_ns=100)
    assert tries.sample().cost_usd is None
