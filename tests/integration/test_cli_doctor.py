"""`lens-gate doctor` on an endpoint whose noise is known, and on runs that lie there already."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.doctor import AdviceKind, DoctorReport, SeriesDiagnosis
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Ending
from tests.builders import a_duet_run, a_run, a_summary, a_validity, a_validity_check
from tests.integration.conftest import Answer, Duet, Invoke
from tests.measuring import run_in
from tests.noisy import Endpoint, duet_rows, one_arm_rows

Configure = Callable[..., Path]

LONG = "The tide came in over the grey stones and went out by noon. " * 40
RNG = np.random.default_rng


def reported(answer: Answer) -> DoctorReport:
    return DoctorReport.model_validate_json(answer.out)


def only(answer: Answer) -> SeriesDiagnosis:
    (found,) = reported(answer).series
    return found


def test_an_endpoint_is_measured_against_itself(
    invoke: Invoke, configure: Configure, home: Path, unhurried: None
) -> None:
    configure()
    answer = invoke("doctor", "--pairs", "40", "--rps", "40", "--save-run", "run.json", "--format", "json")
    assert answer.code == 0, answer.err
    run = run_in(home / "run.json")
    assert run.comparison is not None
    assert (run.comparison.kind, run.comparison.equal) == ("self", False)
    assert [arm.requests_hash for arm in run.arms] == [run.arms[0].requests_hash] * 2
    report = reported(answer)
    assert report.unchanged
    assert only(answer).requests == 80
    # The simulator draws lognormal times to the first token with a sigma of 0.25 around 40 ms; a busy machine adds.
    ttft = next(row for row in only(answer).noise if row.hypothesis is Hypothesis.TTFT)
    assert ttft.requests == only(answer).successful > 20
    assert 30 < ttft.median < 2000
    assert ttft.spread > 10
    assert answer.told["outcome"] == "not_judged"
    assert "The run is kept in run.json" in answer.err


def test_the_report_is_text_unless_told_otherwise(invoke: Invoke, configure: Configure, unhurried: None) -> None:
    configure(models=("sim-small", "sim-large"))
    answer = invoke("doctor", "--pairs", "3", "--rps", "80")
    assert answer.code == 0, answer.err
    assert answer.out.startswith("Diagnosis")
    assert "sim/sim-large: Noise" in answer.out
    (kept,) = Path("results").iterdir()
    assert kept.name.startswith("doctor-")
    assert run_in(kept).plan.requests == 12


def test_the_same_run_can_be_looked_at_again(invoke: Invoke, configure: Configure, home: Path, unhurried: None) -> None:
    configure()
    # Six pairs can establish nothing at 1 %, whatever this machine does meanwhile: they have 64 orders.
    first = invoke("doctor", "--pairs", "6", "--rps", "80", "--save-run", "run.json", "--format", "json")
    again = invoke("doctor", "--input", "run.json", "--format", "json")
    assert again.code == 0, again.err
    assert only(again) == only(first)
    judged = invoke("gate", "run.json")
    assert (judged.code, judged.told["outcome"]) == (0, "inconclusive")
    assert "with itself at the same time" in judged.out


def test_a_cache_that_the_first_request_fills_shows_in_the_second(
    invoke: Invoke, configure: Configure, unhurried: None
) -> None:
    number = {"type": "generator", "generator": "number"}
    prompts = [{"id": "long", "template": "{{n}} " + LONG, "variables": {"n": number}}]
    configure(workload={"fixed": {"requests_per_second": 20}, "prompts": prompts})
    answer = invoke("doctor", "--pairs", "20", "--format", "json")
    assert answer.code == 0, answer.err
    slot = only(answer).slot
    assert slot is not None
    assert slot.cached_first is not None
    assert slot.cached_second is not None
    assert slot.cached_second > slot.cached_first + 20
    assert AdviceKind.CACHE in {one.kind for one in reported(answer).advice}


def test_a_dry_run_prints_both_arms_and_sends_nothing(invoke: Invoke, configure: Configure, home: Path) -> None:
    configure(profiler={"warmup": "1s"}, models=("sim-small", "sim-large"))
    answer = invoke("doctor", "--pairs", "25", "--dry-run")
    assert answer.code == 0, answer.err
    # 25 pairs of two models, and what the warm-up of one second sends at 40 a second.
    assert "In all 140 requests" in answer.out
    assert not (home / "results").exists()


@pytest.mark.parametrize(("words", "requests"), [(("--requests", "30"), 30), (("--duration", "2s"), 80)])
def test_the_length_may_be_told_as_for_a_run(
    words: tuple[str, ...], requests: int, invoke: Invoke, configure: Configure
) -> None:
    configure()
    assert f"In all {requests} requests" in invoke("doctor", *words, "--dry-run").out


def test_a_length_told_twice_is_refused(invoke: Invoke, configure: Configure) -> None:
    configure()
    answer = invoke("doctor", "--pairs", "30", "--requests", "30")
    assert answer.code == 2
    assert "--pairs and --requests both say" in answer.err


def test_what_is_configured_is_what_the_advice_is_about(invoke: Invoke, configure: Configure, unhurried: None) -> None:
    configure(profiler={"requests": 24})
    answer = invoke("doctor", "--pairs", "10", "--rps", "80", "--format", "json")
    report = reported(answer)
    assert report.configured_pairs == 12
    assert {one.kind for one in report.advice} >= {AdviceKind.BLIND, AdviceKind.UNTIL_DECIDED}


def test_a_cap_ends_the_run_and_is_told(invoke: Invoke, configure: Configure, unhurried: None) -> None:
    configure()
    answer = invoke("doctor", "--pairs", "100", "--rps", "80", "--max-cost", "0.001", "--format", "json")
    assert (answer.code, answer.told["ending"]) == (6, "cost_cap")
    report = reported(answer)
    assert 0 < report.series[0].successful < 100
    assert report.ending is Ending.COST_CAP


def test_a_refused_key_is_no_diagnosis(invoke: Invoke, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    configure()
    monkeypatch.setenv("SIM_KEY", "wrong")
    answer = invoke("doctor", "--pairs", "20", "--rps", "80")
    assert (answer.code, answer.told["ending"]) == (3, "authentication")
    assert answer.out.startswith("No diagnosis")


def test_an_invalid_measurement_says_so(invoke: Invoke, home: Path) -> None:
    late = a_validity(a_validity_check(ok=False, message="requests left late"))
    rows = duet_rows(Endpoint(), RNG(1), pairs=20)
    (home / "run.json").write_bytes(dumps(a_duet_run(rows, validity=late)))
    answer = invoke("doctor", "-i", "run.json")
    assert (answer.code, answer.told["valid"]) == (3, "false")
    assert "requests left late" in answer.out
    assert "Noise" not in answer.out


def test_a_run_without_a_success_is_no_diagnosis(invoke: Invoke, home: Path) -> None:
    rows = duet_rows(Endpoint(errors=1.0), RNG(1), pairs=20)
    silent = a_duet_run(rows, summary=a_summary(successful_requests=0))
    (home / "run.json").write_bytes(dumps(silent))
    assert invoke("doctor", "-i", "run.json").code == 3


def test_a_duet_of_two_versions_and_a_run_of_one_are_looked_at_too(invoke: Invoke, home: Path) -> None:
    (home / "duet.json").write_bytes(dumps(a_duet_run(duet_rows(Endpoint(), RNG(1), pairs=60, slower=1.5))))
    (home / "alone.json").write_bytes(dumps(a_run(one_arm_rows(Endpoint(), RNG(1), requests=60))))
    two, one = (invoke("doctor", "--input", name) for name in ("duet.json", "alone.json"))
    assert (two.code, one.code) == (0, 0)
    assert "may differ" in two.out
    assert "without pairs" in one.out


def test_the_rules_of_a_configuration_are_heeded(invoke: Invoke, home: Path) -> None:
    (home / "duet.json").write_bytes(dumps(a_duet_run(duet_rows(Endpoint(), RNG(1), pairs=60))))
    methods = [{"type": "threshold", "metric": "mean_ttft", "threshold_percent": 33}]
    (home / "rules.yaml").write_text(json.dumps({"regression": {"methods": methods}}), encoding="utf-8")
    answer = invoke("doctor", "-i", "duet.json", "--config", "rules.yaml", "--format", "json")
    assert next(one for one in only(answer).visible if one.metric == "mean_ttft").margin == 33


def test_only_a_run_can_be_looked_at(invoke: Invoke, duet: Duet) -> None:
    duet(pairs=20)
    invoke("analyze", "run.json", "--output", "analysis.json")
    answer = invoke("doctor", "--input", "analysis.json")
    assert answer.code == 2
    assert "only a run holds samples" in answer.err


@pytest.mark.parametrize(("name", "begin"), [("d.md", "## Diagnosis"), ("d.json", "{"), ("d.txt", "Diagnosis")])
def test_the_ending_of_the_output_chooses_the_format(name: str, begin: str, invoke: Invoke, home: Path) -> None:
    (home / "duet.json").write_bytes(dumps(a_duet_run(duet_rows(Endpoint(), RNG(1), pairs=20))))
    answer = invoke("doctor", "-i", "duet.json", "--output", name)
    assert (answer.code, answer.out) == (0, "")
    assert (home / name).read_text(encoding="utf-8").startswith(begin)


def test_a_report_that_cannot_be_written_hides_no_measurement(invoke: Invoke, home: Path) -> None:
    (home / "duet.json").write_bytes(dumps(a_duet_run(duet_rows(Endpoint(), RNG(1), pairs=20))))
    (home / "in-the-way").write_text("", encoding="utf-8")
    answer = invoke("doctor", "-i", "duet.json", "--output", "in-the-way/d.md")
    assert answer.code == 7
    assert answer.told["exit"] == "7"


def test_equal_arms_are_still_refused_by_a_run(invoke: Invoke, configure: Configure) -> None:
    configure()
    answer = invoke("run", "--against-config", "lens-gate.yaml", "--requests", "10", "--output", "run.json")
    assert answer.told["outcome"] == "nothing_to_compare"
    assert invoke("run", "--against", "self:itself", "--dry-run").code == 2


def test_without_a_configuration_the_way_to_one_is_told(invoke: Invoke) -> None:
    answer = invoke("doctor")
    assert answer.code == 2
    assert "lens-gate init" in answer.err
