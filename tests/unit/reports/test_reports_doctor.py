"""A diagnosis as people read it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from lens_gate.artifacts.doctor import (
    Advice,
    AdviceKind,
    BlockRule,
    DoctorReport,
    MetricNoise,
    RuleAlarms,
    SeriesDiagnosis,
    SlotEffect,
    Stability,
    VisibleAt,
)
from lens_gate.artifacts.planning import NoiseSource
from lens_gate.reports.advice import WORDS, advice_words
from lens_gate.reports.doctor import doctor_sheet
from lens_gate.reports.numbers import decimal
from lens_gate.reports.sheet import sheet_markdown, sheet_text
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Ending
from tests.builders import a_spend, a_validity, a_validity_check, an_error_count


class MarkdownFile(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "md"


class TextFile(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "txt"


TTFT = {"metric": "mean_ttft", "hypothesis": Hypothesis.TTFT}
ERRORS = {"metric": "error_rate", "hypothesis": Hypothesis.ERRORS}


def a_noise(**changes: Any) -> MetricNoise:
    values = {
        **TTFT,
        "value_unit": "ms",
        "requests": 200,
        "median": 480.0,
        "p95": 760.0,
        "p99": 1500.0,
        "maximum": 2500.0,
        "spread": 31.4,
        "pair_spread": 38.2,
        "correlation": -0.004,
    }
    return MetricNoise(**{**values, **changes})


def a_stability(**changes: Any) -> Stability:
    values = {
        **TTFT,
        "halves_percent": -3.2,
        "medians": (466.0, 514.0, 490.0),
        "autocorrelation": -0.21,
        "autocorrelation_error": 0.07,
        "inflation": 2.3,
        "inflation_lower": 1.4,
        "inflation_upper": 4.9,
    }
    return Stability(**{**values, **changes})


def alarms(comparisons: int = 30) -> tuple[RuleAlarms, ...]:
    return tuple(
        RuleAlarms(rule=rule, metric=metric, alarms=number, comparisons=comparisons)
        for number, rule in enumerate(BlockRule)
        for metric in ("mean_ttft", "mean_tpot", None)
    )


def a_diagnosis(**changes: Any) -> SeriesDiagnosis:
    values = {
        "series": "openai/gpt-small",
        "source": NoiseSource.PAIRS,
        "requests": 200,
        "successful": 197,
        "failed": 3,
        "throttled": 0,
        "shed": 0,
        "errors": (an_error_count("api_error", 3),),
        "noise": (
            a_noise(),
            a_noise(
                metric="mean_latency",
                hypothesis=Hypothesis.TOTAL,
                median=1480.0,
                p95=None,
                p99=None,
                pair_spread=None,
                correlation=None,
            ),
        ),
        "stability": (
            a_stability(),
            a_stability(
                metric="mean_latency",
                hypothesis=Hypothesis.TOTAL,
                medians=(950.0, 1100.0),
                inflation=None,
                inflation_lower=None,
                inflation_upper=None,
            ),
        ),
        "slot": SlotEffect(
            pairs=97, percent=-12.3, lower=-15.1, upper=-9.2, p_value=1e-6, cached_first=1.0, cached_second=61.0
        ),
        "blocks": 6,
        "block_requests": 32,
        "alarms": alarms(),
        "visible": (
            VisibleAt(**TTFT, unit="%", margin=10.0, level=0.004, effects=((30, 39.4), (1000, 5.43))),
            VisibleAt(**ERRORS, unit="points", margin=2.0, level=0.002, effects=((30, None), (1000, 2.61))),
        ),
    }
    return SeriesDiagnosis(**{**values, **changes})


def an_advice(kind: AdviceKind, **changes: Any) -> Advice:
    values = {"series": "openai/gpt-small", "hypothesis": Hypothesis.TTFT, "value": 12.34, "limit": 10.0, "pairs": 313}
    return Advice(kind=kind, **{**values, **changes})


def a_report(*series: SeriesDiagnosis, **changes: Any) -> DoctorReport:
    values = {
        "source": "results/doctor.json",
        "unchanged": True,
        "duration_seconds": 100.0,
        "requests_per_second": 2.0,
        "spend": a_spend(),
        "validity": a_validity(),
        "ending": Ending.COMPLETE,
        "ending_message": None,
        "alpha": 0.01,
        "hypotheses": 8,
        "power": 0.9,
        "configured_pairs": 100,
        "series": series or (a_diagnosis(),),
        "advice": (an_advice(AdviceKind.LOAD, value=2.34), an_advice(AdviceKind.BLIND), an_advice(AdviceKind.RARE)),
        "tool_version": "0.1.0",
    }
    return DoctorReport(**{**values, **changes})


def two_models() -> DoctorReport:
    bare = {"stability": (), "alarms": (), "visible": (), "slot": None, "errors": (), "noise": ()}
    few = a_diagnosis(series="anthropic/claude-medium", requests=4, successful=4, failed=0, blocks=0, **bare)
    advice = [an_advice(kind) for kind in AdviceKind if kind is not AdviceKind.UNTIL_DECIDED]
    general = Advice(kind=AdviceKind.UNTIL_DECIDED)
    return a_report(
        a_diagnosis(),
        few,
        unchanged=False,
        requests_per_second=None,
        ending=Ending.COST_CAP,
        ending_message="the cap of $5.00 was reached",
        advice=(*advice, general),
    )


def an_invalid_report() -> DoctorReport:
    late = a_validity(a_validity_check(ok=False, message="requests left up to 48 ms late"))
    return a_report(validity=late, series=(), advice=(), hypotheses=0, ending_message="the run was interrupted")


SCENARIOS = {"itself": a_report(), "two_models": two_models(), "invalid": an_invalid_report()}


def text(report: DoctorReport, *, unicode: bool = True) -> str:
    return sheet_text(doctor_sheet(report), width=80, unicode=unicode).replace("\u00a0", " ")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_doctor_text(scenario: str, snapshot: SnapshotAssertion) -> None:
    assert text(SCENARIOS[scenario]) + "\n" == snapshot(extension_class=TextFile)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_doctor_markdown(scenario: str, snapshot: SnapshotAssertion) -> None:
    assert sheet_markdown(doctor_sheet(SCENARIOS[scenario])) == snapshot(extension_class=MarkdownFile)


def test_an_invalid_run_gets_no_figures_about_the_endpoint() -> None:
    shown = text(an_invalid_report())
    assert shown.startswith("No diagnosis")
    assert "48 ms late" in shown
    assert "Nothing is said about the endpoint." in shown
    assert "how steady" not in shown.lower()


def test_a_run_without_a_success_is_none_either() -> None:
    silent = text(a_report(a_diagnosis(successful=0)))
    assert silent.startswith("No diagnosis")


def test_the_duet_s_own_rate_is_told_as_designed_and_not_as_measured() -> None:
    shown = " ".join(text(a_report()).split())
    assert "at most 1 % of unchanged gates" in shown
    assert "not measured here" in shown


def test_one_version_alone_is_said_to_be_that() -> None:
    alone = a_report(a_diagnosis(source=NoiseSource.ONE_ARM, slot=None), unchanged=False)
    assert "without pairs" in text(alone)


def test_a_server_that_tells_no_cached_tokens_has_no_line_about_them() -> None:
    slot = SlotEffect(pairs=9, percent=1.0, lower=None, upper=None, p_value=0.5, cached_first=None, cached_second=None)
    shown = text(a_report(a_diagnosis(slot=slot)))
    assert "from the cache:" not in shown
    assert "(95 %: –, 9 pairs)" in shown


def test_where_nothing_stands_out_that_is_said() -> None:
    assert "Nothing stands out." in text(a_report(advice=()))


def test_a_terminal_without_unicode_gets_ascii() -> None:
    assert text(two_models(), unicode=False).isascii()


@pytest.mark.parametrize("kind", AdviceKind)
def test_every_advice_has_words_without_holes(kind: AdviceKind) -> None:
    words = advice_words(an_advice(kind))
    assert words.endswith((".", "?", "(--rps)."))
    assert not re.search(r"[{}]|None|nan", words)
    assert set(WORDS) == set(AdviceKind)


@pytest.mark.parametrize(
    ("hypothesis", "allowed"),
    [
        (Hypothesis.TTFT, "+10 %"),
        (Hypothesis.OUTPUT_LENGTH, "±10 %"),
        (Hypothesis.CACHED_SHARE, "−10 points"),
        (Hypothesis.ERRORS, "+10 points"),
    ],
)
def test_what_matters_is_told_in_its_own_unit_and_direction(hypothesis: Hypothesis, allowed: str) -> None:
    blind = advice_words(an_advice(AdviceKind.BLIND, hypothesis=hypothesis, value=None)).replace("\u00a0", " ")
    assert f"To see {allowed} take 313 pairs" in blind
    assert "can see no change at all" in blind


@pytest.mark.parametrize(("value", "shown"), [(-0.004, "0.00"), (-0.21, "−0.21"), (1234.5, "1,234.50")])
def test_a_plain_number_has_a_true_minus_and_none_before_zero(value: float, shown: str) -> None:
    assert decimal(value, 2) == shown


def test_a_diagnosis_is_plain_json_without_a_kind() -> None:
    report = two_models()
    assert DoctorReport.model_validate_json(report.model_dump_json()) == report
    assert "kind" not in DoctorReport.model_fields
