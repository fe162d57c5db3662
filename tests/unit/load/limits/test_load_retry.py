from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.artifacts.samples import Sample
from lens_gate.load.limits.retry import Backoff, RetryPolicy, worth_another_try
from lens_gate.load.record.recorder import unsent
from lens_gate.vocabulary.requests import ErrorClass, Phase, Status
from tests.fakes.transport import a_request


def ended(error: ErrorClass, status: int | None = None, *, token: int | None = None) -> Sample:
    sample = unsent(a_request(), intended_ns=0, phase=Phase.MEASURE)
    return replace(sample, status=Status.FAILED, error_class=error, http_status=status, first_token_ns=token)


BUSY = ended(ErrorClass.RATE_LIMIT, 429)

AGAIN = [
    (ErrorClass.RATE_LIMIT, 429),
    (ErrorClass.RATE_LIMIT, 200),
    (ErrorClass.OVERLOADED, 529),
    (ErrorClass.API_ERROR, 500),
    (ErrorClass.API_ERROR, 503),
    (ErrorClass.CONNECT, None),
    (ErrorClass.CONNECT_TIMEOUT, None),
    (ErrorClass.RESET, None),
]
AS_IT_IS = [
    (ErrorClass.NONE, 200),
    (ErrorClass.CAPPED, None),
    (ErrorClass.API_ERROR, 408),
    (ErrorClass.AUTHENTICATION, 401),
    (ErrorClass.QUOTA, 429),
    (ErrorClass.NOT_FOUND, 404),
    (ErrorClass.INVALID_REQUEST, 400),
    (ErrorClass.TIMEOUT, 200),
    (ErrorClass.HEADERS_TIMEOUT, None),
    (ErrorClass.IDLE_TIMEOUT, 200),
    (ErrorClass.TLS, None),
    (ErrorClass.MALFORMED, 200),
    (ErrorClass.ERROR_IN_STREAM, 200),
    (ErrorClass.REFUSED, 200),
    (ErrorClass.INTERRUPTED, None),
    (ErrorClass.SHED, None),
]


@pytest.mark.parametrize(("error", "status"), AGAIN)
def test_a_busy_broken_or_unreached_provider_is_tried_again(error: ErrorClass, status: int | None) -> None:
    assert worth_another_try(ended(error, status))


@pytest.mark.parametrize(("error", "status"), AS_IT_IS)
def test_any_other_end_is_a_result(error: ErrorClass, status: int | None) -> None:
    assert not worth_another_try(ended(error, status))


def test_every_class_of_errors_is_decided_on() -> None:
    assert {error for error, _ in AGAIN} | {error for error, _ in AS_IT_IS} >= set(ErrorClass) - {
        ErrorClass.EMPTY,
        ErrorClass.CUT_STREAM,
        ErrorClass.WRONG_CONTENT,
        ErrorClass.BUFFERED,
        ErrorClass.UNKNOWN,
    }


def test_an_answer_of_which_a_token_was_seen_is_not_tried_again() -> None:
    assert not worth_another_try(ended(ErrorClass.RESET, 200, token=5))
    assert not worth_another_try(replace(ended(ErrorClass.RESET, 200), chunk_count=1))


def test_the_default_is_one_attempt() -> None:
    assert RetryPolicy().wait_s(BUSY, attempt=1, told_s=None, luck=0.5) is None


def delays(backoff: Backoff, *, luck: float = 1.0, attempts: int = 7) -> list[float]:
    policy = RetryPolicy(max_attempts=99, backoff=backoff, initial_delay_s=1, max_delay_s=30)
    return [policy.delay_s(attempt, luck) for attempt in range(1, attempts + 1)]


def test_back_off_grows_as_its_name_says_up_to_the_longest_delay() -> None:
    assert delays("fixed") == [1] * 7
    assert delays("fibonacci") == [1, 1, 2, 3, 5, 8, 13]
    assert delays("fibonacci", attempts=12)[8:] == [30, 30, 30, 30]
    assert delays("exponential") == [1, 2, 4, 8, 16, 30, 30]


def test_only_exponential_back_off_is_drawn_from_below_its_limit() -> None:
    assert delays("exponential", luck=0.25) == [0.25, 0.5, 1, 2, 4, 7.5, 7.5]
    assert delays("fixed", luck=0.25) == [1] * 7
    assert delays("fibonacci", luck=0.0)[:3] == [1, 1, 2]


@given(st.sampled_from(["fixed", "exponential", "fibonacci"]), st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_no_delay_is_negative_or_beyond_the_longest(backoff: Backoff, attempt: int, luck: float) -> None:
    policy = RetryPolicy(max_attempts=3, backoff=backoff, initial_delay_s=0.5, max_delay_s=20)
    assert 0 <= policy.delay_s(attempt, luck) <= 20


def test_the_wait_that_a_server_asks_for_is_kept_and_one_beyond_our_limit_ends_the_request() -> None:
    policy = RetryPolicy(max_attempts=3, backoff="fixed", initial_delay_s=1, max_delay_s=10)
    assert policy.wait_s(BUSY, attempt=1, told_s=None, luck=0) == 1
    assert policy.wait_s(BUSY, attempt=1, told_s=0.2, luck=0) == 1
    assert policy.wait_s(BUSY, attempt=2, told_s=7, luck=0) == 7
    assert policy.wait_s(BUSY, attempt=1, told_s=10.5, luck=0) is None
    assert policy.wait_s(BUSY, attempt=3, told_s=None, luck=0) is None
    assert policy.wait_s(ended(ErrorClass.NOT_FOUND, 404), attempt=1, told_s=None, luck=0) is None
