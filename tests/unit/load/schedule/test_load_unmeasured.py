"""A warm-up that eats a short run is told before it, and after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lens_gate.artifacts.samples import Samples
from lens_gate.load.schedule.arrivals import Arrival
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.schedule.unmeasured import foretold, unmeasured
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import Phase, Status
from tests.builders import a_sample

OPEN = ScheduleSettings(arrival=Arrival.FIXED, rate=2.0, concurrency=None, duration_s=10.0, requests=None)
CLOSED = ScheduleSettings(arrival=Arrival.CLOSED, rate=None, concurrency=2, duration_s=None, requests=40)


def rows(warm: int, measured: int, cool: int = 0, shed: int = 0) -> Samples:
    phases = [Phase.WARMUP] * warm + [Phase.MEASURE] * measured + [Phase.COOLDOWN] * cool
    sent = [a_sample(index=index, phase=phase) for index, phase in enumerate(phases)]
    lost = [a_sample(index=len(sent) + index, phase=Phase.WARMUP, status=Status.SHED) for index in range(shed)]
    return Samples.of([*sent, *lost])


class TestBefore:
    @pytest.mark.parametrize(
        "settings",
        [
            OPEN,
            CLOSED,
            replace(OPEN, warmup_s=5.0),
            replace(OPEN, warmup_s=3.0, cooldown_s=2.0),
            replace(CLOSED, duration_s=10.0, warmup_s=4.0),
        ],
    )
    def test_what_leaves_at_least_half_of_the_run_is_not_remarked(self, settings: ScheduleSettings) -> None:
        assert foretold(settings) is None

    @pytest.mark.parametrize("settings", [replace(OPEN, warmup_s=8.0), replace(OPEN, warmup_s=5.0, cooldown_s=3.0)])
    def test_what_takes_most_of_the_run_is_told_with_what_is_left_and_what_to_do(
        self, settings: ScheduleSettings
    ) -> None:
        told = foretold(settings)
        assert told is not None
        assert told.startswith("warm-up and cool-down take 8 s of 10 s, which leaves about 4 of 20 requests: shorten")
        assert "raise `requests` or `duration`, which include both" in told

    def test_every_turn_of_a_conversation_is_a_request(self) -> None:
        told = foretold(replace(OPEN, warmup_s=8.0, turns=3.0))
        assert told is not None
        assert "about 12 of 60 requests" in told

    def test_a_closed_loop_that_time_ends_leaves_nobody_knows_how_many_requests(self) -> None:
        told = foretold(replace(CLOSED, duration_s=10.0, requests=None, warmup_s=8.0))
        assert told is not None
        assert told.startswith("warm-up and cool-down take 8 s of 10 s: shorten")

    def test_a_closed_loop_that_its_requests_end_may_end_in_its_warm_up(self) -> None:
        told = foretold(replace(CLOSED, warmup_s=3.0))
        assert told is not None
        assert told.startswith("how many of 40 requests fall into the warm-up of 3 s, and are not measured, depends")


class TestAfter:
    @pytest.mark.parametrize("samples", [rows(5, 5), rows(2, 5, 3), rows(0, 4, shed=9), rows(0, 0)])
    def test_a_run_of_which_half_was_measured_is_ok(self, samples: Samples) -> None:
        check = unmeasured(samples, Ending.COMPLETE)
        assert (check.ok, check.message) == (True, "ok")

    def test_a_run_of_which_less_was_measured_is_warned_of(self) -> None:
        check = unmeasured(rows(5, 4, 3, shed=7), Ending.COMPLETE)
        assert (check.ok, check.effect) == (False, "warn")
        assert check.value == pytest.approx(8 / 12)
        assert check.message.startswith("warm-up and cool-down took 8 of 12 requests: shorten `warmup`")

    def test_a_run_of_which_nothing_was_measured_says_so(self) -> None:
        message = unmeasured(rows(4, 0), Ending.COMPLETE).message
        assert message.startswith("warm-up and cool-down took all 4 requests, so that nothing was measured: shorten")

    def test_a_run_that_ended_early_is_not_told_to_last_longer(self) -> None:
        message = unmeasured(rows(4, 1), Ending.COST_CAP).message
        assert message == "warm-up and cool-down took 4 of 5 requests: the run ended before its time"

    def test_a_run_that_was_decided_needs_no_more(self) -> None:
        assert unmeasured(rows(9, 1), Ending.DECIDED).ok
