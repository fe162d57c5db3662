from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lens_gate.load.limits.rate_headers import Gauge, Standing, standing_of

NOON_S = datetime(2026, 3, 2, 12, 0, tzinfo=UTC).timestamp()

OPENAI = {
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-reset-requests": "8.64s",
    "x-ratelimit-limit-tokens": "200000",
    "x-ratelimit-remaining-tokens": "150000",
    "x-ratelimit-reset-tokens": "15s",
}
ANTHROPIC = {
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "0",
    "anthropic-ratelimit-requests-reset": "2026-03-02T12:00:30Z",
    "anthropic-ratelimit-input-tokens-limit": "40000",
    "anthropic-ratelimit-input-tokens-remaining": "39000",
    "anthropic-ratelimit-input-tokens-reset": "2026-03-02T12:00:02Z",
    "anthropic-ratelimit-output-tokens-limit": "8000",
    "anthropic-ratelimit-output-tokens-remaining": "1000",
    "anthropic-ratelimit-output-tokens-reset": "2026-03-02T12:00:53Z",
    "date": "Mon, 02 Mar 2026 12:00:00 GMT",
}


def test_openai_tells_what_is_left_and_how_long_it_takes_to_come_back() -> None:
    standing = standing_of(OPENAI, now_s=0)
    assert standing == Standing(Gauge(10000, 9999, 8.64), Gauge(200000, 150000, 15))
    assert standing.requests is not None
    assert standing.requests.refill_s == 8.64


def test_anthropic_tells_moments_that_are_counted_from_its_own_clock_and_the_scarcest_tokens_count() -> None:
    standing = standing_of(ANTHROPIC, now_s=0)
    assert standing == Standing(Gauge(50, 0, 30), Gauge(8000, 1000, 53))
    assert standing.requests is not None
    assert standing.requests.refill_s == 0.6
    without_date = {name: value for name, value in ANTHROPIC.items() if name != "date"}
    assert standing_of(without_date, now_s=NOON_S + 10).requests == Gauge(50, 0, 20)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12ms", 0.012),
        ("1s", 1),
        ("1.5s", 1.5),
        ("6m0s", 360),
        ("1h2m3.5s", 3723.5),
        ("2m", 120),
        ("1m12ms", 60.012),
        ("7", 7),
        ("0s", 0),
    ],
)
def test_spans_are_read_as_the_servers_write_them(text: str, seconds: float) -> None:
    gauge = standing_of({**OPENAI, "x-ratelimit-reset-requests": text}, now_s=0).requests
    assert gauge is not None
    assert gauge.reset_s == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "-1"),
        ("remaining", "-1"),
        ("remaining", ""),
        ("remaining", "10001"),
        ("reset", ""),
        ("reset", "soon"),
        ("reset", "2026-03-02T12:00:30"),
        ("limit", "١٢"),
    ],
)
def test_what_cannot_be_read_or_cannot_be_true_was_not_said(name: str, value: str) -> None:
    standing = standing_of({**OPENAI, f"x-ratelimit-{name}-requests": value}, now_s=0)
    assert standing.requests is None
    assert standing.tokens is not None


def test_a_server_that_says_nothing_has_no_standing_and_a_full_allowance_no_refill() -> None:
    assert standing_of({}, now_s=0) == Standing()
    assert Gauge(10, 10, 0).refill_s == 0


@given(st.dictionaries(st.sampled_from(sorted({**OPENAI, **ANTHROPIC})), st.text(max_size=30)))
@example({"anthropic-ratelimit-input-tokens-limit": "0\x1f"})
def test_no_header_is_too_strange(headers: dict[str, str]) -> None:
    standing = standing_of(headers, now_s=0)
    for gauge in (standing.requests, standing.tokens):
        assert gauge is None or (gauge.limit > 0 and 0 <= gauge.remaining <= gauge.limit and gauge.reset_s >= 0)
