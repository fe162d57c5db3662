"""The CSV: a bare one with the columns of the spec, ours with all, and what can be wrong with one."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lens_gate.artifacts.foreign.formats import Format, format_of, translate
from lens_gate.artifacts.foreign.recording import Names, Recording, Source
from lens_gate.artifacts.foreign.table import read
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.errors import ArtifactProblem
from lens_gate.reports.csv_rows import csv_rows
from lens_gate.vocabulary.requests import Arm, ErrorClass, Phase, Status, TokenSource
from tests.builders import MS, a_benchmark, a_duet_run, a_failed_sample, a_pair, a_run, a_sample

HEAD = (
    "timestamp,provider,model,request_id,ttft_ms,total_latency_ms,input_tokens,output_tokens,cost_usd,status,error_type"
)
SPEC = f"""{HEAD}
2024-01-15T10:00:00.123Z,openai,gpt-4-turbo-preview,req_001,456,3234,89,145,0.00152,success,
2024-01-15T10:00:01.234Z,openai,gpt-4-turbo-preview,req_002,423,3156,92,142,0.00148,success,
2024-01-15T10:00:02.345Z,openai,gpt-4-turbo-preview,req_003,,,87,0,0,failed,rate_limit
"""
NOBODY = Names()


def table(text: str, *, names: Names = NOBODY) -> Recording:
    return read(Source(name="t.csv", data=text.encode()), names)


def rows(text: str) -> list[Sample]:
    return [one.sample for one in table(text).requests]


def row(**cells: str) -> str:
    """A table of one success; keywords replace cells and add columns."""
    values = dict(zip(HEAD.split(","), SPEC.splitlines()[1].split(","), strict=True)) | cells
    return f"{','.join(values)}\n{','.join(values.values())}\n"


def refused(text: str, *parts: str, names: Names = NOBODY) -> None:
    with pytest.raises(ArtifactProblem) as caught:
        table(text, names=names)
    assert caught.value.hint
    for part in ("t.csv", *parts):
        assert part in str(caught.value)


def test_the_table_of_the_spec_is_read_as_it_stands() -> None:
    recording = table(SPEC)
    first, second, failed = (one.sample for one in recording.requests)
    assert recording.started == datetime.fromisoformat("2024-01-15T10:00:00.123+00:00")
    assert (first.intended_ns, first.first_token_ns, first.end_ns) == (0, 456 * MS, 3234 * MS)
    assert (second.intended_ns, second.first_token_ns) == (1111 * MS, 1534 * MS)
    assert (first.input_tokens, first.output_tokens, first.cost_usd) == (89, 145, 0.00152)
    assert (first.series, first.status, first.arm) == ("openai/gpt-4-turbo-preview", Status.OK, Arm.CANDIDATE)
    assert (failed.status, failed.error_class) == (Status.THROTTLED, ErrorClass.RATE_LIMIT)
    assert (failed.first_token_ns, failed.end_ns, failed.output_tokens, failed.cost_usd) == (None, None, None, None)


def test_what_the_table_of_the_spec_lacks_stays_unknown_and_is_said() -> None:
    recording = table(SPEC)
    first = recording.requests[0].sample
    assert (first.sent_ns, first.last_token_ns, first.cached_tokens, first.pair) == (None, None, None, None)
    assert first.token_source is TokenSource.ESTIMATE
    assert "no time per token" in recording.remarks[0]


def test_tables_are_translated_one_by_one() -> None:
    sources = [Source(name=name, data=SPEC.encode()) for name in ("a.csv", "b.csv")]
    found = translate(sources, Format.CSV, NOBODY, part=None)
    assert [(one.source, len(one.requests)) for one in found] == [("a.csv", 3), ("b.csv", 3)]


def test_the_format_is_told_by_the_head_whatever_parts_the_cells() -> None:
    assert format_of(Source(name="t", data=SPEC.encode())) is Format.CSV
    for delimiter in ";\t|":
        assert rows(SPEC.replace(",", delimiter)) == rows(SPEC)


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter() -> None:
    data = ("\ufeff" + SPEC.replace("\n", "\r\n")).encode()
    assert [one.sample for one in read(Source(name="t.csv", data=data), NOBODY).requests] == rows(SPEC)


def test_arm_pair_slot_and_phase_are_read_where_they_are_there() -> None:
    (sample,) = rows(row(arm="base", pair="7", slot="1", phase="warmup"))
    assert (sample.arm, sample.pair, sample.slot, sample.phase) == (Arm.BASE, 7, 1, Phase.WARMUP)


def test_a_time_without_a_zone_is_one_of_utc() -> None:
    assert table(row(timestamp="2024-01-15T10:00:00")).started == datetime.fromisoformat("2024-01-15T10:00:00+00:00")


@pytest.mark.parametrize(
    ("words", "kind", "status"),
    [
        ("timeout", ErrorClass.TIMEOUT, Status.FAILED),
        ("shed", ErrorClass.SHED, Status.SHED),
        ("Connection refused", ErrorClass.CONNECT, Status.FAILED),
        ("none", ErrorClass.UNKNOWN, Status.FAILED),
        ("", ErrorClass.UNKNOWN, Status.FAILED),
    ],
)
def test_an_error_type_is_ours_or_is_read_by_its_words(words: str, kind: ErrorClass, status: Status) -> None:
    (sample,) = rows(row(status="failed", error_type=words))
    assert (sample.error_class, sample.status) == (kind, status)


def test_what_keeps_a_spreadsheet_from_a_formula_is_taken_off_again() -> None:
    (sample,) = rows(row(provider="'=1+1", model="'quoted'"))
    assert (sample.provider, sample.model) == ("=1+1", "'quoted'")


def test_the_user_s_names_fit_one_series_only() -> None:
    two = SPEC + "2024-01-15T10:00:03Z,openai,other,req_004,1,2,3,4,0,success,\n"
    assert len({sample.series for sample in rows(two)}) == 2
    refused(two, "2", "--model", names=Names(model="m"))
    assert table(SPEC, names=Names(model="m")).requests[0].sample.series == "openai/m"


@pytest.mark.parametrize("missing", ["timestamp", "model", "ttft_ms", "total_latency_ms", "status"])
def test_a_missing_column_is_named(missing: str) -> None:
    refused(SPEC.replace(missing, "other", 1), f"no column {missing}", "--format csv" if missing else "")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"ttft_ms": "-1"}, "`ttft_ms`"),
        ({"ttft_ms": "nan"}, "`ttft_ms`"),
        ({"total_latency_ms": "inf"}, "`total_latency_ms`"),
        ({"total_latency_ms": "1e12"}, "`total_latency_ms`"),
        ({"input_tokens": "1.5"}, "`input_tokens`"),
        ({"cost_usd": "-0.1"}, "`cost_usd`"),
        ({"status": "maybe"}, "`status`"),
        ({"timestamp": "soon"}, "`timestamp`"),
        ({"timestamp": "0001-01-01T00:00:00Z"}, "the year 1"),
        ({"timestamp": ""}, "no `timestamp`"),
        ({"error_type": "timeout"}, "a success has an `error_type`"),
        ({"total_latency_ms": "455"}, "before its first token"),
        ({"arm": "left"}, "`arm`"),
    ],
)
def test_a_cell_that_cannot_be_is_refused_with_its_line(cells: dict[str, str], said: str) -> None:
    refused(row(**cells), "t.csv:2", said)


def test_instants_that_do_not_fit_their_time_stamps_are_those_of_several_runs() -> None:
    good = SPEC.splitlines()[1]
    refused(f"{HEAD},intended_ms\n{good},0\n{good},99999\n", "t.csv:3", "several runs in one table")


def test_lines_that_are_no_rows_are_refused() -> None:
    refused(SPEC + "1,2,3,4,5,6,7,8,9,10,11,12\n", "t.csv:5", "more cells")
    refused(SPEC + "x" * 140_000, "this is no table")
    with pytest.raises(ArtifactProblem, match="UTF-8"):
        read(Source(name="t.csv", data=b"\xff\xfe"), NOBODY)


def test_rows_of_different_seasons_are_no_run() -> None:
    refused(SPEC + SPEC.splitlines()[1].replace("2024-01", "2024-09") + "\n", "t.csv:5", "50 days")


def test_a_table_without_rows_has_none() -> None:
    assert table(HEAD + "\n").requests == ()


def exported(samples: list[Sample]) -> list[Sample]:
    duet = any(sample.arm is Arm.BASE for sample in samples)
    run = a_duet_run(samples) if duet else a_run(samples)
    return rows(csv_rows(Samples.of(samples), run))


def carried(sample: Sample) -> tuple[object, ...]:
    """What a finding may depend on."""
    return (
        sample.series, sample.provider, sample.model, sample.arm, sample.pair, sample.slot, sample.intended_ns,
        sample.sent_ns, sample.first_token_ns, sample.first_visible_ns, sample.last_token_ns, sample.end_ns,
        sample.input_tokens, sample.output_tokens, sample.reasoning_tokens, sample.cached_tokens, sample.token_source,
        sample.chunk_count, sample.cost_usd, sample.status, sample.error_class, sample.finish_reason, sample.prompt_id,
        sample.draw, sample.prompt_hash, sample.http_status,
    )  # fmt: skip


def test_our_own_table_is_read_back_as_it_was_written() -> None:
    samples = [
        *a_pair(0, series="openai/gpt-small", model="gpt-other"),
        *a_pair(1),
        a_sample(index=4, pair=2, slot=0, intended_ns=10**9 + 1, sent_ns=10**9 + 2, first_token_ns=1_500_000_003,
                 first_visible_ns=1_500_000_004, last_token_ns=2 * 10**9 + 5, end_ns=2 * 10**9 + 7),
        a_failed_sample(ErrorClass.TIMEOUT, index=5, pair=2, slot=1, arm=Arm.BASE, intended_ns=10**9, sent_ns=10**9,
                        first_token_ns=1_200_000_000, end_ns=61 * 10**9),
        a_failed_sample(ErrorClass.RATE_LIMIT, index=6, http_status=429, intended_ns=2 * 10**9, sent_ns=None,
                        end_ns=None),
    ]  # fmt: skip
    assert list(map(carried, exported(samples))) == list(map(carried, samples))


INSTANT = st.integers(0, 10**15)


@settings(max_examples=60, deadline=None)
@given(due=INSTANT, waits=st.lists(st.integers(0, 10**12), min_size=4, max_size=4), cost=st.none() | st.floats(0, 1e3))
def test_instants_and_money_come_back_exactly(due: int, waits: list[int], cost: float | None) -> None:
    sent, first, last, end = (due + sum(waits[: number + 1]) for number in range(4))
    sample = a_sample(intended_ns=due, sent_ns=sent, first_token_ns=first, first_visible_ns=first,
                      last_token_ns=last, end_ns=end, cost_usd=cost)  # fmt: skip
    (back,) = exported([sample])
    assert (back.intended_ns, back.sent_ns, back.first_token_ns, back.last_token_ns, back.end_ns) == (
        due, sent, first, last, end,
    )  # fmt: skip
    assert back.cost_usd == (None if cost is None else pytest.approx(cost, rel=1e-9, abs=1e-15))


def test_the_start_of_the_run_is_that_of_the_table() -> None:
    sample = a_sample(intended_ns=400_567_891)
    text = csv_rows(Samples.of([sample]), a_run(benchmark=a_benchmark(start_time="2026-03-02T10:00:00.500Z")))
    assert table(text).started == datetime.fromisoformat("2026-03-02T10:00:00.500+00:00")
