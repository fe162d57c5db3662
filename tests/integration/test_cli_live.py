"""What a run shows while it goes on: a table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from lens_gate.cli import live
from lens_gate.load.progress import Snapshot
from lens_gate.vocabulary.requests import ErrorClass
from tests.integration.conftest import Invoke

Configure = Callable[..., Path]

SNAPSHOT = Snapshot(
    elapsed_s=3.0,
    sent=34,
    ok=28,
    done=30,
    rate=9.96,
    ttft_ms=52.4,
    latency_ms=None,
    errors={ErrorClass.TIMEOUT: 2},
    spent_usd=0.0123,
    left_s=75.2,
)


def test_a_line_tells_all_seven_figures() -> None:
    assert live.line(SNAPSHOT, live.Plan("a against b", 1.5)) == (
        "30 requests, 10.0/s, first token 52 ms, whole answer –, errors 2, $0.0123 of $1.50, 1:15 left"
    )


def test_a_table_tells_the_same_under_what_is_compared() -> None:
    console = Console(file=io.StringIO(), width=120)
    console.print(live.table(SNAPSHOT, live.Plan("a against b", None)))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "a against b" in shown
    for cell in ("30", "10.0/s", "52 ms", "$0.0123", "1:15"):
        assert cell in shown


def test_in_a_pipeline_a_run_tells_lines(
    invoke: Invoke, configure: Configure, unhurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LINE_S", 0.0)
    configure()
    answer = invoke("run", "--requests", "6", "--output", "run.json")
    assert "1 requests, " in answer.err
    assert answer.err.count(" left") >= 5


def test_on_a_terminal_a_run_draws_a_table(
    invoke: Invoke, configure: Configure, unhurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "REDRAW_S", 0.0)
    monkeypatch.setattr(live, "live_terminal", lambda: True)
    configure()
    answer = invoke("run", "--requests", "6", "--output", "run.json")
    assert answer.code == 0
    assert " left" not in answer.err.replace("left\n", "")


def test_the_live_view_can_be_switched_off(
    invoke: Invoke, configure: Configure, unhurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never() -> None:
        raise AssertionError("drawn")

    monkeypatch.setattr(live, "_live", never)
    monkeypatch.setattr(live, "live_terminal", lambda: True)
    configure(output={"console": {"live_updates": False}})
    assert invoke("run", "--requests", "2", "--output", "run.json").code == 0
