from __future__ import annotations

import pytest

from lens_gate.vocabulary.requests import ErrorClass, Status, status_of


@pytest.mark.parametrize(
    ("error", "http_status", "status"),
    [
        (ErrorClass.NONE, 200, Status.OK),
        (ErrorClass.SHED, None, Status.SHED),
        (ErrorClass.CAPPED, None, Status.SHED),
        (ErrorClass.RATE_LIMIT, None, Status.THROTTLED),
        (ErrorClass.OVERLOADED, 503, Status.THROTTLED),
        (ErrorClass.API_ERROR, 429, Status.THROTTLED),
        (ErrorClass.QUOTA, 429, Status.FAILED),
        (ErrorClass.UNKNOWN, None, Status.FAILED),
    ],
)
def test_throttled_is_what_asks_to_wait_and_failed_what_waiting_does_not_help(
    error: ErrorClass, http_status: int | None, status: Status
) -> None:
    assert status_of(error, http_status) is status
