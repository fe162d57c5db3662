from __future__ import annotations

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.reports.csv_rows import csv_rows
from lens_gate.vocabulary.requests import Arm, ErrorClass, Phase, Status
from tests.builders import MS, a_duet_run, a_failed_sample, a_pair, a_run, a_sample

SPEC_HEADER = (
    "timestamp,provider,model,request_id,ttft_ms,total_latency_ms,input_tokens,output_tokens,cost_usd,status,error_type"
)


def rows_of(*samples: Sample) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_rows(Samples.of(samples), a_run(samples)))))


def test_a_success_is_the_row_of_the_spec() -> None:
    sample = a_sample(intended_ns=1_234 * MS, first_token_ns=1_690 * MS, end_ns=4_468_500_000, cost_usd=0.00152)
    head, row = csv_rows(Samples.of([sample]), a_run()).splitlines()
    assert head.startswith(f"{SPEC_HEADER},")
    assert row.startswith("2026-03-02T10:00:01.234Z,openai,gpt-small,req_000000,456,3234.5,100,50,0.00152,success,,")


def test_the_further_columns_hold_every_instant_to_the_nanosecond_and_what_was_counted() -> None:
    (row,) = rows_of(a_sample(intended_ns=1, sent_ns=None, first_token_ns=1_000_000, end_ns=2_500_000_010))
    assert (row["intended_ms"], row["sent_ms"], row["first_token_ms"], row["end_ms"]) == (
        "0.000001",
        "",
        "1",
        "2500.00001",
    )
    assert (row["cached_tokens"], row["chunk_count"], row["token_source"], row["finish_reason"]) == (
        "0",
        "50",
        "server",
        "stop",
    )
    assert (row["series"], row["prompt_id"]) == ("openai/gpt-small", "greeting")


def test_a_failure_has_no_times_costs_nothing_and_names_its_class() -> None:
    (row,) = rows_of(a_failed_sample(ErrorClass.RATE_LIMIT, index=3))
    assert (row["ttft_ms"], row["total_latency_ms"]) == ("", "")
    assert (row["output_tokens"], row["cost_usd"], row["status"], row["error_type"]) == (
        "0",
        "0",
        "failed",
        "rate_limit",
    )


def test_what_a_failure_did_cost_is_kept() -> None:
    (row,) = rows_of(a_failed_sample(ErrorClass.CUT_STREAM, output_tokens=7, cost_usd=0.0001))
    assert (row["output_tokens"], row["cost_usd"]) == ("7", "0.0001")


def test_a_request_that_was_never_sent_is_a_failure_with_its_class() -> None:
    (row,) = rows_of(a_failed_sample(ErrorClass.SHED, status=Status.SHED, sent_ns=None, end_ns=None))
    assert (row["status"], row["error_type"]) == ("failed", "shed")


def test_unknown_counts_and_prices_of_a_success_stay_empty() -> None:
    (row,) = rows_of(a_sample(output_tokens=None, cost_usd=None, first_token_ns=None))
    assert (row["output_tokens"], row["cost_usd"], row["ttft_ms"]) == ("", "", "")


def test_tiny_prices_have_no_exponent() -> None:
    (row,) = rows_of(a_sample(cost_usd=0.00000025))
    assert row["cost_usd"] == "0.00000025"


def test_warm_up_and_cool_down_are_left_out() -> None:
    rows = rows_of(a_sample(phase=Phase.WARMUP), a_sample(index=1), a_sample(index=2, phase=Phase.COOLDOWN))
    assert [row["request_id"] for row in rows] == ["req_000001"]


def test_a_duet_says_arm_pair_and_slot() -> None:
    samples = Samples.of([*a_pair(0), *a_pair(1)])
    head, *rows = csv_rows(samples, a_duet_run()).splitlines()
    assert head.startswith(f"{SPEC_HEADER},arm,pair,slot,")
    assert [row.split(",")[11:14] for row in rows] == [
        [Arm.BASE, "0", "0"],
        [Arm.CANDIDATE, "0", "1"],
        [Arm.BASE, "1", "1"],
        [Arm.CANDIDATE, "1", "0"],
    ]


def test_an_empty_run_has_its_head() -> None:
    text = csv_rows(Samples.of([]), a_run())
    assert text.startswith(f"{SPEC_HEADER},")
    assert text.count("\n") == 1


@settings(max_examples=60, deadline=None)
@given(model=st.text(max_size=40), provider=st.sampled_from(["=1+1", "+x", "-x", "@x", "plain", '"q"', "a,b", "a\nb"]))
def test_no_name_breaks_a_row_or_starts_a_formula(model: str, provider: str) -> None:
    text = csv_rows(Samples.of([a_sample(model=model, provider=provider)]), a_run())
    (row,) = csv.DictReader(io.StringIO(text))
    assert len(text.splitlines()) == 2
    assert not row["model"].startswith(("=", "+", "-", "@"))
    assert not row["provider"].startswith(("=", "+", "-", "@"))
    assert row["status"] == "success"
