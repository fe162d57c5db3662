"""The rates that reports state must be those of the functions that judge."""

from __future__ import annotations

import math
from typing import Any

import pytest
from benchmarks.decisions.classic_rules import CIRCUMSTANCES, TABLED, TESTS, judged_by_classic, statistical, threshold

from lens_gate.analysis.classic import DEFAULT_METHODS
from lens_gate.analysis.false_alarms import (
    CONFIDENCES,
    LIMITS,
    MEASURED,
    POINTS,
    REQUESTS,
    Source,
    false_alarm_note,
)
from lens_gate.config.model import TrendMethod
from lens_gate.reports.rows import LONGEST_TEXT

pytestmark = pytest.mark.proving
GATES = 25


@pytest.mark.parametrize("source", MEASURED)
def test_the_stated_rates_are_those_of_the_rules(source: Source) -> None:
    flagged = judged_by_classic(TABLED, gates=GATES, requests=REQUESTS, weather=CIRCUMSTANCES[source])
    found = [float(flags.any(axis=1).mean()) for flags in flagged.values()]
    measured = MEASURED[source]

    stated = [
        measured.percent["mean_latency"][LIMITS.index(10)],
        measured.percent["median_latency"][LIMITS.index(10)],
        measured.percent["p95_latency"][LIMITS.index(15)],
        measured.percent["error_rate"][LIMITS.index(50)],
        measured.default,
        *(measured.tests[name][CONFIDENCES.index(0.95)] for name in TESTS),
    ]

    for rate, percent in zip(found, stated, strict=True):
        # Four standard errors of the short run, and the rounding of what is stated.
        assert rate == pytest.approx(percent / 100, abs=0.02 + 4 * math.sqrt(0.25 / GATES * percent / 100))


@pytest.mark.parametrize("source", MEASURED)
def test_every_table_of_rates_is_whole_and_a_laxer_rule_errs_no_more_often(source: Source) -> None:
    measured = MEASURED[source]
    tables = ((measured.percent, LIMITS), (measured.points, POINTS), (measured.tests, CONFIDENCES))

    for rows, limits in tables:
        for row in rows.values():
            assert len(row) == len(limits)
            assert list(row) == sorted(row, reverse=True)


def test_the_default_rules_are_told_each_and_together_in_their_circumstances() -> None:
    stored, duet = (false_alarm_note(DEFAULT_METHODS, source) for source in ("stored", "duet"))

    assert stored == (
        "False alarms measured (4 models, 100 requests a side, 5 % drift from day to day, nothing changed): "
        "46 % of gates for mean_latency more than 10 % up; 54 % of gates for p95_latency more than 15 % up; "
        "81 % of gates for error_rate more than 50 % up; 94 % for these rules together."
    )
    assert duet == (
        "False alarms measured (4 models, 100 requests a side at the same time, nothing changed): "
        "1 % of gates for mean_latency more than 10 % up; 19 % of gates for p95_latency more than 15 % up; "
        "83 % of gates for error_rate more than 50 % up; 86 % for these rules together."
    )
    assert len(stored) < LONGEST_TEXT


def test_other_rules_are_told_by_the_nearest_that_was_measured() -> None:
    note = false_alarm_note([threshold("median_ttft", 12), statistical("t-test", 0.98)], "stored")

    assert note is not None
    assert note.endswith(
        ": 52 % of gates for median_ttft more than 10 % up; 10 % of gates for t-test at a confidence of 0.99; "
        "at least 52 % for these rules together."
    )


def test_a_rate_that_rounds_to_nothing_is_no_promise() -> None:
    assert str(false_alarm_note([statistical("mann-whitney")], "duet")).endswith(
        ": under 1 % of gates for mann-whitney at a confidence of 0.95."
    )


@pytest.mark.parametrize(
    "method",
    [
        threshold("success_rate", 5),
        threshold("mean_latency"),
        threshold("mean_latency", points=5),
        TrendMethod(type="trend", method="linear_regression"),
    ],
)
def test_what_was_not_measured_is_not_told(method: Any) -> None:
    assert false_alarm_note([method], "stored") is None
    assert false_alarm_note([method, threshold("error_rate", points=2)], "stored") == false_alarm_note(
        [threshold("error_rate", points=2)], "stored"
    )
