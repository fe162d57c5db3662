"""The result files of other tools, translated: recorded ones and what can be wrong with them.

tests/recordings/README.md says which files the tools themselves wrote, and which are written by hand.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lens_gate.analysis.imported import merged
from lens_gate.analysis.quantities import column
from lens_gate.artifacts.columns import encode
from lens_gate.artifacts.foreign.failures import class_of, http_status_in
from lens_gate.artifacts.foreign.formats import Format, common_format, format_of, translate, unpacked
from lens_gate.artifacts.foreign.recording import Names, Recording, Source
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.errors import ArtifactProblem, LensGateError
from lens_gate.vocabulary.metrics import Quantity
from lens_gate.vocabulary.requests import ErrorClass, Phase, Status, TokenSource
from tests.builders import MS

FOLDER = Path(__file__).parents[2] / "recordings" / "foreign"
FILES: dict[Format, tuple[str, ...]] = {
    Format.GUIDELLM: ("guidellm.json",),
    Format.AIPERF: ("aiperf.jsonl", "aiperf-summary.json"),
    Format.VLLM: ("vllm.json",),
    Format.LLMPERF: ("llmperf_550_150_individual_responses.json", "llmperf_550_150_summary.json"),
}
NOBODY = Names()
MODEL = "sim-small+errors=15+throttle=10+fault=cut:15"


def source(name: str) -> Source:
    return unpacked(name, (FOLDER / name).read_bytes())


def read(form: Format, *sources: Source, names: Names = NOBODY, part: int | None = None) -> Recording:
    (found,) = translate(sources or [source(name) for name in FILES[form]], form, names, part=part)
    return found


def changed(name: str, change: Callable[[Any], None]) -> Source:
    """A recorded JSON file with a change."""
    data = json.loads((FOLDER / name).read_bytes())
    change(data)
    return Source(name=name, data=json.dumps(data).encode())


def rows(recording: Recording) -> list[Sample]:
    return [one.sample for one in recording.requests]


def written(sources: list[Source], form: Format) -> None:
    """Go the whole way from bytes to the columns of an artifact."""
    encode(merged(translate(sources, form, Names(model="m"), part=None)).samples)


def refused(action: Callable[[], object], *parts: str) -> LensGateError:
    with pytest.raises(ArtifactProblem) as caught:
        action()
    error = caught.value
    assert error.place
    assert error.hint
    for part in parts:
        assert part in str(error), str(error)
    return error


# every format


@pytest.mark.parametrize("form", FILES)
def test_the_format_is_told_from_the_file(form: Format) -> None:
    assert common_format([source(name) for name in FILES[form]]) is form


@pytest.mark.parametrize("form", FILES)
def test_the_file_may_be_gzipped(form: Format) -> None:
    plain = [source(name) for name in FILES[form]]
    packed = [unpacked(one.name, gzip.compress(one.data)) for one in plain]
    assert read(form, *packed) == read(form, *plain)


@pytest.mark.parametrize("form", FILES)
def test_names_of_the_user_go_before_those_of_the_file(form: Format) -> None:
    for sample in rows(read(form, names=Names(provider="mine", model="small"))):
        assert (sample.series, sample.provider, sample.model) == ("mine/small", "mine", "small")


@pytest.mark.parametrize("form", FILES)
def test_a_failed_request_keeps_its_class_and_is_never_fast(form: Format) -> None:
    found = rows(read(form))
    assert {sample.status for sample in found} > {Status.OK}
    for sample in found:
        assert (sample.status is Status.OK) == (sample.error_class is ErrorClass.NONE)
        assert (sample.status is Status.THROTTLED) == (sample.error_class is ErrorClass.RATE_LIMIT)


@pytest.mark.parametrize("form", FILES)
def test_a_file_that_is_cut_anywhere_is_refused(form: Format) -> None:
    name = FILES[form][0]
    data = source(name).data
    for size in range(len(data) // 7, len(data) - 2, len(data) // 7):
        refused(partial(read, form, Source(name=name, data=data[:size]), names=Names(model="m")), name)


@pytest.mark.parametrize("form", Format)
def test_an_empty_file_is_refused(form: Format) -> None:
    refused(lambda: unpacked("a.json", b" \n"), "a.json", "empty")


def test_a_file_of_no_known_format_is_refused() -> None:
    refused(lambda: format_of(Source(name="a.json", data=b'{"kind": "run"}')), "a.json", "guidellm")


def test_files_of_different_tools_are_refused() -> None:
    refused(lambda: common_format([source("vllm.json"), source("guidellm.json")]), "vllm.json", "guidellm.json")


FUZZED = {
    form: b"".join(source(name).data for name in FILES[form][:1])[:6000] for form in FILES
} | {Format.CSV: b"timestamp,provider,model,ttft_ms,total_latency_ms,input_tokens,output_tokens,status\n"
     b"2026-03-02T10:00:00.123Z,openai,m,1,2,3,4,success\n"}  # fmt: skip


@settings(max_examples=max(100, settings().max_examples))
@given(
    form=st.sampled_from(Format),
    spans=st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 40), st.binary(max_size=8)), max_size=6),
)
def test_damaged_bytes_raise_nothing_but_our_own_errors(form: Format, spans: list[tuple[int, int, bytes]]) -> None:
    data = FUZZED[form]
    for start, length, insert in spans:
        data = data[:start] + insert + data[start + length :]
    with suppress(LensGateError):
        written([unpacked("f", data)], form)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=max(100, settings().max_examples))
@given(form=st.sampled_from(list(FILES)), path=st.lists(st.integers(0, 30), min_size=1, max_size=7), value=JSON_VALUES)
def test_foreign_values_anywhere_raise_nothing_but_our_own_errors(form: Format, path: list[int], value: Any) -> None:
    lines = source(FILES[form][0]).data.splitlines() if form is Format.AIPERF else [source(FILES[form][0]).data]
    data: Any = json.loads(lines[0])
    holder = data
    for step in path:
        keys: list[Any] = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            break
        key = keys[step % len(keys)]
        if not isinstance(holder[key], dict | list) or step == path[-1]:
            holder[key] = value
            break
        holder = holder[key]
    changed_lines = [json.dumps(data).encode(), *lines[1:]]
    with suppress(LensGateError):
        written([Source(name="f", data=b"\n".join(changed_lines))], form)


# guidellm


def test_guidellm_times_are_its_own_and_count_from_the_planned_start() -> None:
    recording = read(Format.GUIDELLM)
    told = json.loads((FOLDER / "guidellm.json").read_bytes())["benchmarks"][0]["requests"]["successful"]
    for request, sample in zip(told, rows(recording), strict=False):
        times = request["info"]["timings"]
        assert sample.sent_ns is not None
        assert sample.first_token_ns is not None
        assert sample.first_token_ns - sample.sent_ns == pytest.approx(request["time_to_first_token_ms"] * MS, abs=1000)
        late = (times["request_start"] - times["targeted_start"]) * 1e9
        assert sample.sent_ns - sample.intended_ns == pytest.approx(late, abs=1000)
        assert (sample.output_tokens, sample.token_source) == (
            request["output_metrics"]["total_tokens"],
            TokenSource.SERVER,
        )


def test_guidellm_s_time_per_token_is_ours() -> None:
    told = json.loads((FOLDER / "guidellm.json").read_bytes())["benchmarks"][0]["requests"]["successful"]
    samples = Samples.of(rows(read(Format.GUIDELLM))[: len(told)])
    ours = column(samples, Quantity.TPOT) / MS
    assert ours == pytest.approx([request["inter_token_latency_ms"] for request in told], rel=1e-3)


def test_guidellm_says_how_and_when_was_measured() -> None:
    recording = read(Format.GUIDELLM)
    plan = recording.plan
    assert (plan.arrival, plan.requests_per_second, plan.seed) == ("poisson", 10.0, 42)
    assert recording.tool == "guidellm 0.8.1"
    assert (recording.endpoints, recording.python) == (("http://127.0.0.1:18431",), "3.11.7")
    assert recording.started is not None
    assert recording.started.year == 2026
    assert min(sample.intended_ns for sample in rows(recording)) == 0


def test_guidellm_s_warm_up_is_what_came_before_its_window_and_cool_down_what_came_after() -> None:
    def narrow(data: Any) -> None:
        data["benchmarks"][0]["scheduler_metrics"]["measure_end_time"] -= 0.6

    phases = {sample.phase for sample in rows(read(Format.GUIDELLM, changed("guidellm.json", narrow)))}
    assert phases == set(Phase)


def test_guidellm_s_failures_have_their_classes() -> None:
    found = {sample.error_class for sample in rows(read(Format.GUIDELLM))}
    assert found == {ErrorClass.NONE, ErrorClass.RATE_LIMIT, ErrorClass.API_ERROR, ErrorClass.CUT_STREAM}


def test_guidellm_keeps_no_prompt_but_its_hash_whatever_the_model() -> None:
    def other_model(data: Any) -> None:
        for request in data["benchmarks"][0]["requests"]["successful"]:
            request["request_args"] = request["request_args"].replace(MODEL, "other")

    mine, theirs = (
        [sample for sample in rows(recording) if sample.status is Status.OK]
        for recording in (read(Format.GUIDELLM), read(Format.GUIDELLM, changed("guidellm.json", other_model)))
    )
    assert {sample.model for sample in theirs} == {"other"}
    assert [sample.prompt_hash for sample in mine] == [sample.prompt_hash for sample in theirs]
    assert len({sample.prompt_hash for sample in mine}) == len(mine)
    assert all(len(sample.prompt_hash) == 16 for sample in mine)


def test_a_guidellm_request_of_a_closed_loop_is_due_when_it_is_sent() -> None:
    def closed(data: Any) -> None:
        data["benchmarks"][0]["config"]["strategy"] = {"type_": "concurrent", "streams": 4}

    recording = read(Format.GUIDELLM, changed("guidellm.json", closed))
    assert all(sample.intended_ns == sample.sent_ns for sample in rows(recording))
    assert (recording.plan.concurrency, recording.plan.requests_per_second) == (4, None)


def test_guidellm_without_usage_counts_chunks_and_without_a_stream_nothing() -> None:
    def stripped(data: Any) -> None:
        first, second, *_ = data["benchmarks"][0]["requests"]["successful"]
        first["output_metrics"] = {}
        second["output_metrics"] = {}
        second["info"]["timings"]["token_iterations"] = 0

    first, second, *_ = rows(read(Format.GUIDELLM, changed("guidellm.json", stripped)))
    assert (first.output_tokens, first.token_source) == (first.chunk_count, TokenSource.CHUNKS)
    assert (second.output_tokens, second.token_source) == (None, TokenSource.NONE)


def test_a_guidellm_request_that_was_cut_off_at_the_end_is_interrupted_and_one_never_sent_left_out() -> None:
    def ended(data: Any) -> None:
        requests = data["benchmarks"][0]["requests"]
        requests["incomplete"] = requests.pop("errored")[:2]
        first, second = requests["incomplete"]
        first["info"]["error"] = None
        second["info"]["timings"] = {"targeted_start": 1795614046.3}

    *good, cut = rows(read(Format.GUIDELLM, changed("guidellm.json", ended)))
    assert (cut.status, cut.error_class) == (Status.FAILED, ErrorClass.INTERRUPTED)
    assert all(sample.status is Status.OK for sample in good)


@pytest.mark.parametrize("arguments", [None, "no JSON", "[]", '{"body": []}', '{"body": {"model": "m"}}'])
def test_a_guidellm_file_without_prompts_still_has_the_model_of_its_backend(arguments: str | None) -> None:
    def without(data: Any) -> None:
        for requests in data["benchmarks"][0]["requests"].values():
            for request in requests:
                request["request_args"] = arguments

    found = rows(read(Format.GUIDELLM, changed("guidellm.json", without)))
    assert {sample.model for sample in found} == {"m" if arguments and "model" in arguments else MODEL}
    assert {sample.prompt_hash for sample in found} == {""}


def test_a_guidellm_file_without_any_model_needs_one() -> None:
    def without(data: Any) -> None:
        data["benchmarks"][0]["config"]["backend"] = {}
        for requests in data["benchmarks"][0]["requests"].values():
            for request in requests:
                request["request_args"] = None

    bare = changed("guidellm.json", without)
    refused(lambda: read(Format.GUIDELLM, bare), "no model", "--model")
    assert {sample.model for sample in rows(read(Format.GUIDELLM, bare, names=Names(model="m")))} == {"m"}


def test_a_guidellm_file_that_mixes_models_is_refused_even_where_one_is_named() -> None:
    def mixed(data: Any) -> None:
        request = data["benchmarks"][0]["requests"]["successful"][0]
        request["request_args"] = request["request_args"].replace(MODEL, "other")

    refused(lambda: read(Format.GUIDELLM, changed("guidellm.json", mixed), names=Names(model="m")), "other", MODEL)


def test_one_benchmark_of_a_guidellm_sweep_is_chosen_by_its_number() -> None:
    def twice(data: Any) -> None:
        data["benchmarks"].append(json.loads(json.dumps(data["benchmarks"][0])))
        data["benchmarks"][1]["config"]["strategy"]["rate"] = 20.0

    sweep = changed("guidellm.json", twice)
    refused(lambda: read(Format.GUIDELLM, sweep), "2 benchmarks", "--part 1 to --part 2")
    refused(lambda: read(Format.GUIDELLM, sweep, part=3), "part 3")
    assert read(Format.GUIDELLM, sweep, part=2).plan.requests_per_second == 20.0


def test_a_guidellm_file_without_benchmarks_or_requests_is_refused() -> None:
    refused(
        lambda: read(Format.GUIDELLM, changed("guidellm.json", lambda data: data.update(benchmarks=[]))), "no bench"
    )

    def nothing(data: Any) -> None:
        data["benchmarks"][0]["requests"] = {"successful": []}

    refused(lambda: read(Format.GUIDELLM, changed("guidellm.json", nothing)), "no request")


def test_a_guidellm_file_from_before_its_timings_is_refused_with_what_is_missing() -> None:
    def old(data: Any) -> None:
        for request in data["benchmarks"][0]["requests"]["successful"]:
            request["info"] = {}

    refused(lambda: read(Format.GUIDELLM, changed("guidellm.json", old)), "timings", "0.4")


# aiperf


def test_aiperf_times_are_its_own_and_count_from_the_credit() -> None:
    lines = [json.loads(line) for line in (FOLDER / "aiperf.jsonl").read_text(encoding="utf-8").splitlines()]
    for line, sample in zip(lines, rows(read(Format.AIPERF)), strict=True):
        if line.get("error"):
            continue
        stamps, metrics = line["metadata"], line["metrics"]
        assert sample.sent_ns is not None
        assert sample.first_token_ns is not None
        assert sample.last_token_ns is not None
        ttft, latency = (metrics[name]["value"] * MS for name in ("time_to_first_token", "request_latency"))
        assert sample.first_token_ns - sample.sent_ns == pytest.approx(ttft, abs=2)
        assert sample.last_token_ns - sample.sent_ns == pytest.approx(latency, abs=2)
        assert sample.sent_ns - sample.intended_ns == stamps["request_start_ns"] - stamps["credit_issued_ns"]
        assert sample.output_tokens == metrics["usage_completion_tokens"]["value"]
        assert sample.token_source is TokenSource.SERVER
        assert sample.chunk_count == len(metrics["inter_chunk_latency"]["value"]) + 1


def test_aiperf_s_gaps_add_up_to_its_decoding_time() -> None:
    for one in read(Format.AIPERF).requests:
        if one.sample.status is Status.OK:
            assert one.sample.last_token_ns is not None
            assert one.sample.first_token_ns is not None
            assert sum(one.gaps_ns) == pytest.approx(one.sample.last_token_ns - one.sample.first_token_ns, abs=100)


def test_aiperf_s_phases_failures_and_settings_are_kept() -> None:
    recording = read(Format.AIPERF)
    found = rows(recording)
    assert [sample.phase for sample in found].count(Phase.WARMUP) == 2
    assert {sample.error_class for sample in found} == {
        ErrorClass.NONE, ErrorClass.API_ERROR, ErrorClass.RATE_LIMIT, ErrorClass.TIMEOUT,
    }  # fmt: skip
    assert all(sample.end_ns is None for sample in found if sample.status is not Status.OK)
    assert {sample.http_status for sample in found} == {None, 429, 500}
    assert (recording.plan.requests_per_second, recording.plan.request_timeout_s) == (10.0, 4.0)
    assert {sample.reused for sample in found} == {None, False, True}


def test_aiperf_lines_alone_need_the_name_of_the_model() -> None:
    lines = source("aiperf.jsonl")
    refused(lambda: read(Format.AIPERF, lines), "no model", "--model")
    recording = read(Format.AIPERF, lines, names=Names(model="m"))
    assert (recording.tool, recording.plan.arrival) == ("aiperf", "unknown")


def test_an_aiperf_summary_has_no_requests_and_two_runs_are_not_one() -> None:
    lines, summary = source("aiperf.jsonl"), source("aiperf-summary.json")
    refused(lambda: read(Format.AIPERF, summary), "0 files of requests", "profile_export.jsonl")
    refused(lambda: read(Format.AIPERF, lines, lines), "2 files of requests")
    refused(lambda: read(Format.AIPERF, lines, summary, summary), "2 summaries")


def test_an_aiperf_run_of_several_models_is_refused() -> None:
    def two(data: Any) -> None:
        data["input_config"]["models"]["items"].append({"name": "other"})

    refused(lambda: read(Format.AIPERF, source("aiperf.jsonl"), changed("aiperf-summary.json", two)), "2 models")


def test_an_older_aiperf_summary_names_its_models_elsewhere() -> None:
    def old(data: Any) -> None:
        data["input_config"] = {"endpoint": {"model_names": ["old"]}}

    recording = read(Format.AIPERF, source("aiperf.jsonl"), changed("aiperf-summary.json", old))
    assert {sample.model for sample in rows(recording)} == {"old"}


def aiperf_line(**changes: Any) -> Source:
    line = {
        "metadata": {"request_start_ns": 10**18, "request_end_ns": 10**18 + 10**9},
        "metrics": {
            "time_to_first_token": {"value": 0.2, "unit": "sec"},
            "request_latency": {"value": 1.0, "unit": "sec"},
            "output_sequence_length": {"value": 9, "unit": "tokens"},
        },
    }
    return Source(name="p.jsonl", data=json.dumps({**line, **changes}).encode() + b"\n\n")


def test_aiperf_counts_of_its_own_tokenizer_are_estimates_and_no_counts_are_none() -> None:
    (counted,) = rows(read(Format.AIPERF, aiperf_line(), names=Names(model="m")))
    assert (counted.output_tokens, counted.token_source) == (9, TokenSource.ESTIMATE)
    assert (counted.first_token_ns, counted.last_token_ns) == (200 * MS, 1000 * MS)
    assert counted.intended_ns == counted.sent_ns
    (bare,) = rows(read(Format.AIPERF, aiperf_line(metrics={}), names=Names(model="m")))
    assert (bare.output_tokens, bare.token_source, bare.chunk_count) == (None, TokenSource.NONE, 0)
    assert (bare.first_token_ns, bare.last_token_ns, bare.reused) == (None, None, None)


def test_an_aiperf_request_that_was_cancelled_is_interrupted() -> None:
    stamps = {"request_start_ns": 1, "request_end_ns": 2, "was_cancelled": True}
    (sample,) = rows(read(Format.AIPERF, aiperf_line(metadata=stamps, metrics={}), names=Names(model="m")))
    assert sample.error_class is ErrorClass.INTERRUPTED


def test_an_aiperf_error_with_another_code_has_no_http_status() -> None:
    line = aiperf_line(metrics={}, error={"code": 7, "type": "ConnectionRefusedError", "message": "cannot connect"})
    (sample,) = rows(read(Format.AIPERF, line, names=Names(model="m")))
    assert (sample.error_class, sample.http_status) == (ErrorClass.CONNECT, None)


# vLLM


def test_vllm_times_are_its_own() -> None:
    data = json.loads((FOLDER / "vllm.json").read_bytes())
    first = min(start - queue for start, queue in zip(data["start_times"], data["queue_times"], strict=True))
    for number, sample in enumerate(rows(read(Format.VLLM))):
        assert sample.sent_ns == pytest.approx((data["start_times"][number] - first) * 1e9, abs=2)
        assert sample.sent_ns is not None
        if data["errors"][number]:
            continue
        assert sample.first_token_ns is not None
        assert sample.first_token_ns - sample.sent_ns == pytest.approx(data["ttfts"][number] * 1e9, abs=2)
        assert sample.last_token_ns == pytest.approx(sample.end_ns, abs=100)
        assert sample.chunk_count == len(data["itls"][number]) + 1
        assert sample.output_tokens == data["output_lens"][number]


def test_a_vllm_failure_keeps_what_was_seen_of_it_and_no_end() -> None:
    found = rows(read(Format.VLLM))
    cut = next(sample for sample in found if sample.error_class is ErrorClass.CUT_STREAM)
    assert cut.first_token_ns is not None
    assert (cut.end_ns, cut.output_tokens, cut.token_source) == (None, None, TokenSource.NONE)
    classes = {sample.error_class for sample in found}
    assert classes == {ErrorClass.NONE, ErrorClass.CUT_STREAM, ErrorClass.RATE_LIMIT, ErrorClass.API_ERROR}


def test_vllm_s_date_is_that_of_the_end() -> None:
    recording = read(Format.VLLM)
    assert recording.started is not None
    assert recording.started.isoformat(timespec="seconds") == "2026-11-25T13:47:02+00:00"
    assert recording.plan.requests_per_second == 10.0


def test_an_older_vllm_file_has_no_starts_and_a_last_token_from_its_gaps() -> None:
    def old(data: Any) -> None:
        for name in ("start_times", "queue_times", "latencies", "date"):
            del data[name]
        data["request_rate"] = "inf"

    recording = read(Format.VLLM, changed("vllm.json", old))
    assert (recording.timed, recording.started, recording.plan.requests_per_second) == (False, None, None)
    assert "do not say when a request was sent" in recording.remarks[0]
    for sample in rows(recording):
        assert (sample.intended_ns, sample.sent_ns) == (0, None)
        if sample.status is Status.OK:
            assert sample.end_ns == sample.last_token_ns


def test_a_vllm_request_that_waited_for_a_place_was_due_before_it_was_sent() -> None:
    def waited(data: Any) -> None:
        data["queue_times"][1] = 0.05

    sample = rows(read(Format.VLLM, changed("vllm.json", waited)))[1]
    assert sample.sent_ns is not None
    assert sample.sent_ns - sample.intended_ns == pytest.approx(50 * MS, abs=2)


def test_a_vllm_request_without_an_error_and_without_a_token_failed_all_the_same() -> None:
    def silent(data: Any) -> None:
        data["errors"][2], data["ttfts"][2], data["itls"][2] = "", 0.0, []

    sample = rows(read(Format.VLLM, changed("vllm.json", silent)))[2]
    assert (sample.status, sample.error_class) == (Status.FAILED, ErrorClass.UNKNOWN)


def test_a_vllm_file_without_details_says_how_to_get_them() -> None:
    def summary(data: Any) -> None:
        for name in ("ttfts", "itls", "errors"):
            del data[name]

    refused(lambda: read(Format.VLLM, changed("vllm.json", summary)), "`ttfts` and no `itls`", "--save-detailed")


def test_vllm_columns_of_different_lengths_are_refused() -> None:
    refused(lambda: read(Format.VLLM, changed("vllm.json", lambda data: data["ttfts"].pop())), "`ttfts` has 11")


def test_several_vllm_runs_in_one_file_are_chosen_by_number() -> None:
    line = source("vllm.json").data.strip()
    both = Source(name="v.json", data=line + b"\n" + line.replace(b'"date"', b'"day"') + b"\n")
    refused(lambda: read(Format.VLLM, both), "2 benchmarks")
    assert read(Format.VLLM, both, part=1).started is not None
    assert read(Format.VLLM, both, part=2).started is None


def test_a_vllm_file_over_several_lines_is_one_run() -> None:
    data = json.dumps(json.loads(source("vllm.json").data), indent=1).encode()
    assert len(rows(read(Format.VLLM, Source(name="v.json", data=data)))) == 12


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1e300, "x"])
def test_a_time_that_is_none_is_refused_with_its_place(value: object) -> None:
    def broken(data: Any) -> None:
        data["ttfts"][3] = value

    refused(lambda: read(Format.VLLM, changed("vllm.json", broken)), "vllm.json", "`ttfts.3`")


def test_instants_that_do_not_follow_each_other_are_refused() -> None:
    times = {"time_to_first_token": 2.0, "request_latency": 1.0}
    line = aiperf_line(metrics={name: {"value": value, "unit": "sec"} for name, value in times.items()})
    refused(
        lambda: read(Format.AIPERF, line, names=Names(model="m")), "1000.000 ms before its first token", "p.jsonl:1"
    )


def test_a_time_far_from_the_others_is_refused() -> None:
    far = aiperf_line(metadata={"request_start_ns": 1, "request_end_ns": 2}).data + aiperf_line().data
    refused(lambda: read(Format.AIPERF, Source(name="p.jsonl", data=far), names=Names(model="m")), "days after")


# llmperf


def test_llmperf_times_count_from_the_send_and_nobody_knows_when_that_was() -> None:
    recording = read(Format.LLMPERF)
    first, second, throttled, unknown = rows(recording)
    assert (first.intended_ns, first.sent_ns, first.first_token_ns, first.end_ns) == (0, None, 410 * MS, 2000 * MS)
    assert (second.output_tokens, second.input_tokens, second.token_source) == (120, 550, TokenSource.ESTIMATE)
    assert (throttled.status, throttled.http_status) == (Status.THROTTLED, 429)
    assert (unknown.status, unknown.error_class, unknown.end_ns) == (Status.FAILED, ErrorClass.UNKNOWN, None)
    assert not recording.timed


def test_llmperf_s_summary_names_model_day_and_concurrency() -> None:
    recording = read(Format.LLMPERF)
    assert {sample.series for sample in rows(recording)} == {"llmperf/sim/sim-small"}
    assert recording.started == datetime.fromtimestamp(1_700_000_000, UTC)
    assert recording.plan.concurrency == 2


def test_later_llmperf_files_have_no_last_token_and_earlier_ones_have_it_in_their_mean() -> None:
    later = read(Format.LLMPERF)
    assert [sample.last_token_ns for sample in rows(later)] == [None] * 4
    assert any("no time per token" in remark for remark in later.remarks)
    earlier = read(Format.LLMPERF, source("llmperf_earlier.json"))
    assert [sample.last_token_ns for sample in rows(earlier)[:2]] == [1395 * MS, 1350 * MS]
    assert not any("no time per token" in remark for remark in earlier.remarks)


def test_llmperf_s_mean_that_ends_after_the_request_is_no_last_token() -> None:
    def slower(data: Any) -> None:
        data[0]["inter_token_latency_s"] = 0.02

    assert rows(read(Format.LLMPERF, changed("llmperf_earlier.json", slower)))[0].last_token_ns is None


def test_an_llmperf_answer_without_a_token_is_an_empty_one() -> None:
    empty = rows(read(Format.LLMPERF, source("llmperf_earlier.json")))[3]
    assert (empty.status, empty.error_class, empty.output_tokens) == (Status.FAILED, ErrorClass.EMPTY, None)


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("groq_70b.json", "groq/70b"),
        ("folder/groq_70b.json.gz", "groq/70b"),
        ("model.json", "llmperf/model"),
        ("meta-llama-70b_550_150_individual_responses.json", "llmperf/meta-llama-70b"),
    ],
)
def test_an_llmperf_file_without_a_summary_is_named_by_its_name(name: str, series: str) -> None:
    data = source("llmperf_earlier.json").data
    assert {one.series for one in rows(read(Format.LLMPERF, Source(name=name, data=data)))} == {series}


def test_an_llmperf_summary_alone_holds_no_requests() -> None:
    refused(lambda: read(Format.LLMPERF, source("llmperf_550_150_summary.json")), "summary", "individual_responses")


def test_several_llmperf_files_each_find_their_own_summary() -> None:
    given_files = [source(name) for name in (*FILES[Format.LLMPERF], "llmperf_earlier.json")]
    found = translate(given_files, Format.LLMPERF, NOBODY, part=None)
    assert [one.requests[0].sample.series for one in found] == ["llmperf/sim/sim-small", "llmperf/earlier"]


def test_an_llmperf_error_code_that_is_a_word_is_read_by_its_words() -> None:
    def timed_out(data: Any) -> None:
        data[3].update(error_code="ReadTimeout", error_msg="")

    sample = rows(read(Format.LLMPERF, changed("llmperf_earlier.json", timed_out)))[3]
    assert (sample.error_class, sample.http_status) == (ErrorClass.TIMEOUT, None)


# failures


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (500, "", ErrorClass.API_ERROR),
        (418, "", ErrorClass.INVALID_REQUEST),
        (404, "", ErrorClass.NOT_FOUND),
        (529, "", ErrorClass.OVERLOADED),
        (200, "ReadTimeout('')", ErrorClass.TIMEOUT),
        (None, "ConnectTimeout('')", ErrorClass.CONNECT_TIMEOUT),
        (None, "ConnectError('All connection attempts failed')", ErrorClass.CONNECT),
        (None, "ServerDisconnectedError: Server disconnected", ErrorClass.RESET),
        (None, "SSLError(certificate verify failed)", ErrorClass.TLS),
        (None, "CancelledError()", ErrorClass.INTERRUPTED),
        (None, "Output too few tokens 39", ErrorClass.UNKNOWN),
    ],
)
def test_a_failure_is_classed_by_status_then_by_words(status: int | None, words: str, kind: ErrorClass) -> None:
    assert class_of(status, words) is kind


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("Server error '503 Service Unavailable' for url", 503),
        ("Too Many Requests", 429),
        ("HTTP 404", 404),
        ("<TransferEncodingError: 400, message='Not enough data'>", None),
        ("39 tokens", None),
    ],
)
def test_a_quoted_status_is_found_and_no_other_number(words: str, status: int | None) -> None:
    assert http_status_in(words) == status
