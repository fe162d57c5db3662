from __future__ import annotations

from itertools import product

import pytest

from lens_gate.vocabulary.metric_table import METRICS, metric
from lens_gate.vocabulary.metrics import Hypothesis

QUANTITIES = ("latency", "ttft", "ttft_visible", "tpot", "inter_chunk", "service_latency")
STATISTICS = ("mean", "median", "p75", "p90", "p95", "p99", "p99_9")


@pytest.mark.parametrize("name", [f"{statistic}_{quantity}" for statistic, quantity in product(STATISTICS, QUANTITIES)])
def test_every_statistic_of_every_time_is_a_metric(name: str) -> None:
    assert metric(name).name == name


def test_each_name_stands_once_and_each_metric_is_described() -> None:
    names = [row.name for row in METRICS]

    assert len(set(names)) == len(names)
    assert all(row.definition.endswith(".") for row in METRICS)


def test_each_hypothesis_has_a_metric() -> None:
    assert {row.hypothesis for row in METRICS} - {None} == set(Hypothesis)


def test_an_unknown_name_is_a_lookup_error() -> None:
    with pytest.raises(LookupError):
        metric("mean_latencyy")
