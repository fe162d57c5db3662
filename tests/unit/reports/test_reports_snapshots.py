"""Each renderer with each kind of verdict, kept as files that a person can open and judge."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from lens_gate.artifacts.run import Run
from lens_gate.reports.console import console
from lens_gate.reports.junit import junit
from lens_gate.reports.markdown import markdown, run_markdown
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
