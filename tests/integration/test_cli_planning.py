"""`lens-gate plan` as a user types it: nothing is sent, and every number comes with what it takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.planning import PlanReport, PlanRow
from tests.builders import a_duet_run, a_run, a_validity, a_validity_check
from tests.integration.conftest import Answer, Duet, Invoke
from tests.noisy import Endpoint, duet_rows, one_arm_rows

Configure = Callable[..., Path]

SERIES = "sim/sim-small"
QUIET = Endpoint(ttft=0.05, per_token=0.02)
PRICES = {"input_usd_per_million": 0.5, "output_usd_per_million": 1.5}
RNG = np.random.default_rng


@pytest.fixture
def offline(home: Path) -> Callable[..., Path]:
    """Write a configuration of an endpoint that nobody listens at."""

    def write(name: str = "lens-gate.yaml", *, models: tuple[str, ...] = ("sim-small",), **sections: Any) -> Path:
        entries = [{"id": model, "max_tokens": 32, **PRICES} for model in models]
        provider = {"name": "sim", "api": "openai-chat", "endpoint": "http://127.0.0.1:9/v1", "models": entries}
        config = {
            "profiler": {"requests": 600},
            "providers": [provider],
            "workload": {"fixed": {"requests_per_second": 10}},
        }
        path = home / name
        path.write_text(json.dumps(config | sections), encoding="utf-8")
        return path

    return write


def reported(answer: Answer) -> PlanReport:
    assert answer.code == 0, answer.err
    return PlanReport.model_validate_json(answer.out)


def row(report: PlanReport, metric: str, series: str = SERIES) -> PlanRow:
    return next(one for one in report.rows if (one.metric, one.series) == (metric, series))


def test_a_plan_needs_no_run_and_says_what_it_assumes(invoke: Invoke, offline: Configure) -> None:
    offline()
    answer = invoke("plan")
    assert (answer.code, answer.err) == (0, "")
    assert "Noise: assumed" in answer.out
    assert "at most" in answer.out
    report = reported(invoke("plan", "--format", "json"))
    assert {one.source for one in report.rows} == {"assumed"}
    assert report.configured is not None
    assert (report.configured.bill.pairs, report.configured.bill.minutes) == (300, 1.0)
    # 32 tokens at $1.50 a million, and a few of input, for each of the two requests of a pair.
    usd = report.configured.bill.usd
    assert usd is not None
    assert 600 * 32 * 1.5e-6 < usd < 600 * 36 * 1.5e-6


def test_the_pairs_of_an_earlier_duet_are_the_noise_and_its_bill_the_price(
    invoke: Invoke, offline: Configure, home: Path
) -> None:
    offline()
    (home / "run.json").write_bytes(dumps(a_duet_run(duet_rows(QUIET, RNG(1), pairs=60, series=SERIES))))
    report = reported(invoke("plan", "--from", "run.json", "--format", "json"))
    found, assumed = (row(one, "mean_ttft") for one in (report, reported(invoke("plan", "--format", "json"))))
    assert (found.source, found.seen, report.source, report.price_source) == ("pairs", 60, "run.json", "measured")
    assert found.noise == pytest.approx(100 * 0.05 * np.sqrt(2), rel=0.4)
    assert found.establish is not None
    assert assumed.establish is not None
    assert found.establish.pairs < assumed.establish.pairs / 4
    assert found.establish.usd == pytest.approx(0.004 * found.establish.pairs)
    assert "from 60 pairs of run.json" in invoke("plan", "--from", "run.json").out


def test_one_arm_gives_an_upper_bound_and_says_so(invoke: Invoke, offline: Configure, home: Path) -> None:
    offline(models=("sim-small", "sim-large"))
    (home / "run.json").write_bytes(dumps(a_run(one_arm_rows(QUIET, RNG(1), requests=60, series=SERIES))))
    answer = invoke("plan", "--from", "run.json")
    assert "an upper bound, √2 times" in answer.out
    report = reported(invoke("plan", "--from", "run.json", "--format", "json"))
    assert row(report, "mean_ttft").source == "one_arm"
    assert row(report, "mean_ttft", "sim/sim-large").source == "assumed"
    assert report.price_source == "listed"


def test_money_says_what_it_can_see(invoke: Invoke, offline: Configure) -> None:
    offline()
    report = reported(invoke("plan", "--max-cost", "0.10", "--format", "json"))
    assert report.affordable is not None
    assert report.affordable.bill.usd == pytest.approx(0.10, rel=0.01)
    ttft = next(one for one in report.affordable.visible if one.metric == "mean_ttft")
    assert ttft.effect is not None
    assert 2 < ttft.effect < 10
    assert "for $0.10" in invoke("plan", "--max-cost", "0.10").out


def test_effects_power_threshold_and_metrics_are_chosen(invoke: Invoke, offline: Configure) -> None:
    offline()
    words = ("--effect", "10", "--effect", "20", "--metric", "mean_latency", "--metric", "error_rate")
    report = reported(invoke("plan", *words, "--points", "3", "--threshold", "5", "--power", "0.8", "--format", "json"))
    found = [(one.metric, one.effect, one.margin) for one in report.rows]
    assert found == [("mean_latency", 10, 5), ("mean_latency", 20, 5), ("error_rate", 3, 2)]
    assert report.power == 0.8
    assert all(one.regression is not None for one in report.rows)


def test_the_other_version_may_cost_something_else(invoke: Invoke, offline: Configure, home: Path) -> None:
    path = offline()
    dearer = json.loads(path.read_text(encoding="utf-8"))
    dearer["providers"][0]["models"][0]["output_usd_per_million"] = 15
    (home / "base.json").write_text(json.dumps(dearer), encoding="utf-8")
    alike = reported(invoke("plan", "--format", "json"))
    unlike = reported(invoke("plan", "--against-config", "base.json", "--format", "json"))
    usd, more = (one.configured.bill.usd for one in (alike, unlike) if one.configured)
    assert usd is not None
    assert more is not None
    # The output of one of the two costs ten times as much, the input what it did.
    assert 4.5 < more / usd < 5.5


def test_a_closed_loop_has_no_minutes_beforehand(invoke: Invoke, offline: Configure) -> None:
    offline(workload={"closed": {"concurrency": 4}})
    report = reported(invoke("plan", "--format", "json"))
    assert {one.establish.minutes for one in report.rows if one.establish} == {None}


@pytest.mark.parametrize(("name", "begin"), [("plan.md", "## Plan"), ("plan.json", "{"), ("plan.txt", "Plan:")])
def test_the_ending_of_the_output_chooses_the_format(
    name: str, begin: str, invoke: Invoke, offline: Configure, home: Path
) -> None:
    offline()
    answer = invoke("plan", "--output", name)
    assert (answer.code, answer.out) == (0, "")
    assert (home / name).read_text(encoding="utf-8").startswith(begin)


def test_a_plan_is_no_table_of_rows(invoke: Invoke, offline: Configure) -> None:
    offline()
    answer = invoke("plan", "--output", "plan.csv")
    assert answer.code == 2
    assert "cannot be written as csv" in answer.err


def test_a_metric_that_is_not_gated_is_refused(invoke: Invoke, offline: Configure) -> None:
    offline()
    answer = invoke("plan", "--metric", "p99_latency")
    assert answer.code == 2
    assert "no question about 'p99_latency'" in answer.err


def test_an_invalid_run_is_no_ground_to_plan_on(invoke: Invoke, offline: Configure, home: Path) -> None:
    offline()
    late = a_validity(a_validity_check(ok=False, message="requests left late"))
    (home / "run.json").write_bytes(dumps(a_run(validity=late)))
    answer = invoke("plan", "--from", "run.json")
    assert answer.code == 2
    assert "requests left late" in answer.err
    assert "leave --from out" in answer.err


def test_only_a_run_holds_samples(invoke: Invoke, offline: Configure, duet: Duet) -> None:
    offline()
    duet(pairs=20)
    invoke("analyze", "run.json", "--output", "analysis.json")
    answer = invoke("plan", "--from", "analysis.json")
    assert answer.code == 2
    assert "only a run holds samples" in answer.err


def test_versions_that_share_nothing_have_no_plan(invoke: Invoke, offline: Configure) -> None:
    prompts = {"fixed": {"requests_per_second": 10}, "prompts": [{"id": "new", "template": "Hi"}]}
    offline(workload=prompts)
    offline("base.json", workload={**prompts, "prompts": [{"id": "old", "template": "Hi"}]})
    answer = invoke("plan", "--against-config", "base.json")
    assert answer.code == 2
    assert "no model and prompt in common" in answer.err


def test_a_cap_that_cannot_hold_is_refused_as_a_run_would(invoke: Invoke, offline: Configure) -> None:
    path = offline()
    unpriced = json.loads(path.read_text(encoding="utf-8"))
    unpriced["providers"][0]["models"] = ["nobody-knows-this-one"]
    path.write_text(json.dumps(unpriced), encoding="utf-8")
    refused, told = invoke("plan", "--max-cost", "1"), invoke("plan")
    assert refused.code == 2
    assert "the price of sim/nobody-knows-this-one is unknown" in refused.err
    assert told.code == 0
    assert "No price is known" in told.out
