"""What a run shows while it goes on: a table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console, Group
from typing_extensions import override

from lens_gate.cli import live
from lens_gate.load.record.progress import Snapshot
from lens_gate.steps.running.watcher import Looked
from lens_gate.vocabulary.requests import ErrorClass
from tests.builders import a_sample
from tests.fakes.world import a_world
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


def drawn(snapshot: Snapshot, plan: live.Plan, *, width: int = 120, unicode: bool = True, colour: bool = False) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=colour, color_system="standard" if colour else None)
    console.print(Group(live.table(snapshot, plan, unicode=unicode)))
    return file.getvalue()


def test_a_table_shows_how_the_latency_went_the_money_against_its_cap_and_errors_by_class() -> None:
    errors = {ErrorClass.TIMEOUT: 2, ErrorClass.RATE_LIMIT: 5}
    snapshot = replace(SNAPSHOT, errors=errors, expected=120, trail_ms=(400.0, 410.0, 800.0), latency_ms=800.4)
    assert drawn(snapshot, live.Plan("a against b", 1.5)).splitlines() == [
        "a against b",
        "  30 of 120 requests   10.0/s   1:15 left",
        "  first token 52 ms   whole answer 800 ms ▁▁█",
        "  spent $0.0123 of $1.50",
        "  errors 7: rate_limit 5, timeout 2",
    ]


def test_the_verdict_so_far_is_told_where_looks_may_end_the_run() -> None:
    look = Looked(pairs=40, most=120, still_open=1, series=2)
    plan = live.Plan("a against b", None, look)
    assert "so far, after 40 of at most 120 pairs: 1 of 2 models still open" in drawn(SNAPSHOT, plan)
    assert live.line(SNAPSHOT, plan).endswith("left; so far, after 40 of at most 120 pairs: 1 of 2 models still open")
    assert live.so_far(Looked(40, 120, 1, 1)) == "so far, after 40 of at most 120 pairs: the answer still open"
    assert live.so_far(Looked(80, 120, 0, 2)) == "decided after 80 of at most 120 pairs"


def test_a_narrow_terminal_cuts_lines_and_never_wraps_them() -> None:
    plan = live.Plan("a very long name of a version against another very long name", 1.5)
    lines = drawn(replace(SNAPSHOT, trail_ms=(1.0,) * 24), plan, width=40).splitlines()
    assert len(lines) == 5
    assert all(len(line) <= 40 for line in lines)


def test_without_colours_nothing_but_text_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[31m" in drawn(SNAPSHOT, live.Plan("a", None), colour=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in drawn(SNAPSHOT, live.Plan("a", None), colour=True)
    assert "\x1b" not in drawn(SNAPSHOT, live.Plan("a", None))


def test_a_terminal_without_unicode_gets_ascii() -> None:
    shown = drawn(replace(SNAPSHOT, trail_ms=(1.0, 2.0)), live.Plan("a", None), unicode=False)
    assert shown.isascii()
    assert "whole answer - .@" in shown


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
    monkeypatch.setattr(live, "REDRAW_S", 0.001)
    monkeypatch.setattr(live, "live_terminal", lambda: True)
    configure()
    answer = invoke("run", "--requests", "6", "--output", "run.json")
    assert answer.code == 0
    assert " left" not in answer.err.replace("left\n", "")


class Stopped(io.StringIO):
    """A terminal on which somebody pressed Ctrl-S."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.waits = threading.Event()

    @override
    def write(self, text: str) -> int:
        if not self.goes_on.is_set():
            self.waits.set()
        assert self.goes_on.wait(30)
        return super().write(text)


def test_a_terminal_that_is_stopped_does_not_stop_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    terminal = Stopped()
    monkeypatch.setattr(live, "REDRAW_S", 0.001)
    monkeypatch.setattr(live, "live_terminal", lambda: True)
    monkeypatch.setattr(live, "_console", lambda: Console(file=terminal, force_terminal=True, width=120))
    with live.watching(a_world(tmp_path)) as watcher:
        terminal.goes_on.clear()
        watcher.note(a_sample())
        assert terminal.waits.wait(30)
        for index in range(100):
            watcher.note(a_sample(index=index))
        terminal.goes_on.set()
    assert "whole answer" in terminal.getvalue()


def test_the_live_view_can_be_switched_off(
    invoke: Invoke, configure: Configure, unhurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: live.Board) -> None:
        raise AssertionError("drawn")

    monkeypatch.setattr(live, "_live", never)
    monkeypatch.setattr(live, "live_terminal", lambda: True)
    configure(output={"console": {"live_updates": False}})
    assert invoke("run", "--requests", "2", "--output", "run.json").code == 0
