"""A plan as people read it."""

from __future__ import annotations

from typing import Any

import pytest
from markdown_it import MarkdownIt
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from lens_gate.artifacts.planning import Bill, NoiseSource, PlanReport, PlanRow, PriceSource, Reach, Visible
from lens_gate.reports.planning import plan_sheet
from lens_gate.reports.sheet import sheet_markdown, sheet_text
from lens_gate.vocabulary.metrics import Hypothesis


class MarkdownFile(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "md"


class TextFile(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "txt"


def a_bill(pairs: int, **changes: Any) -> Bill:
    values = {"pairs": pairs, "requests": 2 * pairs, "usd": 0.004 * pairs, "minutes": pairs / 60}
    return Bill(**{**values, **changes})


def a_row(**changes: Any) -> PlanRow:
    values = {
        "series": "openai/gpt-small",
        "metric": "mean_ttft",
        "hypothesis": Hypothesis.TTFT,
        "unit": "%",
        "source": NoiseSource.PAIRS,
        "seen": 100,
        "noise": 34.56,
        "effect": 20.0,
        "margin": 10.0,
        "rare": False,
        "level": 0.004,
        "establish": a_bill(80),
        "regression": a_bill(95),
        "passing": a_bill(123),
    }
    return PlanRow(**{**values, **changes})


AT_THE_MARGIN = a_row(effect=10.0, establish=a_bill(267), regression=None)
ERRORS = a_row(
    metric="error_rate",
    hypothesis=Hypothesis.ERRORS,
    unit="points",
    noise=2.0,
    effect=2.0,
    margin=2.0,
    rare=True,
    level=0.00025,
    establish=a_bill(1848),
    regression=None,
    passing=a_bill(563),
)
CACHE = a_row(
    metric="cached_share",
    hypothesis=Hypothesis.CACHED_SHARE,
    unit="points",
    noise=45.0,
    effect=60.0,
    margin=10.0,
    establish=None,
    regression=None,
    passing=None,
)


def visible(effect: float | None, row: PlanRow = ERRORS) -> Visible:
    return Visible(series=row.series, metric=row.metric, hypothesis=row.hypothesis, unit=row.unit, effect=effect)


def a_report(*rows: PlanRow, **changes: Any) -> PlanReport:
    values = {
        "tool_version": "0.1.0",
        "source": "results/run.json",
        "alpha": 0.01,
        "hypotheses": 10,
        "power": 0.9,
        "pass_confidence": 0.95,
        "price_source": PriceSource.MEASURED,
        "requests_per_second": 2.0,
        "rows": rows or (AT_THE_MARGIN, a_row(), ERRORS, CACHE),
        "frequent": a_bill(267),
        "everything": a_bill(1848),
        "configured": Reach(bill=a_bill(30), visible=(visible(None), visible(33.3, AT_THE_MARGIN))),
        "affordable": Reach(bill=a_bill(500), visible=(visible(4.56), visible(6.78, AT_THE_MARGIN))),
        "max_cost_usd": 2.0,
        "unplanned": (),
    }
    return PlanReport(**{**values, **changes})


def an_assumed_report() -> PlanReport:
    guessed = {"source": NoiseSource.ASSUMED, "seen": 0}
    bare = {"usd": None, "minutes": None}
    rows = [
        a_row(series=name, **guessed, regression=None, effect=10.0, establish=a_bill(267, **bare), passing=None)
        for name in ("openai/gpt-small", "anthropic/claude-medium")
    ]
    one_arm = a_row(series="google/gemini", source=NoiseSource.ONE_ARM, seen=150)
    return a_report(
        *rows,
        one_arm,
        price_source=PriceSource.UNKNOWN,
        frequent=a_bill(267, **bare),
        everything=a_bill(267, **bare),
        configured=None,
        affordable=None,
        max_cost_usd=None,
        unplanned=("cost_per_request_usd", "cached_share"),
    )


SCENARIOS = {"measured": a_report(), "assumed": an_assumed_report()}


def text(report: PlanReport, *, width: int = 80, unicode: bool = True) -> str:
    return sheet_text(plan_sheet(report), width=width, unicode=unicode)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_plan_text(scenario: str, snapshot: SnapshotAssertion) -> None:
    assert text(SCENARIOS[scenario]) + "\n" == snapshot(extension_class=TextFile)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_plan_markdown(scenario: str, snapshot: SnapshotAssertion) -> None:
    assert sheet_markdown(plan_sheet(SCENARIOS[scenario])) == snapshot(extension_class=MarkdownFile)


def test_a_terminal_without_unicode_gets_ascii() -> None:
    shown = text(an_assumed_report(), unicode=False)
    assert shown.isascii()
    assert "sqrt 2 times" in shown


def test_a_plan_of_listed_prices_says_at_most() -> None:
    assert "at most" in text(a_report(price_source=PriceSource.LISTED))


def test_where_no_question_could_be_planned_there_is_no_sum() -> None:
    nothing = a_report(CACHE, frequent=None, everything=None, configured=None, affordable=None)
    assert "The whole run" not in text(nothing)
    assert "lens-gate ci" not in text(a_report(CACHE, frequent=None, everything=None))
    assert "lens-gate ci --requests 3696" in text(a_report(ERRORS, frequent=None))


def test_where_any_change_matters_and_none_is_named_there_is_no_row() -> None:
    empty = a_report(frequent=None, everything=None, configured=None, affordable=None).model_copy(update={"rows": ()})
    assert "questions" not in text(empty)


def test_the_names_of_models_cannot_steer_the_page() -> None:
    hostile = a_row(series="p/<b>|`x`\x1b[31m")
    report = a_report(hostile, configured=None, affordable=None)
    html = MarkdownIt("gfm-like", {"linkify": False}).render(sheet_markdown(plan_sheet(report)))
    assert "<b>" not in html
    assert "\x1b" not in text(report)


def test_a_report_is_plain_json_without_a_kind() -> None:
    report = a_report()
    assert PlanReport.model_validate_json(report.model_dump_json()) == report
    assert '"report":"plan"' in report.model_dump_json()
    assert "kind" not in PlanReport.model_fields
