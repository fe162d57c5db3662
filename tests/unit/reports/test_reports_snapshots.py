"""Each renderer with each kind of verdict, kept as files that a person can open and judge."""

from __future__ import annotations

from collections.abc import Callable
from math import exp

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from lens_gate.artifacts.run import Run
from lens_gate.artifacts.trend import TrendRule, TrendVerdict
from lens_gate.reports.console import console
from lens_gate.reports.junit import junit
from lens_gate.reports.markdown import markdown, run_markdown, trend_markdown
from lens_gate.reports.trend_view import trend_view
from lens_gate.reports.view import run_view, view
from tests.builders import (
    a_duet_run,
    a_model_result,
    a_provider_result,
    a_run,
    a_summary,
    an_error_count,
    an_unmeasured_latency,
    some_requests,
)
from tests.histories import a_record, a_trend_verdict, noisy, records_of, run_id, stepped
from tests.scenarios import SCENARIOS


class MarkdownFile(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "md"


class XmlFile(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "xml"


class TextFile(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "txt"


def a_failed_run() -> Run:
    model = a_model_result(
        requests=some_requests(failed=300),
        latency=an_unmeasured_latency(),
        errors=(an_error_count("connect", 300, example="connection refused"),),
    )
    summary = a_summary(successful_requests=0, average_latency_ms=None, p95_latency_ms=None, total_cost_usd=None)
    return a_run(providers=(a_provider_result(model),), summary=summary, ending_message="the endpoint never answered")


def a_mixed_trend() -> TrendVerdict:
    """A model that became slower, one that is steady, and one that is new; by every rule."""
    logs = {"openai/gpt-small": stepped(0.16), "openai/gpt-large": noisy(38, seed=2), "openai/gpt-new": noisy(38)}
    records = [
        a_record(
            number,
            values={
                (name, "median_latency"): 1500 * exp(line[number])
                for name, line in logs.items()
                if name != "openai/gpt-new" or number > 33
            },
        )
        for number in range(38)
    ]
    broken = a_record(40, file="results/bench-40.json", defect="the run is not valid (requests left 80 ms late)")
    return a_trend_verdict([*records, broken], rules=tuple(TrendRule), anchor=run_id(0))


TRENDS: dict[str, Callable[[], TrendVerdict]] = {
    "mixed": a_mixed_trend,
    "steady": lambda: a_trend_verdict(records_of(noisy(40)), branch="main"),
    "too_few": lambda: a_trend_verdict(records_of(noisy(5)), fail_on=("inconclusive",)),
    "unknown": lambda: a_trend_verdict(records_of([*noisy(20), None])),
}
RUNS: dict[str, Callable[[], Run]] = {"run": a_run, "duet_run": a_duet_run, "failed_run": a_failed_run}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_markdown(scenario: str, snapshot: SnapshotAssertion) -> None:
    assert markdown(view(SCENARIOS[scenario]())) == snapshot(extension_class=MarkdownFile)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_junit(scenario: str, snapshot: SnapshotAssertion) -> None:
    assert junit(SCENARIOS[scenario]()) == snapshot(extension_class=XmlFile)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_console(scenario: str, snapshot: SnapshotAssertion) -> None:
    shown = view(SCENARIOS[scenario]())
    texts = [
        console(shown, colour=False, width=80, unicode=True),
        console(shown, colour=False, width=80, unicode=False),
        console(shown, colour=True, width=120, unicode=True),
    ]
    assert "\n\n\n".join(texts) + "\n" == snapshot(extension_class=TextFile)


@pytest.mark.parametrize("scenario", RUNS)
def test_run_markdown(scenario: str, snapshot: SnapshotAssertion) -> None:
    assert run_markdown(run_view(RUNS[scenario]())) == snapshot(extension_class=MarkdownFile)


@pytest.mark.parametrize("scenario", RUNS)
def test_run_junit(scenario: str, snapshot: SnapshotAssertion) -> None:
    assert junit(RUNS[scenario]()) == snapshot(extension_class=XmlFile)


@pytest.mark.parametrize("scenario", RUNS)
def test_run_console(scenario: str, snapshot: SnapshotAssertion) -> None:
    text = console(run_view(RUNS[scenario]()), colour=False, width=80, unicode=True)
    assert text + "\n" == snapshot(extension_class=TextFile)


@pytest.mark.parametrize("scenario", TRENDS)
def test_trend_markdown(scenario: str, snapshot: SnapshotAssertion) -> None:
    assert trend_markdown(trend_view(TRENDS[scenario]())) == snapshot(extension_class=MarkdownFile)


@pytest.mark.parametrize("scenario", TRENDS)
def test_trend_junit(scenario: str, snapshot: SnapshotAssertion) -> None:
    assert junit(TRENDS[scenario]()) == snapshot(extension_class=XmlFile)


@pytest.mark.parametrize("scenario", TRENDS)
def test_trend_console(scenario: str, snapshot: SnapshotAssertion) -> None:
    shown = trend_view(TRENDS[scenario]())
    texts = [console(shown, colour=colour, width=80, unicode=not colour) for colour in (False, True)]
    assert "\n\n\n".join(texts) + "\n" == snapshot(extension_class=TextFile)
