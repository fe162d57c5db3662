"""Goodput: which requests meet objectives, and how many of all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.analysis.goodput import goodput, meeting_all
from lens_gate.analysis.summarize import summarize, summary_of
from lens_gate.artifacts.load import Goodput
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.vocabulary.requests import ErrorClass, Phase
from lens_gate.vocabulary.slo import parse_slo
from tests.builders import MS, a_failed_sample, a_sample

SLO = parse_slo("ttft < 500ms and tpot < 30ms")


def answered(ttft_ms: float, *, tpot_ms: float = 20.0, tokens: int = 11, **changes: Any) -> Sample:
    """A request that was due at 0, with these times and nothing else of interest."""
    first = round(ttft_ms * MS)
    last = first + round(tpot_ms * MS) * (tokens - 1)
    times = {"first_token_ns": first, "first_visible_ns": first, "last_token_ns": last, "end_ns": last}
    return a_sample(
        **{"intended_ns": 0, "sent_ns": 0, "output_tokens": tokens, "reasoning_tokens": 0, **times, **changes}
    )


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (answered(499.9), True),
        (answered(500), False),
        (answered(100, tpot_ms=30), False),
        (answered(100, tokens=1), True),
        (answered(100, first_token_ns=None, first_visible_ns=None, last_token_ns=None), False),
        (answered(100, error_class=ErrorClass.CUT_STREAM, status="failed"), False),
        (a_failed_sample(ErrorClass.RATE_LIMIT), False),
        (a_failed_sample(ErrorClass.SHED), False),
    ],
)  # fmt: skip
def test_a_request_meets_objectives_or_not(row: Sample, met: bool) -> None:
    assert meeting_all(Samples.of([row]), SLO).tolist() == [met]


def test_a_limit_itself_is_met_only_where_it_is_allowed() -> None:
    rows = Samples.of([answered(500)])
    assert meeting_all(rows, parse_slo("ttft <= 500ms")).all()
    assert not meeting_all(rows, parse_slo("ttft < 500ms")).any()


def test_goodput_is_a_share_of_everything_that_was_due_and_a_rate_over_the_window() -> None:
    rows = [answered(100), answered(400), answered(600), answered(100, tpot_ms=31), a_failed_sample()]
    found = goodput(Samples.of(rows), SLO, 4.0)
    assert found is not None
    assert (found.met, found.total, found.percentage, found.requests_per_second) == (2, 5, 40.0, 0.5)
    assert [(one.objective, one.percentage) for one in found.objectives] == [
        ("ttft < 500ms", 60.0),
        ("tpot < 30ms", 60.0),
    ]
    assert goodput(Samples.of(rows), SLO, 0.0) == found.model_copy(update={"requests_per_second": None})


def test_without_objectives_or_requests_there_is_no_goodput() -> None:
    assert goodput(Samples.of([answered(100)]), (), 1.0) is None
    assert goodput(Samples.of([]), SLO, 1.0) is None


@given(times=st.lists(st.integers(min_value=0, max_value=1000), min_size=1, max_size=30), limit=st.integers(1, 1000))
def test_goodput_counts_like_a_plain_loop_and_falls_with_its_limit(times: list[int], limit: int) -> None:
    rows = Samples.of([answered(time) for time in times])
    found = goodput(rows, parse_slo(f"ttft < {limit}ms"), 1.0)
    stricter = goodput(rows, parse_slo(f"ttft < {limit / 2}ms"), 1.0)
    assert found is not None
    assert stricter is not None
    assert found.met == sum(time < limit for time in times)
    assert stricter.met <= found.met


def test_each_model_of_a_run_has_its_own_goodput_and_the_run_that_of_all() -> None:
    fast = [answered(100, index=number) for number in range(3)]
    slow = [answered(900, model="slow", series="openai/slow", index=number) for number in range(3, 5)]
    warm = [answered(900, phase=Phase.WARMUP, index=5)]
    samples = Samples.of([*fast, *slow, *warm])
    providers = summarize(
        samples, anchor_time=datetime(2026, 1, 1, tzinfo=UTC), percentiles=(), resolution_s=0, slo=SLO
    )
    assert [(model.id, model.goodput and model.goodput.met) for p in providers for model in p.models] == [
        ("gpt-small", 3), ("slow", 0)
    ]  # fmt: skip
    summary = summary_of(providers, samples)
    assert summary.goodput_percent == 60.0
    assert summary.goodput_per_second == pytest.approx(3 / 1.1)
    none = summarize(samples, anchor_time=datetime(2026, 1, 1, tzinfo=UTC), percentiles=(), resolution_s=0)
    assert summary_of(none, samples).goodput_percent is None


def test_a_goodput_survives_its_artifact() -> None:
    found = goodput(Samples.of([answered(100)]), SLO, 2.0)
    assert found is not None
    assert Goodput.model_validate_json(found.model_dump_json()) == found
