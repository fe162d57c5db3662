"""One full artifact of each kind: every part filled in, failures among the samples, text from many scripts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.run import InlineSamples, Run, Sidecar, TimePoint, Uncovered
from lens_gate.artifacts.samples import Sample
from lens_gate.artifacts.trend import Trend, TrendRule, TrendVerdict
from lens_gate.artifacts.verdict import Verdict
from lens_gate.gates.trend import gate_trend
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.requests import Arm, ErrorClass, Phase
from tests.builders import (
    MS,
    PROVENANCE,
    START,
    a_benchmark,
    a_duet_run,
    a_failed_sample,
    a_finding,
    a_model_result,
    a_need,
    a_provider_result,
    a_sample,
    a_verdict,
    an_analysis,
    an_error_count,
)
from tests.histories import a_record, a_trend, records_of, run_id, stepped

FAILURES = (ErrorClass.RATE_LIMIT, ErrorClass.TIMEOUT, ErrorClass.CUT_STREAM, ErrorClass.API_ERROR)


def duet_rows(*, pairs: int, seed: int = 1) -> list[Sample]:
    """Two requests a pair, ten a second, in random order; every fifth candidate fails, of each class in turn."""
    rng = np.random.default_rng(seed)
    orders = [rng.permutation([Arm.BASE, Arm.CANDIDATE]).tolist() for _ in range(pairs)]
    return [_row(rng, pair, slot, Arm(arm)) for pair, order in enumerate(orders) for slot, arm in enumerate(order)]


def _row(rng: np.random.Generator, pair: int, slot: int, arm: Arm) -> Sample:
    index = 2 * pair + slot
    due = index * 100 * MS
    first, length = (int(value) for value in rng.lognormal(np.log([4e8, 1.2e9]), [0.3, 0.1]))
    place: dict[str, object] = {
        "index": index, "arm": arm, "pair": pair, "slot": slot, "draw": f"n={pair % 7}",
        "phase": Phase.WARMUP if pair < 2 else Phase.MEASURE, "intended_ns": due, "sent_ns": due + 40_000,
        "end_ns": due + first + length,
    }  # fmt: skip
    if arm is Arm.CANDIDATE and pair % 5 == 4:
        return a_failed_sample(FAILURES[pair // 5 % len(FAILURES)], **place)
    times = {"first_token_ns": due + first, "first_visible_ns": due + first, "last_token_ns": due + first + length}
    return a_sample(**place, **times, gap_sketch="20:49", answer_hash=f"a{index}")


def full_run(samples: InlineSamples | Sidecar | None = None, *, rows: Sequence[Sample] | None = None) -> Run:
    """Return a duet with its failures, in the order of the rows given or with samples of another form."""
    points = (
        TimePoint(
            timestamp=START, rps=10.2, tokens_per_second=990.0, mean_latency_ms=1610.0, p95_latency_ms=2890.0,
            error_rate=0.0,
        ),
        TimePoint(
            timestamp="2026-03-02T10:00:10Z", rps=0.0, tokens_per_second=0.0, mean_latency_ms=None, p95_latency_ms=None,
            error_rate=None,
        ),
    )  # fmt: skip
    model = a_model_result(errors=(an_error_count(example="429 Too Many Requests"),), time_series=points)
    run = a_duet_run(
        duet_rows(pairs=5) if rows is None else rows,
        benchmark=a_benchmark(config={"providers": [{"api_key": "${KEY}"}], "note": "Grüße, 你好 🚀"}),
        providers=(a_provider_result(model),),
        uncovered=(Uncovered(prompt_id="farewell", arm=Arm.CANDIDATE),),
        attempts=({"index": 3, "attempt": 1, "sent_ns": 5, "error_class": "api_error"},),
    )
    return run if samples is None else run.model_copy(update={"samples": samples})


def full_analysis(outcome: Outcome = Outcome.REGRESSION) -> Analysis:
    """Return what `full_run` says of its change."""
    run = full_run()
    return an_analysis(
        a_finding(outcome=outcome),
        providers=run.providers,
        benchmark=run.benchmark,
        uncovered=run.uncovered,
        need=a_need(),
        notes=("cache effects not covered",),
    )


def full_trend() -> Trend:
    """Return a history with a shift, a slope, creep, a missing value and a file that was left out."""
    logs: list[float | None] = list(stepped(0.2))
    logs[3] = None
    records = [*records_of(logs), a_record(99, file="bad.json", defect="the run is not valid")]
    return a_trend(records, rules=tuple(TrendRule), anchor=run_id(0))


def full_trend_verdict() -> TrendVerdict:
    """Return the decision on `full_trend`."""
    return gate_trend(full_trend(), fail_on=("inconclusive",), provenance=PROVENANCE)


def full_verdict(outcome: Outcome = Outcome.REGRESSION) -> Verdict:
    """Return the decision on `full_analysis`."""
    return a_verdict(full_analysis(outcome), fail_on=("inconclusive",))
