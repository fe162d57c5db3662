"""What is shown while a run goes on: a live table on a terminal, a plain line now and then elsewhere; all on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lens_gate.artifacts.samples import Sample
from lens_gate.cli.wiring import live_terminal, speaks_unicode
from lens_gate.config.output import Output
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.record.progress import Progress, Snapshot
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.reports.escape import ascii_text
from lens_gate.reports.sparkline import sparkline
from lens_gate.steps.resolving.arms import Arms
from lens_gate.steps.running.watcher import Looked, Watcher
from lens_gate.steps.world import World

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

REDRAW_S = 0.25
LINE_S = 30.0

Show = Callable[[Snapshot, "Plan"], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the run is, for its heading, and what was found of it so far by the looks that may end it."""

    title: str
    cap_usd: float | None
    look: Looked | None = None


class LiveWatcher:
    """Counts samples, and shows at most every `interval_s` how far the run is."""

    def __init__(self, show: Show, interval_s: float) -> None:
        self._show = show
        self._interval_s = interval_s
        self._progress = Progress()
        self._plan = Plan("", None)
        self._started = self._shown = time.monotonic()

    def begin(self, settings: ScheduleSettings, arms: Arms) -> None:
        """Take note of what was planned."""
        self._progress = Progress(expected_s=settings.end_s, expected_requests=settings.requests)
        against = f" against {arms.base.label}" if arms.base else ""
        cap = arms.candidate_side.config.profiler.max_cost_usd
        self._plan = Plan(f"{arms.candidate.label}{against}", cap)
        self._started = self._shown = time.monotonic()

    def following(self, planned: Iterator[PlannedRequest]) -> Iterator[PlannedRequest]:
        """Pass the schedule on, counting."""
        return self._progress.following(planned)

    def note(self, sample: Sample) -> None:
        """Count a request that ended, and show it when it is time."""
        self._progress.note(sample)
        now = time.monotonic()
        if now - self._shown >= self._interval_s:
            self._shown = now
            self._show(self._progress.snapshot(now - self._started), self._plan)

    def looked(self, look: Looked) -> None:
        """Take note of what a look found; it is shown with the next request that ends."""
        self._plan = replace(self._plan, look=look)


@contextmanager
def watching(world: World, arms: Arms | None = None) -> Iterator[Watcher]:
    """Watch a run as its configuration asks: on the screen, and for Prometheus where that is switched on."""
    output = arms.candidate_side.config.output if arms else Output()
    with _showing(world, live=output.console.live_updates) as watcher:
        if arms is None or output.prometheus is None or not output.prometheus.enabled:
            yield watcher
            return
        from lens_gate.cli.metering import metered  # noqa: PLC0415 a library that few runs need

        with metered(watcher, output.prometheus, arms, world) as metering:
            yield metering


@contextmanager
def _showing(world: World, *, live: bool) -> Iterator[Watcher]:
    """Show a run in the way that suits where standard error goes; beside a log no table is drawn."""
    if live and live_terminal() and not world.log.hears("error"):
        board = Board(unicode=speaks_unicode())
        with _live(board):
            yield LiveWatcher(board.put, REDRAW_S)
    else:
        yield LiveWatcher(lambda snapshot, plan: world.say(line(snapshot, plan)), LINE_S)


class Board:
    """Takes what is to be shown, and is read by the thread that draws: a stopped terminal must not stop the run."""

    def __init__(self, *, unicode: bool = True) -> None:
        self._unicode = unicode
        self._latest: tuple[Snapshot, Plan] | None = None

    def put(self, snapshot: Snapshot, plan: Plan) -> None:
        """Have this drawn next."""
        self._latest = snapshot, plan

    def drawn(self) -> Text | str:
        """Return what is shown now."""
        return "" if self._latest is None else table(*self._latest, unicode=self._unicode)


def _live(board: Board) -> Live:
    """Return what draws `board` again and again, in a thread of its own."""
    from rich.live import Live  # noqa: PLC0415 a tenth of a second that only a terminal needs

    return Live(console=_console(), get_renderable=board.drawn, refresh_per_second=1 / REDRAW_S, transient=True)


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415 as above

    return Console(stderr=True)


def table(snapshot: Snapshot, plan: Plan, *, unicode: bool = True) -> Text:
    """Draw the state of a run in short lines; rich's own table takes ten times as long, which the run would feel."""
    from rich.text import Text  # noqa: PLC0415 as above

    requests, rate, ttft, latency, errors, spent, left = cells(snapshot, plan)
    expected = f" of {snapshot.expected}" if snapshot.expected else ""
    drawing = sparkline(snapshot.trail_ms)
    shown = (
        f"  {requests}{expected} requests   {rate}   {left} left",
        f"  first token {ttft}   whole answer {latency} {drawing}".rstrip(),
        f"  spent {spent}",
        f"  {so_far(plan.look)}" if plan.look else "",
    )
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(plan.title, style="bold")
    for one in filter(None, shown):
        text.append(f"\n{one if unicode else ascii_text(one)}")
    if snapshot.errors:
        text.append(f"\n  errors {errors}: {told_errors(snapshot)}", style="red")
    return text


def told_errors(snapshot: Snapshot) -> str:
    """Name what went wrong, the most frequent first."""
    classes = sorted(snapshot.errors.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {times}" for name, times in classes)


def so_far(look: Looked) -> str:
    """Say what the last look found."""
    after = f"after {look.pairs} of at most {look.most} pairs"
    if not look.still_open:
        return f"decided {after}"
    models = f"{look.still_open} of {look.series} models" if look.series > 1 else "the answer"
    return f"so far, {after}: {models} still open"


def line(snapshot: Snapshot, plan: Plan) -> str:
    """Write the state of a run in a line."""
    requests, rate, ttft, latency, errors, spent, left = cells(snapshot, plan)
    times = f"first token {ttft}, whole answer {latency}"
    found = f"; {so_far(plan.look)}" if plan.look else ""
    return f"{requests} requests, {rate}, {times}, errors {errors}, {spent}, {left} left{found}"


def cells(snapshot: Snapshot, plan: Plan) -> tuple[str, ...]:
    """Return the seven figures as text."""
    cap = f" of ${plan.cap_usd:.2f}" if plan.cap_usd is not None else ""
    return (
        f"{snapshot.done}",
        f"{snapshot.rate:.1f}/s",
        _ms(snapshot.ttft_ms),
        _ms(snapshot.latency_ms),
        f"{sum(snapshot.errors.values())}",
        f"${snapshot.spent_usd:.4f}{cap}",
        "?" if snapshot.left_s is None else f"{int(snapshot.left_s) // 60}:{int(snapshot.left_s) % 60:02d}",
    )


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} ms"
