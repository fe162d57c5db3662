from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.codec import (
    SCHEMA_VERSIONS,
    Artifact,
    dumps,
    load_analysis,
    load_run,
    load_selftest,
    load_trend,
    load_verdict,
    loads,
)
from lens_gate.artifacts.envelope import Kind
from lens_gate.artifacts.run import Run, Spend
from lens_gate.artifacts.samples import Sample
from lens_gate.artifacts.selftest import Selftest
from lens_gate.artifacts.verdict import Verdict
from lens_gate.errors import ArtifactCorrupt, ArtifactProblem, ArtifactTooNew
from lens_gate.vocabulary.outcomes import Outcome
from tests.builders import a_benchmark, a_run, a_summary, an_unmeasured_job
from tests.selftests import a_selftest
from tests.unit.artifacts.artifact_examples import full_analysis, full_run, full_trend, full_trend_verdict, full_verdict
from tests.unit.artifacts.sample_strategies import sample_rows

ARTIFACTS: dict[str, Artifact] = {
    "run": full_run(),
    "analysis": full_analysis(),
    "verdict": full_verdict(Outcome.INCONCLUSIVE),
    "trend": full_trend(),
    "trend_verdict": full_trend_verdict(),
    "unmeasured": an_unmeasured_job(),
}
JSON_VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def edited(edit: Callable[[dict[str, Any]], object], kind: str = "run") -> bytes:
    document = orjson.loads(dumps(ARTIFACTS[kind]))
    edit(document)
    return orjson.dumps(document)


@pytest.mark.parametrize("kind", ARTIFACTS)
@pytest.mark.parametrize("pretty", [False, True])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_artifact_comes_back_as_it_was(kind: str, pretty: bool, pack: Callable[[bytes], bytes]) -> None:
    assert loads(pack(dumps(ARTIFACTS[kind], pretty=pretty)), name="x") == ARTIFACTS[kind]


@given(sample_rows(), JSON_VALUES, st.text(max_size=8))
def test_any_samples_configuration_and_name_come_back(rows: list[Sample], config: JsonValue, name: str) -> None:
    run = a_run(rows, benchmark=a_benchmark(config=config, name=name))
    assert loads(dumps(run), name="x") == run


def test_the_text_is_utf8_and_ends_with_a_line_break() -> None:
    text = dumps(full_run())
    assert "你好 🚀".encode() in text
    assert text.endswith(b"}\n")
    assert text.count(b"\n") == 1
    assert dumps(a_run(), pretty=True).startswith(b'{\n  "kind": "run"')


def test_a_number_that_may_be_missing_is_null_where_it_is_not_a_number() -> None:
    run = a_run(summary=a_summary(average_latency_ms=float("nan")))
    assert load_run(dumps(run), name="x").summary.average_latency_ms is None


def test_a_required_number_must_be_one() -> None:
    with pytest.raises(ValidationError):
        Spend(spent_usd=float("nan"), reserved_usd=0.0, cap_usd=None, unpriced_models=(), prices=())


def test_the_typed_readers_return_their_kind() -> None:
    assert isinstance(load_run(dumps(ARTIFACTS["run"]), name="x"), Run)
    assert isinstance(load_analysis(dumps(ARTIFACTS["analysis"]), name="x"), Analysis)
    assert isinstance(load_verdict(dumps(ARTIFACTS["verdict"]), name="x"), Verdict)
    assert isinstance(load_selftest(dumps(a_selftest()), name="x"), Selftest)


@pytest.mark.parametrize(
    ("load", "kind"),
    [(load_run, "verdict"), (load_analysis, "run"), (load_verdict, "analysis"), (load_trend, "trend_verdict")],
)
def test_the_typed_readers_refuse_another_kind(load: Callable[..., Artifact], kind: str) -> None:
    with pytest.raises(ArtifactProblem, match=rf"out\.json: this is an artifact of kind `{kind}`; needed is one of"):
        load(dumps(ARTIFACTS[kind]), name="out.json")


def test_every_kind_is_at_its_first_version() -> None:
    assert dict.fromkeys(Kind, 1) == SCHEMA_VERSIONS


# The paths that the workflows of the specification read.
MODEL_PATHS = [
    "id", "requests.total", "requests.successful", "requests.failed", "requests.retried",
    *(f"latency.{of}.{stat}" for of in ("ttft", "total")
      for stat in ("min_ms", "max_ms", "mean_ms", "median_ms", "p95_ms", "p99_ms", "stddev_ms")),
    *(f"latency.inter_token.{stat}" for stat in ("mean_ms", "median_ms", "p95_ms", "p99_ms")),
    "throughput.requests_per_second", "throughput.tokens_per_second", "throughput.input_tokens_per_second",
    "throughput.output_tokens_per_second", "tokens.total", "tokens.input", "tokens.output",
    "tokens.average_per_request", "cost.total_usd", "cost.input_usd", "cost.output_usd", "cost.average_per_request_usd",
    "errors.0.type", "errors.0.count", "errors.0.percentage", "time_series.0.timestamp", "time_series.0.rps",
    "time_series.0.tokens_per_second", "time_series.0.mean_latency_ms", "time_series.0.p95_latency_ms",
    "time_series.0.error_rate",
]  # fmt: skip
RUN_PATHS = [
    "benchmark.id", "benchmark.name", "benchmark.start_time", "benchmark.end_time", "benchmark.duration_seconds",
    "benchmark.config", "providers.0.name", *(f"providers.0.models.0.{path}" for path in MODEL_PATHS),
    *(f"summary.{name}" for name in ("total_requests", "total_tokens", "total_cost_usd", "average_latency_ms",
                                     "p95_latency_ms", "fastest_model", "most_cost_effective")),
]  # fmt: skip


def present(document: Any, path: str) -> bool:
    for part in path.split("."):
        inside = len(document) > int(part) if isinstance(document, list) else part in document
        if not inside:
            return False
        document = document[int(part)] if isinstance(document, list) else document[part]
    return True


@pytest.mark.parametrize("kind", ["run", "analysis"])
def test_the_names_that_the_specification_reads_stay_where_they_are(kind: str) -> None:
    document = orjson.loads(dumps(ARTIFACTS[kind]))
    assert [path for path in RUN_PATHS if not present(document, path)] == []


@pytest.mark.parametrize("kind", ["analysis", "verdict"])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_detected_is_true_for_a_regression_only(kind: str, outcome: Outcome) -> None:
    artifact = full_analysis(outcome) if kind == "analysis" else full_verdict(outcome)
    assert orjson.loads(dumps(artifact))["regression"] == {
        "detected": outcome is Outcome.REGRESSION,
        "verdict": str(outcome),
    }


FOREIGN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "the file is empty"),
    "blanks": (b" \n", "the file is empty"),
    "packed nothing": (gzip.compress(b""), "the file is empty"),
    "half a gzip": (gzip.compress(dumps(ARTIFACTS["run"]))[:-9], "the gzip data is cut short or damaged"),
    "half a gzip head": (b"\x1f\x8b", "the gzip data is cut short or damaged"),
    "half an artifact": (dumps(ARTIFACTS["run"])[:-30], "the JSON is cut short or damaged at line 1"),
    "a web page": (b"<html>404</html>", "no lens-gate artifact, nor any JSON"),
    "binary": (b"\x00\xff\xfe", "no lens-gate artifact, nor any JSON"),
    "a list": (b"[1]", "this is JSON, but no lens-gate artifact"),
    "no kind": (b'{"schema_version": 1}', "`kind` is missing or unknown"),
    "another kind": (b'{"kind": "pod", "schema_version": 1}', "`kind` is missing or unknown"),
    "a kind that is no word": (b'{"kind": ["run"], "schema_version": 1}', "`kind` is missing or unknown"),
    "samples": (b'{"kind": "samples", "schema_version": 1}', "these are the samples of a run"),
    "no version": (edited(lambda run: run.pop("schema_version")), "`schema_version` is missing"),
    "a version in words": (edited(lambda run: run.update(schema_version="1")), "`schema_version` is missing"),
    "a flag for a version": (edited(lambda run: run.update(schema_version=True)), "`schema_version` is missing"),
    "version zero": (edited(lambda run: run.update(schema_version=0)), "schema_version 0 never existed"),
    "a missing part": (edited(lambda run: run.pop("spend")), "`spend`: Field required"),
    "an unknown key": (edited(lambda run: run.update(colour=1)), "`colour` is a key that this lens-gate does not know"),
    "a number in words": (edited(lambda run: run["plan"].update(seed="1")), "`plan.seed`: Input should be"),
    "a path": (
        edited(lambda run: run.update(samples={"file": "../x", "sha256": "", "bytes": 1, "requests": 1})),
        "`samples.",
    ),
}


@pytest.mark.parametrize(("data", "says"), FOREIGN.values(), ids=FOREIGN.keys())
def test_what_is_no_artifact_is_refused_by_name_with_a_next_step(data: bytes, says: str) -> None:
    with pytest.raises(ArtifactCorrupt) as caught:
        loads(data, name="results/run.json")
    assert says in caught.value.message
    assert caught.value.place == "results/run.json"
    assert caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (edited(lambda run: run.update(schema_version=2, colour=1)), "schema_version 2 is newer than 1"),
        (b'{"kind": "trend", "schema_version": 2}', "schema_version 2 is newer than 1"),
    ],
)
def test_what_a_newer_lens_gate_wrote_asks_for_an_upgrade(data: bytes, says: str) -> None:
    with pytest.raises(ArtifactTooNew) as caught:
        loads(data, name="run.json")
    assert says in caught.value.message
    assert "Upgrade lens-gate" in (caught.value.hint or "")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_cut_at_any_byte_never_gives_an_artifact(pack: Callable[[bytes], bytes]) -> None:
    small = a_run(providers=())
    data = pack(dumps(small).rstrip())
    for end in range(len(data)):
        with pytest.raises(ArtifactCorrupt):
            loads(data[:end], name="run.json")


def test_no_value_of_a_foreign_file_is_shown() -> None:
    leaky = edited(lambda run: run["plan"].update(seed="sk-very-secret"))
    with pytest.raises(ArtifactCorrupt) as caught:
        loads(leaky, name="run.json")
    assert "sk-very-secret" not in str(caught.value)
