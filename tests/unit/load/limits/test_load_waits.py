from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lens_gate.load.limits.waits import asked_wait_s, http_date_s

NOON = "Mon, 02 Mar 2026 12:00:00 GMT"
LATER = "Mon, 02 Mar 2026 12:00:30 GMT"
NOON_S = datetime(2026, 3, 2, 12, 0, tzinfo=UTC).timestamp()


def test_a_date_is_counted_from_the_servers_own_clock() -> None:
    assert asked_wait_s({"retry-after": LATER, "date": NOON}, now_s=0) == 30


def test_without_a_date_of_the_server_our_clock_says_what_time_it_is() -> None:
    assert asked_wait_s({"retry-after": LATER}, now_s=NOON_S + 20) == 10
    assert asked_wait_s({"retry-after": LATER, "date": "today"}, now_s=NOON_S) == 30


def test_a_moment_that_has_passed_is_no_wait() -> None:
    assert asked_wait_s({"retry-after": NOON, "date": LATER}, now_s=0) == 0


@pytest.mark.parametrize("text", [None, "", "soon", "30", "2026-03-02T12:00:00Z", "Mon, 99 Mar 2026 12:00:00 GMT"])
def test_what_is_no_date_asks_for_nothing(text: str | None) -> None:
    assert http_date_s(text) is None
    assert asked_wait_s({} if text is None else {"retry-after": text}, now_s=NOON_S) is None


def test_a_date_without_a_zone_is_in_utc() -> None:
    assert http_date_s("Mon, 02 Mar 2026 12:00:00") == NOON_S
    assert http_date_s("Mon, 02 Mar 2026 13:00:00 +0100") == NOON_S
