"""A diagnosis, held against endpoints whose noise is known."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from lens_gate.analysis.doctor import diagnose
from lens_gate.analysis.planning import RARE
from lens_gate.analysis.rules import MARGINS, WEIGHTS, rules_of
from lens_gate.artifacts.doctor import Advice, AdviceKind, BlockRule, DoctorReport, SeriesDiagnosis, Stability
from lens_gate.artifacts.planning import NoiseSource
from lens_gate.artifacts.run import Comparison, Run
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.config.model import Regression
from lens_gate.vocabulary.metrics import Hypothesis
from tests.builders import a_duet_run, a_run, a_sample, a_validity, a_validity_check
from tests.noisy import Endpoint, duet_rows, one_arm_rows

ITSELF = Comparison(kind="self", value="itself", equal=False)
RULES = rules_of(Regression())
QUIET = Endpoint(ttft=0.05, per_token=0.02)


def diagnosed(run: Run, rows: Sequence[Sample], pairs: int | None = 100) -> DoctorReport:
    return diagnose(run, Samples.of(rows), RULES, source="run.json", configured_pairs=pairs, limit_ns=60e9)


@cache
def examined(endpoint: Endpoint, *, pairs: int = 200, seed: int = 1, configured: int | None = 100) -> DoctorReport:
    rows = duet_rows(endpoint, np.random.default_rng(seed), pairs=pairs)
    return diagnosed(a_duet_run(comparison=ITSELF), rows, configured)


def only(report: DoctorReport) -> SeriesDiagnosis:
    (found,) = report.series
    return found


def steadiness(report: DoctorReport, hypothesis: Hypothesis = Hypothesis.TTFT) -> Stability:
    return next(row for row in only(report).stability if row.hypothesis is hypothesis)


def kinds(report: DoctorReport) -> list[AdviceKind]:
    return [one.kind for one in report.advice]


def advice(report: DoctorReport, kind: AdviceKind) -> Advice:
    return next(one for one in report.advice if one.kind is kind)


def test_noise_is_told_of_single_requests_and_of_pairs() -> None:
    report = examined(Endpoint(ttft=0.2, load=0.3, wave=0.9), pairs=400)
    row = next(one for one in only(report).noise if one.hypothesis is Hypothesis.TTFT)
    assert (report.unchanged, only(report).source) == (True, NoiseSource.PAIRS)
    assert (row.requests, row.value_unit) == (800, "ms")
    assert row.median == pytest.approx(500, rel=0.3)
    assert row.spread == pytest.approx(100 * np.hypot(0.2, 0.3), rel=0.2)
    assert row.pair_spread == pytest.approx(100 * 0.2 * np.sqrt(2), rel=0.15)
    assert row.correlation == pytest.approx(0.3**2 / (0.2**2 + 0.3**2), abs=0.2)
    assert row.p95 is not None
    assert row.p99 is not None
    assert row.median < row.p95 < row.p99 <= row.maximum


def test_a_percentile_that_so_few_requests_cannot_show_is_none() -> None:
    rows = {one.hypothesis: one for one in only(examined(QUIET, pairs=20)).noise}
    assert rows[Hypothesis.TTFT].p99 is None
    assert rows[Hypothesis.TTFT].p95 is not None
    assert set(rows) == {
        Hypothesis.TTFT, Hypothesis.PER_TOKEN, Hypothesis.TOTAL, Hypothesis.COST, Hypothesis.OUTPUT_LENGTH,
    }  # fmt: skip


def test_unrelated_requests_show_no_waves() -> None:
    found = steadiness(examined(Endpoint(), pairs=300))
    assert abs(found.autocorrelation) < 3 * found.autocorrelation_error
    assert found.inflation_lower is not None
    assert found.inflation_upper is not None
    assert found.inflation_lower < 1.2
    assert found.inflation_upper > 0.8


def test_waves_of_load_are_told_and_advised_against_unpaired_tests() -> None:
    report = examined(Endpoint(ttft=0.1, load=0.3, wave=0.9), pairs=400)
    found = steadiness(report)
    assert found.autocorrelation > 0.4
    assert found.inflation is not None
    assert found.inflation > 3
    assert AdviceKind.LOAD in kinds(report)
    assert AdviceKind.PAIRS_HELP in kinds(report)
    welch = [one for one in only(report).alarms if (one.rule, one.metric) == (BlockRule.WELCH, "mean_ttft")]
    assert welch[0].alarms / welch[0].comparisons > 0.15


def test_what_the_place_in_a_pair_does_is_no_wandering() -> None:
    found = steadiness(examined(Endpoint(ttft=0.05, warm=0.5), pairs=200))
    assert abs(found.autocorrelation) < 3 * found.autocorrelation_error


@pytest.mark.parametrize(("drift", "kind"), [(0.6, AdviceKind.SLOWED_DOWN), (-0.6, AdviceKind.DRIFT)])
def test_drift_is_the_second_half_against_the_first(drift: float, kind: AdviceKind) -> None:
    report = examined(Endpoint(ttft=0.05, per_token=0.02, drift=drift))
    assert steadiness(report).halves_percent == pytest.approx(100 * (np.exp(drift / 2) - 1), abs=3)
    assert kind in kinds(report)
    medians = steadiness(report).medians
    assert len(medians) == 8
    assert (medians[-1] > medians[0]) == (drift > 0)


def test_the_second_request_of_a_pair_may_profit_from_the_first() -> None:
    report = examined(Endpoint(ttft=0.1, warm=0.6, cached=0.8))
    slot = only(report).slot
    assert slot is not None
    assert slot.percent == pytest.approx(-40, abs=3)
    assert slot.lower is not None
    assert slot.upper is not None
    assert slot.lower < -40 < slot.upper or abs(slot.percent + 40) < 2
    assert (slot.cached_first, slot.cached_second) == (0.0, 80.0)
    assert advice(report, AdviceKind.CACHE).value == pytest.approx(80)
    assert advice(report, AdviceKind.SECOND_SLOT).value == slot.percent


def test_without_an_effect_of_the_place_nothing_is_advised_about_it() -> None:
    report = examined(Endpoint())
    slot = only(report).slot
    assert slot is not None
    assert slot.p_value > 0.01
    assert not {AdviceKind.CACHE, AdviceKind.SECOND_SLOT} & set(kinds(report))


def test_errors_and_throttling_are_counted_and_come_first() -> None:
    report = examined(Endpoint(errors=0.15, throttled=0.1))
    found = only(report)
    assert found.failed == pytest.approx(0.15 * 400, abs=25)
    assert found.throttled == pytest.approx(0.1 * 400, abs=20)
    assert found.successful + found.failed + found.throttled == found.requests == 400
    assert {one.type for one in found.errors} == {"api_error", "rate_limit"}
    assert kinds(report)[:2] == [AdviceKind.ERRORS, AdviceKind.THROTTLED]


def test_a_long_tail_is_no_ground_for_a_p99() -> None:
    rows = duet_rows(Endpoint(), np.random.default_rng(1), pairs=100)
    tails = [
        a_sample(**{**asdict_(row), "first_token_ns": row.intended_ns + 5 * (first - row.intended_ns)})
        if number % 25 == 0 and (first := row.first_token_ns)
        else row
        for number, row in enumerate(rows)
    ]
    report = diagnosed(a_duet_run(comparison=ITSELF), tails)
    assert (advice(report, AdviceKind.TAIL).value or 0) > 3
    assert AdviceKind.TAIL not in kinds(examined(Endpoint()))


def asdict_(row: Sample) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def test_the_smallest_visible_change_shrinks_with_the_pairs() -> None:
    report = examined(Endpoint(ttft=0.2))
    seen = {row.hypothesis: row for row in only(report).visible}
    assert set(seen) == set(MARGINS)
    ttft = [effect for _, effect in seen[Hypothesis.TTFT].effects if effect is not None]
    assert [pairs for pairs, _ in seen[Hypothesis.TTFT].effects] == [30, 100, 300, 1000]
    assert len(ttft) == 4
    assert sorted(ttft, reverse=True) == ttft
    assert seen[Hypothesis.TTFT].margin == 10
    assert report.hypotheses == len(MARGINS)
    assert seen[Hypothesis.TTFT].level == pytest.approx(0.01 * WEIGHTS[Hypothesis.TTFT] / sum(WEIGHTS.values()))


def test_too_few_configured_pairs_are_told_with_what_it_takes() -> None:
    blind = examined(Endpoint(ttft=0.3), configured=20)
    found = next(one for one in blind.advice if (one.kind, one.hypothesis) == (AdviceKind.BLIND, Hypothesis.TTFT))
    assert found.limit == 10
    assert found.value is not None
    assert found.value > 30
    assert found.pairs is not None
    assert found.pairs > 200
    assert (advice(blind, AdviceKind.UNTIL_DECIDED).pairs or 0) >= found.pairs
    assert AdviceKind.SIGHTED not in kinds(blind)


def test_enough_pairs_see_all_but_rare_events() -> None:
    sighted = examined(QUIET, configured=500)
    assert advice(sighted, AdviceKind.SIGHTED).pairs == 500
    rare = {one.hypothesis for one in sighted.advice if one.kind is AdviceKind.RARE}
    assert Hypothesis.ERRORS in rare <= RARE
    assert advice(sighted, AdviceKind.UNTIL_DECIDED).pairs is None


def test_without_a_configured_length_nothing_is_said_of_it() -> None:
    assert not {AdviceKind.BLIND, AdviceKind.RARE, AdviceKind.SIGHTED, AdviceKind.UNTIL_DECIDED} & set(
        kinds(examined(QUIET, configured=None))
    )


def test_a_duet_of_two_versions_is_looked_at_by_its_candidate() -> None:
    rows = duet_rows(QUIET, np.random.default_rng(1), pairs=200, slower=2.0)
    report = diagnosed(a_duet_run(), rows)
    assert not report.unchanged
    assert only(report).requests == 200
    assert only(report).noise[0].median == pytest.approx(1000, rel=0.05)
    assert only(report).noise[0].pair_spread == pytest.approx(100 * 0.05 * np.sqrt(2), rel=0.2)
    assert sum(one.alarms for one in only(report).alarms if one.rule is BlockRule.MEAN) == 0


def test_a_run_of_one_version_has_no_pairs_and_an_upper_bound() -> None:
    report = diagnosed(a_run(), one_arm_rows(Endpoint(ttft=0.2), np.random.default_rng(1), requests=200))
    found = only(report)
    assert (found.source, found.slot) == (NoiseSource.ONE_ARM, None)
    assert {(one.pair_spread, one.correlation) for one in found.noise} == {(None, None)}
    assert found.visible


def test_a_short_run_is_cut_into_no_blocks() -> None:
    found = only(examined(QUIET, pairs=10))
    assert (found.blocks, found.block_requests, found.alarms) == (0, 0, ())
    assert found.stability[0].inflation is None
    assert len(found.stability[0].medians) == 2


def test_a_model_that_never_answered_has_no_noise() -> None:
    report = examined(Endpoint(errors=1.0), pairs=20)
    found = only(report)
    assert (found.successful, found.noise, found.stability, found.slot) == (0, (), (), None)
    assert AdviceKind.ERRORS in kinds(report)


def test_a_single_pair_says_next_to_nothing() -> None:
    found = only(examined(QUIET, pairs=1))
    assert (found.requests, found.noise, found.visible) == (2, (), ())


def test_a_server_that_tells_no_cached_tokens_has_no_shares_of_them() -> None:
    rows = [a_sample(**{**asdict_(row), "cached_tokens": None}) for row in duet_rows(QUIET, RNG(1), pairs=20)]
    slot = only(diagnosed(a_duet_run(comparison=ITSELF), rows)).slot
    assert slot is not None
    assert slot.cached_first is slot.cached_second is None


RNG = np.random.default_rng


def test_prices_that_are_known_of_some_requests_only_are_compared_where_they_are() -> None:
    rows = [
        a_sample(**{**asdict_(row), "cost_usd": row.cost_usd if number > 35 else 0.0})
        for number, row in enumerate(duet_rows(QUIET, RNG(1), pairs=20))
    ]
    costs = [one for one in only(diagnosed(a_duet_run(comparison=ITSELF), rows)).noise if one.metric.startswith("cost")]
    assert [(one.requests, one.correlation) for one in costs] == [(4, None)]


def test_of_an_invalid_run_nothing_is_said() -> None:
    late = a_validity(a_validity_check(ok=False, message="requests left late"))
    report = diagnosed(a_duet_run(comparison=ITSELF, validity=late), duet_rows(QUIET, RNG(1), pairs=20))
    assert (report.series, report.advice, report.hypotheses) == ((), (), 0)
