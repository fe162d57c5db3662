"""What a run measured, held against the log of the simulator, which ran as a process of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from benchmarks.truth import PATHS, Taken, against_log, compared

from lens_gate.analysis.selftest import Errors
from lens_gate.artifacts.samples import Sample
from lens_gate.simulator.log import RequestRecord
from lens_gate.vocabulary.requests import ErrorClass, Status, TokenSource

PLAIN, THINKER, THROTTLED = "sim-small", "sim-thinker", "sim-small+throttle=50"
pytestmark = pytest.mark.measuring
LONG = "The tide came in over the grey stones and went out by noon. " * 40
RATE, REQUESTS = 40, 168

# Wide enough for a machine that runs other tests at the same time: benchmarks/truth.py measures on a quiet one. Still,
# a first token taken from the opening frames would be some 20 ms early, and gaps between reads that lag are 4 ms off.
WAIT_LIMIT_MS, GAP_LIMIT_MS = 20.0, 3.0


def models(api: str) -> list[dict[str, object]]:
    """The models of one wire format; Anthropic caches only what is marked for it."""
    marked = {"system": [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}]}
    params = marked if api == "anthropic" else {}
    return [{"id": name, "max_tokens": 400, "params": params} for name in (PLAIN, THINKER, THROTTLED)]


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """One run over all wire formats and models at 40 requests per second."""
    config = {
        "profiler": {"requests": REQUESTS},
        "workload": {
            "fixed": {"requests_per_second": RATE},
            "prompts": [{"id": "short", "template": "Say hello."}, {"id": "long", "template": LONG}],
        },
    }
    return against_log(config, {api: models(api) for api in PATHS}, tmp_path_factory.mktemp("truth"))


@pytest.fixture(scope="module")
def errors(taken: Taken) -> Errors:
    return compared(taken)


def answered(taken: Taken, api: str, *names: str) -> Iterator[tuple[Sample, RequestRecord]]:
    """Each success of these models, with what the simulator logged of it."""
    found = [
        (sample, taken.truth[index])
        for index, sample in taken.samples.items()
        if sample.provider == api and sample.model in names and sample.status is Status.OK
    ]
    assert len(found) >= 5
    yield from found


def test_every_request_in_the_log_is_in_the_samples_and_the_other_way_round(taken: Taken) -> None:
    assert set(taken.samples) == set(taken.truth) == set(range(REQUESTS))
    for index, sample in taken.samples.items():
        record = taken.truth[index]
        assert (sample.provider, sample.model) == (record.api, record.model)
        assert sample.http_status == record.status
        assert not record.client_closed


@pytest.mark.parametrize("api", PATHS)
def test_token_counts_agree_exactly_with_the_log(api: str, taken: Taken) -> None:
    for sample, record in answered(taken, api, PLAIN, THINKER, THROTTLED):
        measured = (sample.input_tokens, sample.output_tokens, sample.cached_tokens or 0, sample.reasoning_tokens or 0)
        told_reasoning = 0 if api == "anthropic" else record.reasoning_tokens
        assert measured == (record.prompt_tokens, record.output_tokens, record.cached_tokens, told_reasoning)
        assert sample.token_source is TokenSource.SERVER
        assert sample.finish_reason is record.finish_reason
        assert sample.chunk_count == sum(tokens for _, tokens, _ in record.writes)


@pytest.mark.parametrize("api", PATHS)
def test_thoughts_come_before_what_is_visible(api: str, taken: Taken) -> None:
    for sample, record in answered(taken, api, THINKER):
        visible = next(t_ns for t_ns, tokens, kind in record.writes if tokens and kind == "text")
        assert record.reasoning_tokens == 32
        assert record.first_token_ns is not None
        assert sample.first_token_ns is not None
        assert sample.first_visible_ns is not None
        thought_ns = visible - record.first_token_ns
        assert sample.first_visible_ns - sample.first_token_ns > thought_ns / 2 > 10_000_000
    for sample, _ in answered(taken, api, PLAIN):
        assert sample.first_visible_ns == sample.first_token_ns


@pytest.mark.parametrize("api", PATHS)
def test_a_prompt_that_was_sent_before_is_read_from_the_cache(api: str, taken: Taken) -> None:
    cached = [sample.cached_tokens or 0 for sample, _ in answered(taken, api, PLAIN)]
    assert max(cached) > 256


@pytest.mark.parametrize("api", PATHS)
def test_a_request_that_was_asked_to_wait_is_throttled_and_no_failure(api: str, taken: Taken) -> None:
    asked = [s for s in taken.samples.values() if (s.provider, s.model) == (api, THROTTLED) and s.http_status == 429]
    assert asked
    assert {(sample.status, sample.error_class) for sample in asked} == {(Status.THROTTLED, ErrorClass.RATE_LIMIT)}
    assert {sample.first_token_ns for sample in asked} == {None}


def test_times_agree_with_the_log(errors: Errors) -> None:
    assert len(errors.ttft) > 100
    assert len(errors.gaps) > 2000
    assert errors.unmatched <= 5
    # The request and the answer need time to travel, so what is measured is never better than the truth.
    assert 0 < np.median(errors.ttft) < WAIT_LIMIT_MS
    assert np.median(np.abs(errors.gaps)) < GAP_LIMIT_MS
    assert np.median(errors.send) < WAIT_LIMIT_MS
