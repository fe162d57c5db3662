"""One end of several: sums, the worst lateness, and who ended the run."""

from __future__ import annotations

from typing import Any

from lens_gate.artifacts.instrument import Stamps
from lens_gate.load.engine.contract import StopSignal
from lens_gate.load.engine.merging import merged_end, merged_stamps
from lens_gate.load.record.run_end import RunEnd, Spread
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import ErrorClass


def an_end(**changes: Any) -> RunEnd:
    fields: dict[str, Any] = {
        "ending": Ending.COMPLETE,
        "message": None,
        "anchor_ns": 0,
        "scheduled": 10,
        "sent": 8,
        "shed": 2,
        "lateness": Spread(),
        "loop_lag": Spread(),
        "given_up": {},
        "examples": {},
    }
    return RunEnd(**{**fields, **changes})


def test_counts_are_sums_and_what_is_late_is_that_of_the_worst_process() -> None:
    calm, late = Spread(count=100, p50_ns=1, p99_ns=5, max_ns=90), Spread(count=7, p50_ns=0, p99_ns=6, max_ns=6)
    ends = [
        an_end(loop_lag=calm, lateness=late, cpu_share=0.3, deferred=4),
        an_end(loop_lag=late, lateness=calm, cpu_share=0.9, deferred=5),
        an_end(),
    ]
    end = merged_end(ends, StopSignal(), anchor_ns=77)
    assert (end.ending, end.message, end.anchor_ns) == (Ending.COMPLETE, None, 77)
    assert (end.scheduled, end.sent, end.shed, end.deferred) == (30, 24, 6, 9)
    assert (end.loop_lag, end.lateness, end.cpu_share) == (late, late, 0.9)


def test_the_run_ended_as_the_signal_says_and_each_reason_and_example_is_kept_once() -> None:
    stop = StopSignal()
    stop.request(Ending.COST_CAP, "enough")
    first = an_end(given_up={"a": Ending.UNREACHABLE}, examples={("a", ErrorClass.CONNECT): "first"})
    other = an_end(given_up={"b": Ending.AUTHENTICATION}, examples={("a", ErrorClass.CONNECT): "second"})
    end = merged_end([first, other], stop, anchor_ns=0)
    assert (end.ending, end.message) == (Ending.COST_CAP, "enough")
    assert end.given_up == {"a": Ending.UNREACHABLE, "b": Ending.AUTHENTICATION}
    assert end.examples == {("a", ErrorClass.CONNECT): "first"}
    assert (end.cpu_share, end.deferred) == (None, None)


def test_stamps_are_summed_and_the_clock_is_known_as_badly_as_the_worst_process_knew_it() -> None:
    one = Stamps(used=10, refused=1, clock_step_us=-9.0, uncertainty_us=2.0)
    other = Stamps(used=5, refused=0, clock_step_us=3.0, uncertainty_us=4.0)
    assert merged_stamps([one, None, other]) == Stamps(used=15, refused=1, clock_step_us=-9.0, uncertainty_us=4.0)
    assert merged_stamps([None, None]) is None
