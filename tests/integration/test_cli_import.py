"""`lens-gate import`: files of other tools become runs, pairs only where they were sent so, and bad ones nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.assemble import samples_of
from lens_gate.artifacts.codec import load_analysis, load_run
from lens_gate.artifacts.run import Run
from lens_gate.vocabulary.requests import Arm, ErrorClass
from tests.integration.conftest import Answer, Duet, Invoke

FOREIGN = Path(__file__).parents[1] / "recordings" / "foreign"
LLMPERF = Path(__file__).parents[3] / "shared" / "data" / "llmperf"


def run_at(path: Path) -> Run:
    return load_run(path.read_bytes(), name=str(path))


def analysis_at(path: Path) -> Analysis:
    return load_analysis(path.read_bytes(), name=str(path))


def refused(answer: Answer, home: Path, *parts: str) -> None:
    """Exit 2, a message with all these parts, and nothing written."""
    assert answer.code == 2, answer.err
    for part in parts:
        assert part in answer.err, answer.err
    assert "Traceback" not in answer.err
    assert not list(home.glob("run*"))


@pytest.mark.parametrize(
    ("files", "transport", "series"),
    [
        (("guidellm.json",), "import: guidellm 0.8.1", "guidellm"),
        (("aiperf.jsonl", "aiperf-summary.json"), "import: aiperf 0.13.0", "aiperf"),
        (("vllm.json",), "import: vllm", "vllm"),
        (("llmperf_earlier.json",), "import: llmperf", "llmperf"),
    ],
)
def test_a_result_becomes_a_run_that_says_who_measured_it(
    files: tuple[str, ...], transport: str, series: str, invoke: Invoke, home: Path
) -> None:
    answer = invoke("import", *(str(FOREIGN / name) for name in files))
    assert answer.code == 0, answer.err
    run = run_at(home / "run.json")
    assert (run.transport, run.fingerprint.runner) == (transport, "imported")
    assert [provider.name for provider in run.providers] == [series]
    (imported,) = (check for check in run.validity.checks if check.name == "imported")
    assert (imported.ok, imported.effect) == (False, "warn")
    assert "lens-gate did not stamp them" in imported.message
    assert str(home) not in (home / "run.json").read_text(encoding="utf-8")
    assert "lens-gate gate run.json --baseline" in answer.out


def test_an_imported_run_goes_down_the_whole_line(invoke: Invoke, home: Path) -> None:
    invoke("import", str(FOREIGN / "vllm.json"), "--output", "now.json")
    invoke("import", str(FOREIGN / "vllm.json"), "--output", "then.json.gz")
    answer = invoke("gate", "now.json", "--baseline", "then.json.gz", "--output", "verdict.json")
    assert (answer.code, answer.told["outcome"]) == (0, "inconclusive")
    report = invoke("report", "verdict.json", "--format", "markdown").out
    assert "measured earlier and stored" in report
    assert "did not stamp them" in report.replace("\n", " ")


def test_a_run_without_times_has_no_rates_and_says_so(invoke: Invoke, home: Path) -> None:
    invoke("import", str(FOREIGN / "llmperf_earlier.json"))
    run = run_at(home / "run.json")
    (model,) = run.providers[0].models
    assert (model.throughput.requests_per_second, model.time_series, run.benchmark.duration_seconds) == (None, (), 0)
    (imported,) = (check for check in run.validity.checks if check.name == "imported")
    assert "there are no rates and no time series" in imported.message
    assert "that of the import stands for it" in imported.message
    assert model.latency.tpot.count == 2


def test_names_and_formats_can_be_given(invoke: Invoke, home: Path) -> None:
    lines = str(FOREIGN / "aiperf.jsonl")
    answer = invoke("import", lines, "--format", "aiperf", "--provider", "mine", "--model", "small", "-o", "x.json")
    assert answer.code == 0, answer.err
    assert run_at(home / "x.json").providers[0].name == "mine"


def test_an_address_is_kept_without_what_may_be_secret_and_one_that_is_none_is_not(invoke: Invoke, home: Path) -> None:
    summary = json.loads((FOREIGN / "aiperf-summary.json").read_bytes())
    summary["input_config"]["endpoint"]["urls"] = ["http://me:secret@127.0.0.1:8000/v1?key=secret", "http://[no"]
    (home / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    assert invoke("import", str(FOREIGN / "aiperf.jsonl"), "summary.json").code == 0
    run = run_at(home / "run.json")
    assert run.arms[0].endpoints == ("http://127.0.0.1:8000/v1", "unknown")
    assert "secret" not in (home / "run.json").read_text(encoding="utf-8")


# pairs


@pytest.fixture
def table(duet: Duet, invoke: Invoke, home: Path) -> Callable[..., Path]:
    """Write the CSV of a duet whose candidate takes `factor` times as long, one row changed by `change`."""

    def write(change: Callable[[dict[str, str]], dict[str, str] | None] = dict, *, factor: float = 1.0) -> Path:
        duet("duet.json", factor=factor, pairs=120)
        rows = list(csv.DictReader(io.StringIO(invoke("report", "duet.json", "--format", "csv").out)))
        kept = [row for row in map(change, rows) if row is not None]
        with (home / "table.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(kept[0]))
            writer.writeheader()
            writer.writerows(kept)
        return home / "table.csv"

    return write


@pytest.mark.parametrize("factor", [1.0, 1.4])
def test_a_run_comes_back_from_its_csv_with_the_same_findings(
    factor: float, invoke: Invoke, home: Path, table: Callable[..., Path]
) -> None:
    table(factor=factor)
    answer = invoke("import", "table.csv")
    assert answer.code == 0, answer.err
    assert "sent as pairs" in answer.out
    for name in ("duet", "run"):
        assert invoke("analyze", f"{name}.json", "--output", f"{name}-analysis.json").code == 0
    ours, theirs = (analysis_at(home / f"{name}-analysis.json") for name in ("duet", "run"))
    assert theirs.source == "duet"
    assert ours.findings == theirs.findings
    assert ours.coverage == theirs.coverage
    assert theirs.comparison is not None
    assert theirs.comparison.kind == "import"


def two_runs(answer: Answer, home: Path, because: str) -> tuple[Run, Run]:
    assert answer.code == 0, answer.err
    assert "two runs and no pairs" in answer.out
    assert because in answer.out
    assert "lens-gate gate run.json --baseline run-base.json" in answer.out
    now, before = run_at(home / "run.json"), run_at(home / "run-base.json")
    assert (now.comparison, before.comparison) == (None, None)
    for run in (now, before):
        samples = samples_of(run, lambda name: (home / name).read_bytes())
        assert set(samples.texts["arm"].strings()) == {Arm.CANDIDATE}
    return now, before


def test_two_arms_one_after_the_other_become_two_runs_and_never_a_duet_s_verdict(
    invoke: Invoke, home: Path, table: Callable[..., Path]
) -> None:
    def later(row: dict[str, str]) -> dict[str, str]:
        if row["arm"] == "candidate":
            row["timestamp"] = row["timestamp"].replace("T10:", "T11:")
            for name in [one for one in row if one.endswith("_ms") and row[one] and one[:4] not in {"ttft", "tota"}]:
                row[name] = str(float(row[name]) + 3_600_000)
        return row

    table(later, factor=1.4)
    two_runs(invoke("import", "table.csv"), home, "not sent next to each other")
    answer = invoke("gate", "run.json", "--baseline", "run-base.json", "--output", "verdict.json")
    assert (answer.code, answer.told["outcome"]) == (0, "inconclusive")
    assert json.loads((home / "verdict.json").read_text(encoding="utf-8"))["analysis"]["source"] == "stored"


def test_a_fixed_order_inside_the_pairs_becomes_two_runs(
    invoke: Invoke, home: Path, table: Callable[..., Path]
) -> None:
    def base_first(row: dict[str, str]) -> dict[str, str]:
        return {**row, "slot": "0" if row["arm"] == "base" else "1"}

    table(base_first)
    two_runs(invoke("import", "table.csv"), home, "the base was always sent first")


def test_two_files_of_one_tool_become_two_runs(invoke: Invoke, home: Path) -> None:
    file = str(FOREIGN / "vllm.json")
    now, before = two_runs(invoke("import", file, "--base", file), home, "nothing in the files says")
    assert now.summary == before.summary


def test_files_without_any_time_become_two_runs(invoke: Invoke, home: Path) -> None:
    file = str(FOREIGN / "llmperf_earlier.json")
    two_runs(invoke("import", file, "--base", file), home, "no times on a common clock")


def test_two_simultaneous_files_with_the_same_prompts_are_pairs(invoke: Invoke, home: Path) -> None:
    for arm, name in ((0, "now.json"), (1, "before.json")):
        (home / name).write_text(json.dumps(simultaneous(arm)), encoding="utf-8")
    answer = invoke("import", "now.json", "--base", "before.json")
    assert "sent as pairs" in answer.out, answer.out
    run = run_at(home / "run.json")
    assert [arm.label for arm in run.arms] == ["now.json", "before.json"]
    assert run.comparison is not None
    assert run.comparison.value == "before.json"
    assert invoke("analyze", "run.json", "--threshold", "0.1", "--output", "analysis.json").code == 0
    assert analysis_at(home / "analysis.json").source == "duet"
    assert "lens-gate ci --against-ref main" in invoke("report", "analysis.json").out


def simultaneous(arm: int) -> dict[str, Any]:
    """What guidellm would have written, had two of them sent the same prompts at the same time in random order."""
    whole = json.loads((FOREIGN / "guidellm.json").read_bytes())
    benchmark = whole["benchmarks"][0]
    pattern = benchmark["requests"]["successful"][0]
    benchmark["scheduler_metrics"] = {}
    benchmark["requests"] = {"successful": [request(pattern, number, arm) for number in range(40)]}
    return dict(whole)


def request(pattern: dict[str, Any], number: int, arm: int) -> dict[str, Any]:
    due = 1_795_614_046.0 + number + 0.25 * ((number * 7 + number // 3 + arm) % 2)
    times = {
        "targeted_start": due,
        "request_start": due + 0.001,
        "first_token_iteration": due + 0.4 + 0.01 * ((number * 11 + arm) % 5),
        "last_token_iteration": due + 0.6 + 0.01 * ((number * 13) % 7),
        "request_end": due + 0.7,
        "token_iterations": 21,
    }
    body = {"model": "sim-small", "messages": [{"role": "user", "content": f"question {number}"}]}
    return {**pattern, "info": {"timings": times}, "request_args": json.dumps({"body": body})}


def test_a_base_beside_files_of_both_arms_is_refused(invoke: Invoke, home: Path, table: Callable[..., Path]) -> None:
    table()
    refused(invoke("import", "table.csv", "--base", "table.csv"), home, "both arms already")


def test_one_arm_of_a_table_alone_is_a_plain_run(invoke: Invoke, home: Path, table: Callable[..., Path]) -> None:
    table(lambda row: row if row["arm"] == "base" else None)
    assert invoke("import", "table.csv").code == 0
    run = run_at(home / "run.json")
    assert ([arm.arm for arm in run.arms], run.base_providers) == ([Arm.CANDIDATE], ())


def test_a_series_that_only_one_arm_has_is_told(invoke: Invoke, home: Path, table: Callable[..., Path]) -> None:
    def with_new(row: dict[str, str]) -> dict[str, str]:
        new = row["arm"] == "candidate" and int(row["pair"]) > 100
        return {**row, "series": "openai/new", "model": "new"} if new else row

    table(with_new)
    invoke("import", "table.csv")
    run = run_at(home / "run.json")
    assert [(one.series, one.arm) for one in run.uncovered] == [("openai/new", Arm.CANDIDATE)]


# large, and bad


def test_many_requests_lie_in_a_file_beside_each_run(
    invoke: Invoke, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lens_gate.artifacts.assemble.INLINE_LIMIT", 100)
    head = "timestamp,provider,model,ttft_ms,total_latency_ms,input_tokens,output_tokens,status,arm"
    for arm in ("candidate", "base"):
        rows = (
            f"2026-03-02T10:{second // 60:02d}:{second % 60:02d}.{milli:03d}Z,p,m,10,20,5,6,success,{arm}"
            for second, milli in ((number // 20, number % 20) for number in range(101))
        )
        (home / f"{arm}.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
    answer = invoke("import", "candidate.csv", "--base", "base.csv")
    assert answer.code == 0, answer.err
    assert sorted(path.name for path in home.glob("run*")) == [
        "run-base.json", "run-base.samples.jsonl.gz", "run.json", "run.samples.jsonl.gz",
    ]  # fmt: skip
    assert invoke("report", "run-base.json").code == 0


def test_nothing_to_import_is_a_usage_error(invoke: Invoke, home: Path) -> None:
    refused(invoke("import"), home, "nothing to import")
    refused(invoke("import", "nowhere.json"), home, "nowhere.json", "no such file")


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ("empty",)),
        (b"hello", ("bad", "guidellm, aiperf, vLLM or llmperf")),
        (b'{"kind": "run"}', ("bad",)),
        (b"a,b\n1,2\n", ("bad",)),
        (b"timestamp,total_latency_ms\n", ("no column provider",)),
        (b'{"model_id": "m", "tokenizer_id": "t", "ttfts": [0.1', ("cut short or damaged",)),
        (b'{"guidellm_version": "1"}', ("no `metadata` and no `benchmarks`",)),
        (b'[{"ttft_s": NaN, "end_to_end_latency_s": 1}]', ("bad", "there is no")),
        (b"\x1f\x8bgarbage", ("gzip",)),
    ],
)
def test_what_cannot_be_read_is_refused_and_nothing_is_written(
    content: bytes, parts: tuple[str, ...], invoke: Invoke, home: Path
) -> None:
    (home / "bad").write_bytes(content)
    refused(invoke("import", "bad"), home, *parts)
    refused(invoke("import", str(FOREIGN / "vllm.json"), "--base", "bad"), home)


def test_files_of_different_tools_are_refused(invoke: Invoke, home: Path) -> None:
    files = (str(FOREIGN / "vllm.json"), "--base", str(FOREIGN / "guidellm.json"))
    refused(invoke("import", *files), home, "different formats")


# real data


@pytest.mark.skipif(not LLMPERF.is_dir(), reason="the real data do not lie beside this checkout")
def test_the_real_results_of_llmperf_become_sane_runs(invoke: Invoke, home: Path) -> None:
    files = sorted(LLMPERF.glob("*.json"))
    assert len(files) == 19
    answer = invoke("import", *map(str, files), "--output", "all.json")
    assert answer.code == 0, answer.err
    run = run_at(home / "all.json")
    found = {f"{provider.name}_{model.id}.json": model for provider in run.providers for model in provider.models}
    assert set(found) == {file.name for file in files}
    for name, model in found.items():
        assert 145 <= model.requests.total <= 150
        assert model.requests.successful >= 20, name
        times = (model.latency.tpot.median_ms, model.latency.ttft.median_ms, model.latency.total.median_ms)
        tpot, ttft, total = (time or 0.0 for time in times)
        assert 1 < tpot < 150, name
        assert 150 < ttft < total < 20_000, name
        assert model.throughput.requests_per_second is None
    refusals = {name for name, model in found.items() if model.requests.throttled > 100}
    assert refusals == {"lepton_7b.json", "lepton_13b.json", "lepton_70b.json"}
    short = {error.type for error in found["bedrock_13b.json"].errors}
    assert short == {ErrorClass.UNKNOWN}


@pytest.mark.skipif(not LLMPERF.is_dir(), reason="the real data do not lie beside this checkout")
@pytest.mark.parametrize("name", ["groq_70b", "anyscale_7b"])
def test_a_real_result_can_be_the_stored_baseline_of_itself(name: str, invoke: Invoke, home: Path) -> None:
    invoke("import", str(LLMPERF / f"{name}.json"))
    answer = invoke("gate", "run.json", "--baseline", "run.json", "--output", "verdict.json")
    assert (answer.code, answer.told["outcome"]) == (0, "inconclusive")
    analysis = json.loads((home / "verdict.json").read_text(encoding="utf-8"))["analysis"]
    metrics = {finding["metric"] for finding in analysis["findings"]}
    assert metrics == {"median_ttft", "median_tpot", "median_latency"}
