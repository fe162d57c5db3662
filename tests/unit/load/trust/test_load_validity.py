from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.artifacts.instrument import Instrument
from lens_gate.artifacts.run import Plan, Validity, ValidityCheck
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.config.section import Section
from lens_gate.config.validity import (
    BufferedShare,
    CachedShare,
    CeilingShare,
    CpuShare,
    Lateness,
    ReusedShare,
    ValidityLimits,
    ZeroGapShare,
)
from lens_gate.load.record.recorder import unsent
from lens_gate.load.record.run_end import RunEnd, Spread
from lens_gate.load.trust.validity import judge, judge_imported
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import ErrorClass, Phase, Status, TokenSource
from tests.fakes.transport import a_request, a_series

MS = 1_000_000


def an_end(
    *, lag_ms: float | None = 1.0, given_up: dict[str, Ending] | None = None, cpu_share: float | None = 0.3
) -> RunEnd:
    lag = Spread() if lag_ms is None else Spread(count=9, p99_ns=int(lag_ms * MS))
    return RunEnd(
        ending=Ending.COMPLETE,
        message=None,
        anchor_ns=0,
        scheduled=0,
        sent=0,
        shed=0,
        lateness=Spread(),
        loop_lag=lag,
        given_up=given_up or {},
        examples={},
        cpu_share=cpu_share,
    )


def an_instrument(ceiling: float | None = 500.0) -> Instrument:
    return Instrument(
        measured_at="2026-03-01T10:00:00.000Z",
        age_days=1.0,
        tool_version="0.1.0",
        transport="httpx",
        ceiling_rps=ceiling,
        rate_rps=400.0,
        ttft_bias_ms=0.3,
        ttft_p99_ms=1.0,
        gap_bias_ms=0.0,
        gap_p99_ms=0.4,
        send_p99_ms=0.7,
    )


def a_plan(rate: float | None = 10.0) -> Plan:
    return Plan(
        arrival="fixed" if rate else "closed",
        requests_per_second=rate,
        concurrency=None if rate else 4,
        requests=None,
        duration_s=10,
        warmup_s=0,
        cooldown_s=0,
        seed=0,
    )


def a_sample(index: int = 0, *, late_ms: float = 0.1, ttft_ms: float = 60.0, series: str = "line/one") -> Sample:
    intended = index * 100 * MS
    return replace(
        unsent(a_request(index, series=a_series(series)), intended_ns=intended, phase=Phase.MEASURE),
        sent_ns=intended + int(late_ms * MS),
        first_token_ns=intended + int((late_ms + ttft_ms) * MS),
        end_ns=intended + 200 * MS,
        status=Status.OK,
        error_class=ErrorClass.NONE,
        token_source=TokenSource.SERVER,
        reused=True,
        input_tokens=100,
        cached_tokens=25,
        chunk_count=11,
        model_returned="one-2026",
    )


def ten(*, late_ms: float = 0.1, ttft_ms: float = 60.0) -> list[Sample]:
    return [a_sample(n, late_ms=late_ms, ttft_ms=ttft_ms) for n in range(10)]


def judged(
    rows: list[Sample],
    *,
    end: RunEnd | None = None,
    plan: Plan | None = None,
    instrument: Instrument | None = None,
    **limits: Section,
) -> Validity:
    asked = ValidityLimits().model_copy(update=limits)
    return judge(Samples.of(rows), end or an_end(), plan or a_plan(), asked, instrument or an_instrument())


def check(name: str, validity: Validity) -> ValidityCheck:
    return next(check for check in validity.checks if check.name == name)


def test_a_clean_run_is_valid_and_every_check_has_a_value() -> None:
    validity = judged(ten())
    assert validity.valid
    assert all(check.ok for check in validity.checks)
    assert all(check.value is not None for check in validity.checks)
    assert len(validity.checks) == 16


def test_a_run_that_sent_nothing_raises_no_question() -> None:
    validity = judged([], end=an_end(lag_ms=None, cpu_share=None), plan=a_plan(None))
    assert validity.valid
    assert {check.value for check in validity.checks if check.name != "breaker_openings"} == {None}


@pytest.mark.parametrize(
    ("late_ms", "ttft_ms", "ok", "effect", "limit"),
    [
        (4.9, 60, True, "warn", 5.0),
        (6, 60, False, "warn", 5.0),
        (21, 60, False, "invalid", 20.0),
        (21, 1000, True, "warn", 50.0),
        (51, 1000, False, "warn", 50.0),
        (251, 1000, False, "invalid", 250.0),
    ],
)
@pytest.mark.parametrize("name", ["send_lateness_p99", "loop_lag_p99"])
def test_lateness_is_held_against_what_is_measured(
    *, name: str, late_ms: float, ttft_ms: float, ok: bool, effect: str, limit: float
) -> None:
    if name.startswith("send"):
        validity = judged(ten(late_ms=late_ms, ttft_ms=ttft_ms))
    else:
        validity = judged(ten(ttft_ms=ttft_ms), end=an_end(lag_ms=late_ms))
    found = check(name, validity)
    assert (found.ok, found.effect) == (ok, effect)
    assert found.limit == pytest.approx(limit)
    assert found.value == pytest.approx(late_ms)
    assert validity.valid is (ok or effect != "invalid")
    assert (found.message == "ok") is ok


@pytest.mark.parametrize(("late", "ok"), [(2, True), (3, False)])
def test_a_short_run_is_late_only_if_three_of_its_requests_are(late: int, ok: bool) -> None:
    rows = [a_sample(n, late_ms=30 if n < late else 0.1) for n in range(20)]
    assert check("send_lateness_p99", judged(rows)).ok is ok


def test_opening_a_connection_is_not_our_lateness() -> None:
    rows = [replace(row, connect_ns=50 * MS) for row in ten(late_ms=50.5)]
    assert check("send_lateness_p99", judged(rows)).value == pytest.approx(0.5)


def test_without_an_answer_the_absolute_limits_hold() -> None:
    rows = [replace(row, first_token_ns=None, status=Status.FAILED) for row in ten(late_ms=21)]
    assert not judged(rows).valid


@pytest.mark.parametrize(("shed", "ok", "valid"), [(0, True, True), (1, False, True), (4, False, False)])
def test_requests_that_were_shed_count_against_the_asked_rate(*, shed: int, ok: bool, valid: bool) -> None:
    rows = [a_sample(n) for n in range(20)]
    for n in range(shed):
        planned = a_request(3 + n)
        rows[3 + n] = unsent(planned, intended_ns=rows[3 + n].intended_ns, phase=Phase.MEASURE)
    validity = judged(rows)
    found = check("achieved_rate", validity)
    assert found.value == pytest.approx((20 - shed) / 20, abs=0.001)
    assert (found.ok, validity.valid) == (ok, valid)


def test_a_schedule_that_took_twice_as_long_achieved_half_its_rate() -> None:
    rows = [replace(row, sent_ns=2 * row.intended_ns + 1) for row in ten()]
    assert check("achieved_rate", judged(rows)).value == pytest.approx(0.5, abs=0.001)


LATER: dict[str, dict[str, Any]] = {
    "the last one connects": {"connect_ns": 300 * MS},
    "the last one is tried again": {"attempts": 2},
}


@pytest.mark.parametrize("reason", LATER)
def test_a_last_request_that_is_late_by_no_fault_of_ours_takes_nothing_from_the_rate(reason: str) -> None:
    *rows, last = ten()
    late = replace(last, sent_ns=last.intended_ns + 300 * MS, **LATER[reason])
    assert check("achieved_rate", judged([*rows, late])).value == pytest.approx(1.0, abs=0.001)
    assert check("achieved_rate", judged([*rows, replace(late, attempts=1, connect_ns=None)])).value == 0.75


def test_a_schedule_of_which_nothing_was_sent_achieved_nothing() -> None:
    rows = [unsent(a_request(n), intended_ns=n * MS, phase=Phase.MEASURE) for n in range(5)]
    validity = judged(rows)
    assert check("achieved_rate", validity).value == 0
    assert not validity.valid


def test_a_closed_loop_was_asked_for_no_rate() -> None:
    rows = [replace(row, intended_ns=2 * row.intended_ns, sent_ns=2 * row.intended_ns) for row in ten()]
    assert check("achieved_rate", judged(rows, plan=a_plan(None))).value is None


def test_one_request_makes_no_rate() -> None:
    assert check("achieved_rate", judged(ten()[:1])).value is None


def test_requests_outside_the_measured_phase_are_not_judged() -> None:
    early = [replace(row, phase=Phase.WARMUP) for row in ten(late_ms=500)]
    late = [replace(row, phase=Phase.COOLDOWN, status=Status.THROTTLED) for row in ten()]
    checks = judged([*early, *ten(), *late]).checks
    assert [check.name for check in checks if not check.ok] == ["unmeasured_share"]


def test_a_series_that_was_given_up_does_not_spoil_the_others() -> None:
    shed = [
        unsent(a_request(n, series=a_series("line/two")), intended_ns=n * MS, phase=Phase.MEASURE) for n in range(50)
    ]
    assert not judged([*ten(), *shed]).valid
    assert judged([*ten(), *shed], end=an_end(given_up={"line/two": Ending.AUTHENTICATION})).valid


def test_many_chunks_without_a_gap_drop_the_inter_chunk_latency_but_not_the_run() -> None:
    validity = judged([replace(row, zero_gaps=3) for row in ten()])
    found = check("zero_gap_share", validity)
    assert (found.value, found.ok, found.effect) == (0.3, False, "drop")
    assert validity.valid


def test_answers_of_one_chunk_have_no_gaps_to_judge() -> None:
    assert check("zero_gap_share", judged([replace(row, chunk_count=1) for row in ten()])).value is None


def test_buffered_streams_are_pointed_out() -> None:
    rows = ten()
    rows[0] = replace(rows[0], status=Status.FAILED, error_class=ErrorClass.BUFFERED)
    found = check("buffered_share", judged(rows))
    assert (found.value, found.ok, found.effect) == (0.1, False, "warn")
    assert "proxy" in found.message


def test_missing_usage_is_pointed_out() -> None:
    rows = [replace(row, token_source=TokenSource.CHUNKS) for row in ten()]
    found = check("missing_usage_share", judged(rows))
    assert (found.value, found.ok, found.effect) == (1.0, False, "warn")


def test_answers_without_tokens_lack_no_usage() -> None:
    rows = [replace(row, token_source=TokenSource.NONE, chunk_count=0) for row in ten()]
    assert check("missing_usage_share", judged(rows)).value is None


@pytest.mark.parametrize(("throttled", "ok", "valid"), [(0, True, True), (1, False, True), (3, False, False)])
def test_a_throttled_run_measured_the_limit_and_not_the_model(*, throttled: int, ok: bool, valid: bool) -> None:
    rows = [replace(row, status=Status.THROTTLED) if n < throttled else row for n, row in enumerate(ten())]
    validity = judged(rows)
    assert check("throttled_share", validity).ok is ok
    assert validity.valid is valid


def test_the_share_of_reused_connections_is_told_and_never_judged() -> None:
    rows = [replace(row, reused=n > 4) for n, row in enumerate(ten())]
    found = check("reused_share", judged(rows))
    assert (found.value, found.ok, found.limit) == (0.5, True, None)


def test_an_alias_that_was_answered_by_two_models_is_named() -> None:
    rows = ten()
    rows[4] = replace(rows[4], model_returned="one-2027")
    found = check("model_versions", judged(rows))
    assert (found.value, found.ok, found.effect) == (2, False, "warn")
    assert "one was answered by one-2026, one-2027" in found.message


def test_two_models_on_purpose_are_no_alias() -> None:
    other = [replace(row, model="two", model_returned="two-2026") for row in ten()]
    assert check("model_versions", judged([*ten(), *other])).ok


def test_a_server_that_names_no_model_leaves_the_alias_open() -> None:
    rows = [replace(row, model_returned=None) for row in ten()]
    assert check("model_versions", judged(rows)).value is None


@given(late_ms=st.floats(0, 1000), ttft_ms=st.floats(1, 5000), factor=st.floats(1, 10))
def test_being_later_never_makes_a_run_more_valid(late_ms: float, ttft_ms: float, factor: float) -> None:
    early = judged(ten(late_ms=late_ms, ttft_ms=ttft_ms)).valid
    late = judged(ten(late_ms=late_ms * factor, ttft_ms=ttft_ms)).valid
    assert early or not late


def test_an_import_always_says_who_stamped_it_and_is_valid_where_nothing_speaks_against_it() -> None:
    validity = judge_imported(Samples.of(ten()), "guidellm measured this")
    imported = validity.checks[0]
    assert validity.valid
    assert (imported.name, imported.ok, imported.effect) == ("imported", False, "warn")
    assert imported.message == "guidellm measured this"
    assert all(one.ok for one in validity.checks[1:])


def test_an_import_whose_requests_were_sent_late_is_invalid() -> None:
    validity = judge_imported(Samples.of(ten(late_ms=30)), "")
    assert not validity.valid
    assert check("send_lateness_p99", validity).effect == "invalid"


def test_an_import_without_sends_leaves_their_lateness_open() -> None:
    unknown = [replace(row, sent_ns=None) for row in ten()]
    assert check("send_lateness_p99", judge_imported(Samples.of(unknown), "")).value is None


def test_token_counts_of_an_import_that_are_not_the_server_s_are_a_warning() -> None:
    counted = [replace(row, token_source=TokenSource.ESTIMATE) for row in ten()]
    found = check("missing_usage_share", judge_imported(Samples.of(counted), ""))
    assert (found.value, found.ok, found.effect) == (1, False, "warn")
    assert "estimates" in found.message


def test_an_import_that_was_throttled_most_of_the_time_is_invalid() -> None:
    throttled = [replace(row, status=Status.THROTTLED, error_class=ErrorClass.RATE_LIMIT) for row in ten()]
    assert not judge_imported(Samples.of([*ten(), *throttled]), "").valid


@pytest.mark.parametrize(
    ("share", "ok", "effect"), [(0.8, True, "warn"), (0.9, False, "warn"), (0.96, False, "invalid")]
)
def test_a_process_that_needs_its_whole_core_is_not_trusted(*, share: float, ok: bool, effect: str) -> None:
    found = check("cpu_share", judged(ten(), end=an_end(cpu_share=share)))
    assert (found.ok, found.effect) == (ok, effect)
    assert ok or "of a core" in found.message


def test_more_than_the_ceiling_of_this_machine_is_a_warning() -> None:
    found = check("ceiling_share", judged(ten(), instrument=an_instrument(5.0)))
    assert (found.value, found.ok, found.effect) == (2.0, False, "warn")
    assert "selftest" in found.message


def test_a_machine_without_a_ceiling_and_a_closed_loop_raise_no_question_of_one() -> None:
    assert check("ceiling_share", judged(ten(), instrument=an_instrument(None))).value is None
    assert check("ceiling_share", judged(ten(), plan=a_plan(None))).value is None


def test_the_cached_share_is_told_and_judged_only_where_it_has_a_limit() -> None:
    told = check("cached_share", judged(ten()))
    assert (told.value, told.ok, told.limit) == (0.25, True, None)
    held = judged(ten(), cached_share=CachedShare(invalid=0.1))
    assert not held.valid
    assert check("cached_share", held).limit == 0.1


def test_answers_that_tell_no_cached_tokens_leave_the_share_open() -> None:
    rows = [replace(row, cached_tokens=None) for row in ten()]
    assert check("cached_share", judged(rows)).value is None


def test_every_limit_is_the_configuration_s() -> None:
    rows = [replace(row, zero_gaps=3, reused=False) for row in ten(late_ms=6)]
    validity = judged(
        rows,
        end=an_end(lag_ms=30, cpu_share=0.5),
        send_lateness=Lateness(warn=None, invalid=0.001, invalid_of_ttft=None),
        loop_lag=Lateness(warn=None, invalid=None),
        cpu_share=CpuShare(warn=0.4),
        zero_gap_share=ZeroGapShare(drop=None, invalid=0.25),
        reused_share=ReusedShare(warn=0.5),
    )
    found = {one.name: (one.limit, one.ok, one.effect) for one in validity.checks}
    assert found["send_lateness_p99"] == (1.0, False, "invalid")
    assert found["loop_lag_p99"] == (None, True, "warn")
    assert found["cpu_share"] == (0.4, False, "warn")
    assert found["zero_gap_share"] == (0.25, False, "invalid")
    assert found["reused_share"] == (0.5, False, "warn")


def test_all_limits_of_a_check_are_written_down_with_it() -> None:
    validity = judged(ten(), buffered_share=BufferedShare(invalid=0.5), ceiling_share=CeilingShare(warn=None))
    assert check("buffered_share", validity).limits == {"warn": 0.01, "invalid": 0.5}
    assert check("send_lateness_p99", validity).limits == {"warn": 5.0, "invalid": 20.0}
    assert check("ceiling_share", validity).limits == {}


def test_our_own_lateness_does_not_raise_the_limits_it_is_held_against() -> None:
    found = check("send_lateness_p99", judged(ten(late_ms=900, ttft_ms=40)))
    assert found.limit == 20.0
    assert found.effect == "invalid"
