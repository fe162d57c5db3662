"""The benchmark of load: its servers say the same in every wire format, and its arithmetic is what it says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.load import chaos
from benchmarks.load import server as serving_module
from benchmarks.load.clients import BODIES, Kind
from benchmarks.load.figures import NOTHING, Figures, Load, Told, figures, median_of, wrong
from benchmarks.load.logs import COLUMNS, Truth, read_truth, write_records
from benchmarks.load.processes import Finished
from benchmarks.load.results import Result, Results
from benchmarks.load.saturation import Verdict
from benchmarks.load.saturation import table as saturation_table
from benchmarks.load.server import PATHS, Script, Serving, truth_server
from benchmarks.load.tables import highest_right, report

from lens_gate.load.record.recorder import unsent
from lens_gate.providers.base import End, Event, Finish, ResponseHead, Token, Usage
from lens_gate.providers.select import provider_for
from lens_gate.simulator.log import RequestRecord
from lens_gate.vocabulary.requests import Api, ErrorClass, FinishReason, Phase
from tests.fakes.transport import a_request

QUICK = Script(ttft_us=2000, ttft_sigma=0.0, gap_us=500, gap_sigma=0.0, tokens=5)
DONE = Finished(code=0, wall_s=2.0, cpu_s=1.0, peak_mib=10.0, said="")
RIGHT = Figures(requests=10, rate_share=1.0, ttft_p50_ms=1, ttft_p99_ms=2, slip_p99_ms=1, cpu_s=1, wall_s=1, peak_mib=1)

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


def asked(serving: Serving, api: str) -> list[Event]:
    """Send one request, and decode the answer as lens-gate does."""
    body, headers = json.dumps(BODIES[api]).encode(), {"x-request-id": "77"}
    with urllib.request.urlopen(urllib.request.Request(serving.origin + serving.path(api), body, headers)) as answer:
        head = ResponseHead(status=answer.status, headers={k.lower(): v for k, v in answer.headers.items()})
        decoder = provider_for(Api(api), None).decoder(head, stream=True)
        return [*decoder.feed(answer.read()), *decoder.close()]


def checked(serving: Serving) -> None:
    for serial, api in enumerate(PATHS, start=1):
        events = asked(serving, api)
        assert [event.text for event in events if isinstance(event, Token)] == [
            " tide",
            " rises",
            ",",
            " and",
            " falls",
        ]
        usage = [event for event in events if isinstance(event, Usage)][-1]
        assert (usage.input, usage.output) == (serial, 5)
        assert [event.reason.value for event in events if isinstance(event, Finish)] == ["stop"]
        assert isinstance(events[-1], End)


def log_is_right(truth: Truth) -> None:
    assert truth.ids.tolist() == [77] * 3
    assert truth.whole.all()
    assert len(truth.events) == 15
    assert (truth.ttft_ms >= 2.0).all()
    assert ((truth.last_ns - truth.received_ns) >= 4_000_000).all()


@needs_compiler
def test_the_server_in_c_speaks_three_wire_formats_and_logs_each_write(tmp_path: Path) -> None:
    with truth_server(QUICK, tmp_path) as serving:
        assert serving.kind == "C"
        checked(serving)
    log_is_right(serving.truth())


def test_the_server_on_asyncio_says_and_logs_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_module, "built", lambda _: None)
    with truth_server(QUICK, tmp_path) as serving:
        assert serving.kind == "asyncio"
        checked(serving)
    log_is_right(serving.truth())


def test_a_path_may_hold_a_script_of_its_own(tmp_path: Path) -> None:
    with truth_server(QUICK, tmp_path) as serving:
        url = f"{serving.origin}/s=1000:0:0:0:3{serving.path('openai-chat')}"
        with urllib.request.urlopen(urllib.request.Request(url, b"{}")) as answer:
            assert answer.read().count(b'"content":"') == 1 + 3
    assert serving.truth().tokens.tolist() == [3]


@needs_compiler
def test_the_benchmark_compares_the_command_with_the_limit_of_the_machine(tmp_path: Path) -> None:
    options = ["--rates", "20", "--runs", "1", "--seconds", "1", "--warmup", "0.5", "--parts", "rates"]
    options += [
        "--clients",
        "deferred",
        "--tolerance",
        "100000",
        "--scheduler",
        "other",
        "--results",
        str(tmp_path / "load.jsonl"),
    ]
    command = [sys.executable, "-m", "benchmarks.load.compare", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    ours = "lens-gate run, decoding deferred"
    assert f"| {ours} | 20 |" in done.stdout
    found = {result.client: result.figures for result in Results(tmp_path / "load.jsonl")}
    assert found["C client"].requests == found[ours].requests == 20
    assert found[ours].cpu_s > found["C client"].cpu_s > 0


def a_truth(tmp_path: Path) -> Truth:
    """Ten requests 100 ms apart, each answered after 50 ms by two tokens 5 ms apart."""
    records = np.zeros((10, COLUMNS), dtype=np.int64)
    records[:, 0] = np.arange(1, 11)
    records[:, 1] = np.arange(10) * 100_000_000
    records[:, 3] = records[:, 6] = 2
    records[:, 4] = records[:, 1] + 50_000_000
    records[:, 5] = records[:, 1] + 55_000_000
    write_records(tmp_path / "log", records, np.zeros((0, 2), dtype=np.int64), 3)
    return read_truth(tmp_path / "log")


def test_errors_are_what_was_told_minus_what_was_true(tmp_path: Path) -> None:
    truth = a_truth(tmp_path)
    assert truth.lost == 3
    rows = np.arange(2, 10)
    told = Told(
        ttft_ms=np.full(8, 51.0),
        rows=rows,
        slip_ms=np.full(8, 0.5),
        first_ns=(truth.first_ns[rows] + 100_000).astype(np.float64),
        last_ns=(truth.last_ns[rows] + 300_000).astype(np.float64),
    )
    found = figures(Load(10.0, 0.8, 0.2), truth, told, DONE)
    assert (found.requests, found.rate_share) == (8, 1.0)
    assert (found.ttft_p50_ms, found.ttft_p99_ms, found.slip_p99_ms) == (1.0, 1.0, 0.5)
    assert found.lag_p50_ms == pytest.approx(0.2)
    assert found.lag_p99_ms == pytest.approx(0.3)


def test_without_rows_quantiles_are_compared_and_missing_requests_lower_the_rate(tmp_path: Path) -> None:
    found = figures(Load(10.0, 0.8, 0.2), a_truth(tmp_path), Told(ttft_ms=np.full(6, 52.0)), DONE)
    assert (found.ttft_p50_ms, found.slip_p99_ms, found.lag_p99_ms) == (2.0, None, None)
    assert found.rate_share == 0.75


def test_a_limit_is_the_larger_of_the_figure_and_one_and_a_half_times_the_c_clients() -> None:
    late = replace(RIGHT, ttft_p99_ms=8.9)
    assert wrong(RIGHT) == ()
    assert wrong(late) == ("TTFT p99",)
    assert wrong(late, replace(RIGHT, ttft_p99_ms=6.0)) == ()
    assert wrong(replace(RIGHT, slip_p99_ms=5.1, rate_share=0.96)) == ("slip p99", "rate")
    assert wrong(replace(RIGHT, slip_p99_ms=None)) == ()
    assert wrong(NOTHING) == ("TTFT p50", "TTFT p99", "rate")
    assert wrong(late, tolerance=2.0) == ()


def a_result(client: str, rate: float, figure: Figures = RIGHT, *, run: int = 0, part: str = "rates") -> Result:
    kinds = {"C": Kind.LIMIT, "ours": Kind.OURS, "peer": Kind.PEER, "late peer": Kind.PEER}
    return Result(
        part=part, client=client, kind=kinds[client], api="openai-chat", tls=False, rate=rate, seconds=5.0, run=run,
        void=False, wrong=wrong(figure), setting="a bench", figures=figure,
    )  # fmt: skip


def test_the_highest_right_rate_is_the_last_before_most_runs_are_wrong() -> None:
    bad = replace(RIGHT, rate_share=0.5)
    rows = [a_result("ours", 20), a_result("ours", 100, bad), a_result("ours", 500)]
    rows += [a_result("peer", 20, figure, run=run) for run, figure in enumerate((RIGHT, RIGHT, bad))]
    assert highest_right(rows) == {"ours": 20, "peer": 20}


def test_the_tables_hold_ratios_to_the_limit_and_to_the_best_peer() -> None:
    rows = [a_result("C", 500), a_result("ours", 500, replace(RIGHT, ttft_p99_ms=3.0)), a_result("peer", 500)]
    for client, cpu_s in (("C", 1.0), ("ours", 1.5), ("peer", 6.0), ("late peer", 1.0)):
        for seconds, requests, share in ((1.0, 100, 0.5), (4.0, 600, 1.0)):
            figure = replace(RIGHT, requests=requests, cpu_s=cpu_s * share)
            row = replace(a_result(client, 500, figure, part="cost"), seconds=seconds)
            rows.append(replace(row, wrong=("TTFT p99",)) if client == "late peer" else row)
    void = replace(a_result("C", 500), void=True)
    said = report([*rows, void])
    assert "1 of rates at 500/s" in said
    assert "| ours | 500 | 1 | 1.00 / 3.00 | 1.5 | 1.00 | 100 % |" in said
    assert "| ours | 2 of 2 | 1.50 | 1.5 | 0.25 |" in said
    assert "| late peer | 0 of 2 | 1.00 | 1 | 0.17 |" in said
    assert "**2.00 / 1.00**" in said


def test_a_median_over_runs_has_none_where_a_run_has_none() -> None:
    runs = [replace(RIGHT, ttft_p99_ms=value, slip_p99_ms=slip) for value, slip in ((1, 1), (3, None), (2, 2))]
    assert (median_of(runs).ttft_p99_ms, median_of(runs).slip_p99_ms) == (2, None)


def test_chaos_is_accounted_for_request_by_request() -> None:
    soon = replace(chaos.LIMITS, idle_s=3.0)  # a stream that stalls is waited for so long
    found = chaos.measured("anthropic", rate=40.0, seconds=1.5, percent=10.0, transport="fast", limits=soon)
    assert found.requests == 60
    assert found.exact, chaos.told(found)
    damaged = {pair for pair in found.pairs if pair[0] is not None}
    assert len(damaged) >= 3
    # A busy machine may read a healthy stream too late to tell its tokens apart.
    assert {error for fault, error in found.wrong} <= {ErrorClass.BUFFERED}


def test_a_request_that_is_missing_or_there_twice_is_told() -> None:
    samples = [unsent(a_request(n), intended_ns=0, phase=Phase.MEASURE) for n in (0, 1, 1, 3)]
    lines = [a_line(n) for n in (0, 1, 2, 2)]
    found = chaos.account(4, samples, lines)
    assert (found.without_sample, found.sampled_twice) == ([2], [1])
    assert (found.without_line, found.logged_twice) == ([3], [2])
    assert found.wrong == {(None, ErrorClass.SHED): 2}
    assert not found.exact
    assert "| answered | shed (wrong) | 2 |" in chaos.told(found)


def a_line(index: int) -> RequestRecord:
    return RequestRecord(
        id="r", api=None, model=None, received_ns=0, head_ns=None, writes=[], first_token_ns=None, last_token_ns=None,
        end_ns=0, status=200, fault=None, prompt_tokens=0, output_tokens=0, reasoning_tokens=0, cached_tokens=0,
        finish_reason=FinishReason.STOP, request_id=str(index), client_closed=False,
    )  # fmt: skip


def test_a_saturated_run_must_say_so_in_its_artifact_and_its_exit_code() -> None:
    invalid = Verdict(valid=False, reasons=("send_lateness_p99 80 ms",), code=3)
    valid = Verdict(valid=True, reasons=(), code=0)
    assert invalid.is_right(expected=False)
    assert valid.is_right(expected=True)
    wrong = [(valid, False), (invalid, True), (replace(invalid, code=0), False), (replace(valid, code=3), True)]
    assert not any(verdict.is_right(expected=expected) for verdict, expected in wrong)
    said = saturation_table({2.0: [invalid, valid], 0.5: [valid]}, 1000.0)
    assert "| 2000/s | 2 | 1 | send_lateness_p99 |" in said
    assert "| 500/s | 1 | 1 | none |" in said
