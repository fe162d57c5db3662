from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.load.limits.bucket import Bucket

S = 1_000_000_000
MINUTE = 60 * S


def taken(bucket: Bucket, amounts: list[float], dues_ns: list[int]) -> list[int]:
    found = []
    for amount, due_ns in zip(amounts, dues_ns, strict=True):
        at_ns = bucket.when(amount, due_ns)
        bucket.book(amount, at_ns)
        found.append(at_ns)
    return found


def test_without_a_limit_all_goes_at_once() -> None:
    assert taken(Bucket(None), [1, 10**9, 1], [5, 5, 6]) == [5, 5, 6]


def test_what_is_within_the_limit_goes_when_it_is_due() -> None:
    dues = [n * S for n in range(50)]
    assert taken(Bucket(60), [1] * 50, dues) == dues


def test_what_is_beyond_it_goes_one_after_the_other() -> None:
    assert taken(Bucket(60), [1] * 4, [0] * 4) == [0, S, 2 * S, 3 * S]


def test_the_bucket_holds_what_a_second_brings_and_no_more_however_long_it_rests() -> None:
    # 600 a minute: ten at once, then one every 100 ms.
    bucket = Bucket(600)
    assert taken(bucket, [1] * 12, [0] * 12) == [0] * 10 + [S // 10, 2 * S // 10]
    assert taken(bucket, [1] * 11, [MINUTE] * 11) == [MINUTE] * 10 + [MINUTE + S // 10]


def test_one_larger_than_the_bucket_waits_until_it_is_full_and_leaves_a_debt() -> None:
    bucket = Bucket(60)
    assert taken(bucket, [1, 30, 1], [0, 0, 0]) == [0, S, 31 * S]


def test_what_was_not_used_is_there_for_the_next() -> None:
    bucket = Bucket(60)
    bucket.book(30, 0)
    bucket.give_back(25)
    assert bucket.when(1, 0) == 5 * S
    bucket.give_back(-3)
    assert bucket.when(1, 0) == 8 * S


@given(
    st.floats(1, 10_000),
    st.lists(st.integers(0, 200 * S), min_size=1, max_size=200).map(sorted),
)
def test_no_minute_sees_more_than_the_limit_and_a_seconds_worth(limit: float, dues_ns: list[int]) -> None:
    went = taken(Bucket(limit), [1] * len(dues_ns), dues_ns)
    assert went == sorted(went)
    assert all(at_ns >= due_ns for at_ns, due_ns in zip(went, dues_ns, strict=True))
    for first, at_ns in enumerate(went):
        # Half-open minutes; rounding to whole nanoseconds may shift one over the edge.
        inside = bisect_right(went, at_ns + MINUTE - 1000) - first
        assert inside <= limit + max(1, limit / 60)


@given(st.floats(1, 600), st.lists(st.floats(0.1, 50), min_size=1, max_size=60))
def test_nothing_waits_longer_than_the_limit_makes_it(limit: float, amounts: list[float]) -> None:
    went = taken(Bucket(limit), amounts, [0] * len(amounts))
    for number, at_ns in enumerate(went):
        # A large one waits for a full bucket, so for no more than all before it and one bucket.
        assert at_ns <= (sum(amounts[:number]) + max(1, limit / 60)) * MINUTE / limit + 1000


def test_a_provider_that_has_less_left_is_believed_until_it_has_enough() -> None:
    bucket = Bucket(600)
    bucket.learn(remaining=0, needed=1, refill_ns=2 * S, now_ns=0)
    assert taken(bucket, [1] * 3, [0] * 3) == [2 * S, 4 * S, 6 * S]
    bucket.learn(remaining=40, needed=1, refill_ns=2 * S, now_ns=7 * S)
    assert bucket.when(1, 20 * S) == 20 * S
    bucket.book(1, 20 * S)
    assert bucket.when(1, 20 * S) == 20 * S


def test_a_bucket_that_begins_anew_has_exactly_one_to_give_at_that_instant() -> None:
    bucket = Bucket(60)
    taken(bucket, [1] * 9, [0] * 9)
    bucket.begin_anew(20 * S, 1)
    assert taken(bucket, [1] * 3, [S] * 3) == [20 * S, 21 * S, 22 * S]
    endless = Bucket(None)
    endless.begin_anew(20 * S, 1)
    assert endless.when(1, S) == S


@pytest.mark.parametrize("limit", [1, 60, 600])
def test_a_steady_demand_gets_the_whole_limit(limit: int) -> None:
    went = taken(Bucket(limit), [1] * 50, [0] * 50)
    # From the first one after those that went at once, one for each share of a minute.
    later = [at_ns for at_ns in went if at_ns > 0]
    gaps = {round(b - a) for a, b in pairwise(later)}
    assert len(gaps) >= 1
    assert all(abs(gap - MINUTE / limit) <= 2 for gap in gaps)
