"""The text format, read back by the official client's own parser."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from lens_gate.artifacts.samples import Samples
from lens_gate.artifacts.tallies import DURATION_BOUNDS_S, TTFT_BOUNDS_S, Tallies, tallies_of
from lens_gate.reports.prometheus import exposition, registry_of
from lens_gate.vocabulary.requests import Arm, ErrorClass
from tests.builders import MODEL, PROVENANCE, PROVIDER, a_failed_sample, a_run, a_sample

SAMPLES = [
    a_sample(),
    a_sample(arm=Arm.BASE),
    a_failed_sample(ErrorClass.TIMEOUT),
    a_failed_sample(ErrorClass.RATE_LIMIT, http_status=429),
]
SPEC = {
    "llm_requests": {"provider", "model", "status"},
    "llm_tokens": {"provider", "model", "type"},
    "llm_cost_usd": {"provider", "model"},
    "llm_errors": {"provider", "model", "error_type"},
    "llm_request_duration_seconds": {"provider", "model", "status"},
    "llm_ttft_duration_seconds": {"provider", "model"},
}
"""The metrics of the specification, without `_total` of counters as the parser names them, and their labels."""


def read(text: str) -> dict[str, Any]:
    assert text.endswith("\n")
    return {family.name: family for family in text_string_to_metric_families(text)}


def shown(*samples: Any, **changes: Any) -> dict[str, Any]:
    rows = Samples.of(samples or SAMPLES)
    return read(exposition(tallies_of(rows), a_run(**changes)))


def value(family: Any, suffix: str = "", **labels: str) -> float:
    (found,) = [
        sample.value
        for sample in family.samples
        if sample.name == family.name + suffix and labels.items() <= sample.labels.items()
    ]
    return float(found)


def test_every_metric_of_the_specification_is_there_with_its_labels_and_the_arm() -> None:
    families = shown()
    for name, labels in SPEC.items():
        found = {frozenset(sample.labels) - {"le"} for sample in families[name].samples}
        assert found == {frozenset(labels | {"arm"})}
    assert families["llm_requests"].type == "counter"
    assert families["llm_request_duration_seconds"].type == "histogram"
    assert all(family.documentation for family in families.values())


def test_the_values_are_those_of_the_run() -> None:
    families = shown()
    now = {"provider": PROVIDER, "model": MODEL, "arm": "candidate"}
    requests = {
        status: value(families["llm_requests"], "_total", status=status, **now) for status in ("success", "failed")
    }
    assert requests == {"success": 1, "failed": 1}
    assert value(families["llm_requests"], "_total", status="throttled", **now) == 1
    assert value(families["llm_tokens"], "_total", type="output", **now) == 50
    assert value(families["llm_cost_usd"], "_total", **now) == pytest.approx(0.002)
    assert value(families["llm_errors"], "_total", error_type="timeout", **now) == 1
    assert value(families["llm_ttft_duration_seconds"], "_sum", **now) == pytest.approx(0.5)
    assert value(families["llm_request_duration_seconds"], "_bucket", status="success", le="1.0", **now) == 0
    assert value(families["llm_request_duration_seconds"], "_bucket", status="success", le="2.5", **now) == 1


def test_the_buckets_hold_minutes_for_models_that_reason() -> None:
    families = shown()
    for name, bounds in (
        ("llm_request_duration_seconds", DURATION_BOUNDS_S),
        ("llm_ttft_duration_seconds", TTFT_BOUNDS_S),
    ):
        found = {sample.labels["le"] for sample in families[name].samples if "le" in sample.labels}
        assert found == {*map(str, bounds), "+Inf"}
    assert {60.0, 120.0, 300.0} <= set(DURATION_BOUNDS_S)
    assert {10.0, 30.0, 60.0} <= set(TTFT_BOUNDS_S)


def test_a_finished_run_says_which_it_was_and_has_nothing_in_flight() -> None:
    families = shown()
    (info,) = families["llm_benchmark_info"].samples
    assert info.labels["commit"] == PROVENANCE.commit
    assert value(families["llm_benchmark_valid"]) == 1
    assert "llm_concurrent_requests" not in families


def test_where_no_price_is_known_no_dollars_are_told() -> None:
    assert shown(a_sample(cost_usd=None))["llm_cost_usd"].samples == []


def test_what_is_in_flight_is_told_by_provider_while_a_run_goes_on() -> None:
    tallies = Tallies()
    tallies.sent("openai")
    (family,) = [one for one in registry_of(tallies).collect() if one.name == "llm_concurrent_requests"]
    assert [(sample.labels, sample.value) for sample in family.samples] == [({"provider": "openai"}, 1)]


@settings(max_examples=50, deadline=None)
@given(name=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_name_of_a_model_stays_one_label(name: str) -> None:
    text = exposition(tallies_of(Samples.of([a_sample(model=name)])), a_run())
    family = read(text)["llm_requests"]
    assert [sample.value for sample in family.samples] == [1, 0, 0, 0]
    assert not any(character in text for character in "\x00\x1b\x9b\r")


def test_what_never_happened_is_counted_as_0_so_that_an_alert_on_it_is_answered() -> None:
    text = exposition(tallies_of(Samples.of([a_sample()])), a_run())
    counted = {sample.labels["status"]: sample.value for sample in read(text)["llm_requests"].samples}
    assert counted == {"success": 1, "failed": 0, "throttled": 0, "shed": 0}
