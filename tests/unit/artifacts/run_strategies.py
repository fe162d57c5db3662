"""Arbitrary runs, as far as histories and stores ask about them: the summaries, the validity and who sent what."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from lens_gate.artifacts.run import LatencySummary, ModelResult, Run, TimePoint, Uncovered
from lens_gate.vocabulary.requests import Arm
from tests.builders import (
    FINGERPRINT,
    PROVENANCE,
    START,
    a_benchmark,
    a_latency,
    a_latency_summary,
    a_model_result,
    a_provider_result,
    a_run,
    a_spend,
    a_validity,
    a_validity_check,
    an_arm,
    some_requests,
)

WORDS = st.text("abc-/ ü", min_size=1, max_size=6)
SUMMARIES = st.one_of(
    st.just(LatencySummary(count=0)),
    st.floats(0.0, 1e6).map(a_latency_summary),
    st.builds(
        lambda median, inflation: a_latency_summary(median, p99_ms=None, median_inflation=inflation),
        st.floats(0.1, 1e6),
        st.floats(1.0, 50.0),
    ),
)
STARTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 the zone is given
POINT = TimePoint(
    timestamp=START, rps=1.5, tokens_per_second=40.0, mean_latency_ms=900.0, p95_latency_ms=None, error_rate=2.5
)


@st.composite
def model_results(draw: st.DrawFn) -> ModelResult:
    """Return models that may have failed, been cached, or never streamed."""
    total = draw(st.integers(1, 500))
    plain = a_model_result()
    return a_model_result(
        id=draw(WORDS),
        returned=tuple(draw(st.lists(WORDS, max_size=2))),
        requests=some_requests(total, failed=draw(st.sampled_from([0, total]))),
        latency=a_latency(ttft=draw(SUMMARIES), tpot=draw(SUMMARIES), total=draw(SUMMARIES)),
        tokens=plain.tokens.model_copy(
            update={"input": draw(st.integers(0, 10**9)), "cached": draw(st.integers(0, 10**9))}
        ),
        time_series=tuple(draw(st.lists(st.just(POINT), max_size=2))),
    )


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Return runs that may be invalid, empty, without an arm, imported, or without prices."""
    providers = draw(st.lists(st.builds(a_provider_result, model_results(), name=WORDS), max_size=3))
    arms = draw(st.sampled_from([(), (an_arm(),), (an_arm(commit=None), an_arm(Arm.BASE))]))
    return a_run(
        benchmark=a_benchmark(id=draw(WORDS), start_time=draw(STARTS).isoformat()),
        providers=tuple(providers),
        arms=arms,
        provenance=PROVENANCE.model_copy(update={"event": draw(st.sampled_from([None, "push", "pull_request"]))}),
        fingerprint=FINGERPRINT.model_copy(update={"region": draw(st.none() | WORDS)}),
        validity=a_validity(a_validity_check(ok=draw(st.booleans()))),
        spend=a_spend(unpriced_models=draw(st.sampled_from([(), ("x",)]))),
        transport=draw(st.sampled_from(["httpx", "import vllm"])),
        uncovered=tuple(
            Uncovered(prompt_id=name, arm=arm)
            for name, arm in draw(st.lists(st.tuples(WORDS, st.sampled_from(Arm)), max_size=2))
        ),
    )
