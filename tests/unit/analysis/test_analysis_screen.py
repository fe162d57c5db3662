from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lens_gate.analysis.foretold import FEWEST_REQUESTS, Foretold, foretell
from lens_gate.analysis.past import Middle, PastSeries
from lens_gate.analysis.rules import rules_of
from lens_gate.analysis.screen import Screening, judge_foretold, screen
from lens_gate.analysis.stored import StoredSeries, controlled_alone, match_series, with_control
from lens_gate.artifacts.analysis import Finding
from lens_gate.artifacts.samples import Samples
from lens_gate.config.model import Regression, ThresholdMethod
from lens_gate.stats.history import forecast
from lens_gate.stats.levels import Level
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.requests import TokenSource
from tests.builders import MS, SERIES, a_failed_sample, a_sample
from tests.saying import said

QUESTIONS = (Hypothesis.TTFT, Hypothesis.PER_TOKEN, Hypothesis.TOTAL)


def rows(count: int = 100, *, slower: float = 1.0, seed: int = 1, **changes: Any) -> Samples:
    """Return requests whose times scatter by 10 %, one a second."""
    scale = np.random.default_rng(seed).lognormal(0, 0.1, count) * slower
    return Samples.of(
        a_sample(
            index=n,
            intended_ns=n * 1000 * MS,
            first_token_ns=n * 1000 * MS + round(500 * MS * factor),
            first_visible_ns=n * 1000 * MS + round(500 * MS * factor),
            last_token_ns=n * 1000 * MS + round(1500 * MS * factor),
            end_ns=n * 1000 * MS + round(1510 * MS * factor),
            **changes,
        )
        for n, factor in enumerate(scale.tolist())
    )


def a_past(factor: float = 1.0, **changes: Any) -> PastSeries:
    """Return a stored run of 100 requests like those of `rows`."""
    medians = {Hypothesis.TTFT: 500.0, Hypothesis.PER_TOKEN: 1000 / 49, Hypothesis.TOTAL: 1510.0}
    middles = {
        hypothesis: Middle(count=100, median_ms=factor * median, p75_ms=1.07 * factor * median, inflation=1.0)
        for hypothesis, median in medians.items()
    }
    return PastSeries(**{"middles": middles, "cached_percent": 0.0, "counted_by_server": True, **changes})


def pasts(runs: int, *, drift: float = 0.03, seed: int = 5) -> tuple[PastSeries, ...]:
    days = np.random.default_rng(seed).normal(0, drift, runs)
    return tuple(a_past(math.exp(day)) for day in days.tolist())


def series(candidate: Samples, *, base: Samples | None = None, past: Sequence[PastSeries] = ()) -> StoredSeries:
    (one,) = match_series(candidate, rows(seed=2) if base is None else base, earlier={SERIES: tuple(past)})
    return one


def screening(**rules: Any) -> Screening:
    regression = Regression(**rules)
    return Screening(rules=rules_of(regression), disaster_percent=regression.disaster_percent)


def screened(one: StoredSeries, **rules: Any) -> dict[Hypothesis | None, Finding]:
    return {finding.hypothesis: finding for finding in screen([one], screening(**rules))}


class TestWhatIsForetold:
    def test_three_medians_from_all_stored_runs(self) -> None:
        told = {one.hypothesis: one for one in foretell(series(rows(), past=pasts(7)))}

        assert set(told) == set(QUESTIONS)
        assert {one.runs for one in told.values()} == {8}
        assert math.exp(told[Hypothesis.TTFT].expected.quantile(0.5)) == pytest.approx(500, rel=0.05)
        assert math.exp(told[Hypothesis.TOTAL].candidate.log_value) == pytest.approx(1510, rel=0.05)

    def test_requests_count_in_the_order_in_which_they_were_due(self) -> None:
        """Load that rises all through the run is a slow wave, however the requests are listed."""
        rising = rows(100).where(np.argsort(rows(100).numbers["end_ns"] - rows(100).numbers["intended_ns"]))
        numbers = dict(rising.numbers)
        shift = np.arange(100) * 1000 * MS - numbers["intended_ns"]
        for name in ("intended_ns", "first_token_ns", "first_visible_ns", "last_token_ns", "end_ns"):
            numbers[name] = numbers[name] + shift
        rising = Samples(numbers=numbers, texts=rising.texts)
        shuffled = rising.where(np.random.default_rng(3).permutation(100))

        (waves, *_), (shuffled_waves, *_), (calm, *_) = (foretell(series(one)) for one in (rising, shuffled, rows(100)))

        assert waves.candidate.variance == pytest.approx(shuffled_waves.candidate.variance)
        assert waves.candidate.variance > 3 * calm.candidate.variance

    def test_waves_that_stored_runs_tell_of_widen_all(self) -> None:
        calm, wavy = a_past(), a_past()
        wavy = replace(wavy, middles={name: replace(one, inflation=9.0) for name, one in wavy.middles.items()})
        silent = replace(calm, middles={name: replace(one, inflation=None) for name, one in calm.middles.items()})

        variances = [foretell(series(rows(), past=[one] * 3))[0].candidate.variance for one in (calm, silent, wavy)]

        assert variances[0] == pytest.approx(variances[1], rel=0.5)
        assert variances[2] > 3 * variances[0]

    def test_runs_with_few_requests_or_another_cache_or_counter_do_not_count(self) -> None:
        few = replace(a_past(), middles={name: replace(one, count=9) for name, one in a_past().middles.items()})
        unlike = [few, a_past(cached_percent=50.0), a_past(counted_by_server=False), replace(a_past(), middles={})]
        told = {one.hypothesis: one.runs for one in foretell(series(rows(), past=unlike))}

        # The base is the newest one. The cache has no say in the pace, nor the counter in the time of the answer.
        assert told == {Hypothesis.TTFT: 2, Hypothesis.PER_TOKEN: 2, Hypothesis.TOTAL: 2}

    def test_a_median_between_two_peaks_is_as_unsure_in_stored_runs(self) -> None:
        """Half of the first tokens come at once, from a cache; which half the median falls into is chance."""
        peaks = rows(100)
        late = np.where(np.arange(100) % 2 == 0, 0, 700 * MS)
        shifted = {name: peaks.numbers[name] + late for name in ("first_token_ns", "first_visible_ns")}
        mixed = Samples(numbers={**peaks.numbers, **shifted}, texts=peaks.texts)
        (two, *_), (one, *_) = (foretell(series(samples, past=pasts(3))) for samples in (mixed, rows()))

        assert two.noise > 10 * one.noise

    def test_few_requests_then_or_now_foretell_nothing(self) -> None:
        few = rows(FEWEST_REQUESTS - 1)

        assert foretell(series(few)) == ()
        assert foretell(series(rows(), base=few)) == ()


class TestOutcomes:
    def test_a_change_beyond_all_drift_is_a_regression(self) -> None:
        found = screened(series(rows(slower=1.5), past=pasts(19)))

        assert {finding.outcome for finding in found.values()} == {Outcome.REGRESSION}
        ttft = found[Hypothesis.TTFT]
        assert ttft.established
        assert ttft.metric == "median_ttft"
        assert ttft.effect.estimate == pytest.approx(50, abs=5)
        assert ttft.effect.lower is not None
        assert 0 < ttft.effect.lower < 40
        assert "which drift does not explain" in said(ttft)
        assert "20 stored runs" in said(ttft)

    def test_no_change_passes_where_the_history_is_quiet(self) -> None:
        found = screened(series(rows(), past=pasts(19, drift=0.01)))

        assert {finding.outcome for finding in found.values()} == {Outcome.PASS}
        assert "below the 10 % that matter" in said(found[Hypothesis.TTFT])

    def test_a_faster_run_is_not_worse_at_all(self) -> None:
        found = screened(series(rows(slower=0.7), past=pasts(9)))

        assert said(found[Hypothesis.TOTAL]).startswith("Not worse at all")

    def test_what_drift_may_explain_is_inconclusive_and_says_what_could_be_seen(self) -> None:
        one = series(rows(slower=1.15), past=pasts(5, drift=0.05))
        finding = screen([one], screening())[0]

        assert finding.outcome is Outcome.INCONCLUSIVE
        assert finding.history is not None
        assert f"A change of {finding.history.smallest_visible_percent:.0f} % would be found in 95" in said(finding)
        assert said(finding).endswith("To decide, measure both versions at once.")

    def test_a_single_stored_run_leans_on_what_is_usual(self) -> None:
        finding = screened(series(rows(slower=1.3)))[Hypothesis.TTFT]

        assert finding.outcome is Outcome.INCONCLUSIVE
        assert finding.history is not None
        assert finding.history.runs == 1
        assert finding.history.prior_weight == pytest.approx(1)
        assert "1 stored run; 3.0 % from run to run is what is usual." in said(finding)

    def test_the_history_says_how_much_of_it_is_history(self) -> None:
        finding = screened(series(rows(), past=pasts(11)))[Hypothesis.TTFT]

        assert finding.history is not None
        usual = round(100 * finding.history.prior_weight)
        assert f"({100 - usual} % from this history, {usual} % from what is usual)" in said(finding)
        assert 0 < usual < 50

    def test_a_disaster_is_a_regression_even_with_one_stored_run(self) -> None:
        found = screened(series(rows(slower=3.0)))

        assert {finding.outcome for finding in found.values()} == {Outcome.REGRESSION}
        assert found[Hypothesis.TTFT].effect.lower == pytest.approx(180, abs=20)
        assert "beyond the 100 % that are a regression whatever the day" in said(found[Hypothesis.TTFT])

    def test_what_is_a_disaster_can_be_configured(self) -> None:
        one = series(rows(slower=1.6))

        assert {f.outcome for f in screened(one).values()} == {Outcome.INCONCLUSIVE}
        assert {f.outcome for f in screened(one, disaster_percent=40).values()} == {Outcome.REGRESSION}

    def test_a_small_change_that_is_established_is_not_one_that_matters(self) -> None:
        one = series(rows(400, slower=1.09), base=rows(400, seed=2), past=pasts(19, drift=0.002))
        noisier = ThresholdMethod(type="threshold", metric="mean_ttft", threshold_percent=30)

        large = screened(one, methods=(noisier,))[Hypothesis.TTFT]
        assert (large.established, large.outcome) == (True, Outcome.PASS)
        assert said(large).startswith("A real change of +")
        small = screened(one, methods=(noisier,), gate_small_effects=True)[Hypothesis.TTFT]
        assert small.outcome is Outcome.REGRESSION
        assert large.history is not None
        assert small.history is not None
        assert small.history.smallest_visible_percent < large.history.smallest_visible_percent

    def test_strict_rules_ask_for_the_whole_interval(self) -> None:
        one = series(rows(slower=1.4), past=pasts(19))
        method = ThresholdMethod(type="threshold", metric="mean_ttft", threshold_percent=35)

        assert screened(one, methods=(method,))[Hypothesis.TTFT].outcome is Outcome.REGRESSION
        strict = screened(one, methods=(method,), strict=True)[Hypothesis.TTFT]
        assert strict.outcome is Outcome.INCONCLUSIVE
        assert strict.established
        assert "which drift does not explain, but not surely beyond the 35 % that matter" in said(strict)
        assert strict.history is not None
        assert strict.history.smallest_visible_percent > 40

    def test_another_cached_share_is_not_compared(self) -> None:
        found = screened(series(rows(slower=3.0), base=rows(seed=2, cached_tokens=90)))

        assert found[Hypothesis.TTFT].outcome is Outcome.INCONCLUSIVE
        assert not found[Hypothesis.TTFT].established
        assert "90.0 % of the input from its cache then and 0.0 % now" in said(found[Hypothesis.TTFT])
        assert found[Hypothesis.PER_TOKEN].outcome is Outcome.REGRESSION

    def test_tokens_and_chunks_are_not_compared(self) -> None:
        found = screened(series(rows(slower=3.0), base=rows(seed=2, token_source=TokenSource.CHUNKS)))

        assert "counted the tokens of only one" in said(found[Hypothesis.PER_TOKEN])
        assert found[Hypothesis.TTFT].outcome is Outcome.REGRESSION

    def test_few_or_no_successes_are_not_screened(self) -> None:
        few, none = rows(9), Samples.of([a_failed_sample(input_tokens=None)] * 9)

        (finding,) = screened(series(few)).values()
        assert (finding.outcome, "9 requests succeeded now" in said(finding)) == (Outcome.INCONCLUSIVE, True)
        (finding,) = screened(series(none)).values()
        assert (finding.outcome, "0 requests succeeded now, 100 in the stored" in said(finding)) == (
            Outcome.NOT_MEASURED,
            True,
        )

    def test_what_is_not_streamed_any_more_is_unknown(self) -> None:
        whole = rows()
        unknown = {name: np.full(len(whole), np.nan) for name in ("first_token_ns", "first_visible_ns")}
        mute = Samples(numbers={**whole.numbers, **unknown}, texts=whole.texts)
        found = screened(series(mute, past=pasts(9)))

        assert found[Hypothesis.TTFT].outcome is Outcome.INCONCLUSIVE
        assert "only one of the two runs has it" in said(found[Hypothesis.TTFT])
        assert found[Hypothesis.TOTAL].outcome is Outcome.PASS

    def test_where_many_fail_the_others_do_not_pass_and_may_regress(self) -> None:
        failed = [a_failed_sample(index=n, intended_ns=n * 1000 * MS) for n in range(30)]
        same, slow = (
            screened(series(Samples.concatenate([rows(slower=slower), Samples.of(failed)]), past=pasts(9)))
            for slower in (1.0, 2.0)
        )

        assert {f.outcome for f in same.values()} == {Outcome.INCONCLUSIVE}
        assert "23.1 % of this run's requests failed" in said(same[Hypothesis.TTFT])
        assert slow[Hypothesis.TTFT].outcome is Outcome.REGRESSION

    def test_one_failure_does_not_change_who_counted_the_tokens(self) -> None:
        failed = Samples.of([a_failed_sample(index=100, intended_ns=0, token_source=TokenSource.NONE)])
        found = screened(series(Samples.concatenate([rows(), failed]), past=pasts(9)))

        assert found[Hypothesis.PER_TOKEN].outcome is Outcome.PASS

    def test_nothing_to_judge_has_no_findings(self) -> None:
        assert judge_foretold([], screening()) == ()


class TestTheFamily:
    def test_more_models_make_each_one_harder_to_accuse(self) -> None:
        (told, *_) = foretell(series(rows(slower=1.25), past=pasts(19)))
        (alone,), (among, *_) = judge_foretold([told], screening()), judge_foretold([told] * 12, screening())

        assert alone.p_value == among.p_value
        assert alone.history is not None
        assert among.history is not None
        assert alone.history.smallest_visible_percent < among.history.smallest_visible_percent

    def test_the_smallest_visible_change_is_found_in_95_of_100_runs(self) -> None:
        (told, *_) = foretell(series(rows(), past=pasts(19)))
        (unchanged,) = judge_foretold([told], screening())
        assert unchanged.history is not None
        shift = math.log1p(unchanged.history.smallest_visible_percent / 100)
        found = [_found_after(told, quantile, shift) for quantile in (0.04, 0.06, 0.5, 0.99)]

        assert found == [False, True, True, True]


def _found_after(told: Foretold, quantile: float, shift: float) -> bool:
    """Whether a run with this luck is found to be slower by `shift`."""
    variance = told.candidate.variance
    level = Level(told.expected.quantile(quantile, variance=variance) + shift, variance)
    (finding,) = judge_foretold([replace(told, candidate=level)], screening())
    return finding.outcome is Outcome.REGRESSION


class TestAControl:
    def control(self, slower: float, count: int = 60) -> Samples:
        return rows(count, slower=slower, seed=9)

    def test_takes_the_day_out_of_the_change(self) -> None:
        """A day on which the provider is 30 % slower is no change of ours, and hides none."""
        alone = series(rows(slower=1.3), past=pasts(9))
        found = screened(with_control(alone, self.control(1.3)))[Hypothesis.TTFT]

        assert screened(alone)[Hypothesis.TTFT].effect.estimate == pytest.approx(30, abs=6)
        assert found.effect.estimate == pytest.approx(0, abs=6)
        assert found.history is not None
        assert found.history.control_requests == 60
        assert "60 control requests of today correct that." in said(found)

    def test_shows_smaller_changes(self) -> None:
        alone = series(rows(), past=pasts(4))
        without, within = (
            screened(one)[Hypothesis.TTFT].history for one in (alone, with_control(alone, self.control(1.0)))
        )

        assert without is not None
        assert within is not None
        assert within.smallest_visible_percent < 0.7 * without.smallest_visible_percent

    def test_of_too_few_requests_is_left_aside(self) -> None:
        (finding, *_) = screen([with_control(series(rows()), self.control(1.0, 9))], screening())

        assert finding.history is not None
        assert finding.history.control_requests == 0

    def test_alone_is_a_baseline_too(self) -> None:
        one = controlled_alone(series(rows(slower=1.5), base=self.control(1.0)))
        found = screened(one)[Hypothesis.TTFT]

        assert found.outcome is Outcome.REGRESSION
        assert found.method == "control of the same run"
        assert found.history is not None
        assert (found.history.runs, found.history.control_requests) == (0, 60)
        assert "60 control requests of the same run are all that there is to compare with" in said(found)

    def test_alone_of_too_few_requests_is_nothing(self) -> None:
        few = controlled_alone(series(rows(), base=self.control(1.0, 9)))

        assert foretell(few) == ()
        assert "9 in the control" in said(next(iter(screened(few).values())))

    def test_alone_shows_that_a_cache_is_read_no_more(self) -> None:
        cached = controlled_alone(series(rows(slower=2.0), base=rows(60, seed=9, cached_tokens=90)))

        assert screened(cached)[Hypothesis.TTFT].outcome is Outcome.REGRESSION

    def test_its_own_error_counts(self) -> None:
        alone = [controlled_alone(series(rows(), base=self.control(1.0, count))) for count in (10, 60)]
        few, many = (next(one for one in foretell(each) if one.hypothesis is Hypothesis.TTFT) for each in alone)

        assert few.noise > 2 * many.noise > 0

    def test_outweighs_the_history_on_a_wild_day(self) -> None:
        """A provider that is twice as slow today, beside a quiet history, is no change of ours."""
        quiet = series(rows(slower=1.6), past=pasts(9, drift=0.005))
        found = screened(with_control(quiet, self.control(1.6, 25)))

        assert found[Hypothesis.TTFT].effect.estimate == pytest.approx(0, abs=8)
        assert not found[Hypothesis.TTFT].established


def test_the_forecast_is_that_of_the_history() -> None:
    past = pasts(6)
    (told, *_) = foretell(series(rows(), past=past))
    levels = [Level(math.log(one.middles[Hypothesis.TTFT].median_ms), 1e-4) for one in (*past, a_past())]

    assert told.expected.quantile(0.5) == pytest.approx(forecast(levels).quantile(0.5), abs=0.01)
