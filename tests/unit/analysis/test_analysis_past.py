from __future__ import annotations

import math
from typing import Any

import pytest

from lens_gate.analysis.past import OTHER_REQUESTS, TOO_OLD, Judged, Middle, PastRun, PastSeries, usable_runs
from lens_gate.artifacts.run import LatencySummary, Run, Uncovered
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.requests import Arm
from lens_gate.vocabulary.stored_runs import MOST_RUNS
from tests.builders import (
    SERIES,
    a_benchmark,
    a_latency,
    a_latency_summary,
    a_model_result,
    a_provider_result,
    a_run,
    a_validity,
    a_validity_check,
    an_arm,
    some_requests,
)


def stored(number: int, **changes: Any) -> Run:
    """Return a run of its own day."""
    return a_run(benchmark=a_benchmark(id=f"run-{number}", start_time=f"2026-03-{number + 1:02}T10:00:00Z"), **changes)


def past(number: int, **changes: Any) -> PastRun:
    return PastRun.of(stored(number, **changes))


class TestWhatIsKept:
    def test_a_series_is_kept_as_three_middles(self) -> None:
        found = past(1).series[SERIES]

        assert found.middles[Hypothesis.TTFT] == Middle(count=300, median_ms=500.0, p75_ms=650.0, inflation=None)
        assert found.middles[Hypothesis.PER_TOKEN].median_ms == 20.0
        assert found.middles[Hypothesis.TOTAL].median_ms == 1500.0
        assert (found.cached_percent, found.counted_by_server) == (0.0, True)

    def test_what_was_not_measured_has_no_middle(self) -> None:
        latency = a_latency(ttft=LatencySummary(count=0), tpot=a_latency_summary(0.0))
        found = PastSeries.of(a_model_result(latency=latency))

        assert list(found.middles) == [Hypothesis.TOTAL]

    def test_the_cached_share_and_who_counted_are_kept(self) -> None:
        tokens = a_model_result().tokens.model_copy(update={"cached": 15_000, "source": "chunks"})
        unknown = a_model_result().tokens.model_copy(update={"input": 0})

        assert PastSeries.of(a_model_result(tokens=tokens)).cached_percent == pytest.approx(50)
        assert not PastSeries.of(a_model_result(tokens=tokens)).counted_by_server
        assert PastSeries.of(a_model_result(tokens=unknown)).cached_percent == 0

    def test_a_series_without_a_success_is_left_out(self) -> None:
        silent = a_provider_result(a_model_result(requests=some_requests(failed=300)))

        assert past(1, providers=(silent,)).series == {}

    @pytest.mark.parametrize(
        ("start", "seconds"),
        [
            ("1970-01-01T00:01:00Z", 60),
            ("1970-01-01T01:01:00.5+01:00", 60.5),
            ("1970-01-01T00:01:00", 60),
            ("yesterday", -math.inf),
        ],
    )
    def test_its_start_is_read_as_it_is_written(self, start: str, seconds: float) -> None:
        assert PastRun.of(a_run(benchmark=a_benchmark(start_time=start))).started == seconds

    def test_a_run_without_arms_sent_nobody_knows_what(self) -> None:
        assert past(1, arms=()).sent == ""


class TestWhichRunsCount:
    def test_they_are_sorted_by_time(self) -> None:
        usable = usable_runs([past(3), past(1), past(2)], series=[SERIES], judged=None)

        assert [run.id for run in usable.runs] == ["run-1", "run-2", "run-3"]
        assert usable.note() is None

    def test_unfit_ones_are_left_out_and_counted(self) -> None:
        invalid = past(1, validity=a_validity(a_validity_check(ok=False)))
        silent = past(2, providers=(a_provider_result(a_model_result(requests=some_requests(failed=300))),))
        other = past(3, providers=(a_provider_result(a_model_result(id="gpt-other")),))
        usable = usable_runs(
            [invalid, silent, other, past(4), past(4), past(5)], series=[SERIES], judged=Judged.of(stored(5))
        )

        assert [run.id for run in usable.runs] == ["run-4"]
        assert usable.left_out == {
            "invalid": 1,
            "without a success": 1,
            "of other models": 1,
            "stored twice": 1,
            "the run itself": 1,
        }
        assert usable.note() == (
            "Of the stored runs, 1 counts; left out: 1 invalid, 1 without a success, 1 of other models, "
            "1 stored twice, 1 the run itself."
        )

    def test_the_newest_one_says_what_the_history_is_about(self) -> None:
        runs = [past(number, arms=(an_arm(requests_hash="old" if number < 3 else "new"),)) for number in range(5)]
        usable = usable_runs(runs, series=[SERIES], judged=None)

        assert [run.id for run in usable.runs] == ["run-3", "run-4"]
        assert usable.left_out == {OTHER_REQUESTS: 3}

    def test_what_another_tool_sent_is_known_by_its_models(self) -> None:
        arms = [(an_arm(requests_hash=str(number), models=("m",)),) for number in range(3)]
        runs = [past(number, arms=arms[number], transport="import: llmperf") for number in range(3)]

        assert len(usable_runs(runs, series=[SERIES], judged=None).runs) == 3

    def test_old_ones_say_little(self) -> None:
        runs = [past(number) for number in range(MOST_RUNS + 2)]
        usable = usable_runs(runs, series=[SERIES], judged=None)

        assert [run.id for run in usable.runs] == [f"run-{number}" for number in range(2, MOST_RUNS + 2)]
        assert usable.left_out == {TOO_OLD: 2}

    def test_a_run_is_not_its_own_baseline(self) -> None:
        usable = usable_runs([past(1)], series=[SERIES], judged=Judged.of(stored(1)))

        assert (usable.runs, usable.left_out) == ((), {"the run itself": 1})

    def test_what_was_made_later_is_no_history(self) -> None:
        usable = usable_runs([past(1), past(9)], series=[SERIES], judged=Judged.of(stored(5)))

        assert [run.id for run in usable.runs] == ["run-1"]
        assert usable.left_out == {"made after this run": 1}

    def test_a_start_that_nobody_can_read_leaves_nothing_out(self) -> None:
        undated = Judged(id="now", started=-math.inf)

        assert len(usable_runs([past(1), past(9)], series=[SERIES], judged=undated).runs) == 2

    def test_prompts_that_only_one_arm_has_were_not_sent(self) -> None:
        alone = Uncovered(prompt_id="new", arm=Arm.CANDIDATE)
        runs = [past(0), past(1, uncovered=(alone,)), past(2, uncovered=(alone.model_copy(update={"arm": Arm.BASE}),))]

        assert runs[0].sent == runs[2].sent != runs[1].sent

    def test_nothing_stored_leaves_nothing(self) -> None:
        usable = usable_runs([], series=[SERIES], judged=None)

        assert (usable.runs, usable.note()) == ((), None)
