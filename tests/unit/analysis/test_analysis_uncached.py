"""A run without reusable prefixes says nothing about caches, wherever caches are spoken of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lens_gate.analysis.analyze import analyze
from lens_gate.analysis.doctor import diagnose
from lens_gate.analysis.rules import rules_of
from lens_gate.analysis.uncached import NOT_COVERED, NOTE, kept_ranking, silent_of_cache
from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.assemble import samples_of
from lens_gate.artifacts.doctor import DoctorReport
from lens_gate.artifacts.run import Run
from lens_gate.config.model import Regression
from lens_gate.reports.covering import COVERED_WITHOUT_NONCE, gaps
from lens_gate.reports.view import run_view, view
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Outcome, Remedy
from tests.builders import PROVENANCE, a_duet_run, a_pair, a_plan, a_run, a_verdict, an_analysis
from tests.comparisons import a_ranked_metric, a_ranking


def a_duet(nonce: str, *, cached: tuple[int, int] = (400, 400)) -> Run:
    """200 equal pairs but for the cached tokens of base and candidate."""
    pairs = [a_pair(number) for number in range(200)]
    rows = [
        replace(one, input_tokens=1000, cached_tokens=tokens)
        for pair in pairs
        for one, tokens in zip(pair, cached, strict=True)
    ]
    return a_duet_run(rows, plan=a_plan(nonce=nonce))


def diagnosed(run: Run) -> DoctorReport:
    return diagnose(
        run,
        samples_of(run, lambda _: b""),
        rules_of(Regression()),
        source="run.json",
        configured_pairs=None,
        limit_ns=6e10,
    )


def analyzed(run: Run) -> Analysis:
    return analyze(
        run,
        samples_of(run, lambda _: b""),
        baseline=None,
        regression=Regression(),
        request_timeout_s=60.0,
        provenance=PROVENANCE,
    )


def about_the_cache(analysis: Analysis) -> list[Outcome]:
    return [one.outcome for one in analysis.findings if one.hypothesis is Hypothesis.CACHED_SHARE]


@pytest.mark.parametrize("nonce", ["none", "end"])
def test_elsewhere_the_cache_is_judged(nonce: str) -> None:
    analysis = analyzed(a_duet(nonce, cached=(900, 0)))
    assert about_the_cache(analysis) == [Outcome.REGRESSION]
    assert analysis.regression.verdict is Outcome.REGRESSION


def test_with_a_nonce_at_the_start_the_cache_is_not_judged_and_not_covered() -> None:
    analysis = analyzed(a_duet("start", cached=(900, 0)))
    assert about_the_cache(analysis) == []
    assert analysis.regression.verdict is not Outcome.REGRESSION
    (row,) = analysis.coverage
    assert [text for text in row.not_covered if text.startswith("cached_share")] == [NOT_COVERED]
    (told,) = [text for gap in gaps(analysis, {}) for text in gap.texts if "cache" in text]
    assert row.covered_by[row.not_covered.index(NOT_COVERED)].remedy is Remedy.NO_NONCE
    assert "cache effects are not covered" in told


def test_a_run_and_its_verdict_say_so_in_the_first_lines() -> None:
    run = a_run(plan=a_plan(nonce="start"))
    assert analyzed(run).nonce == "start"
    said = f"{NOTE} {COVERED_WITHOUT_NONCE}"
    assert said in run_view(run).notes
    assert said not in run_view(a_run()).notes
    assert said in view(a_verdict(an_analysis(nonce="start"))).caveats
    assert said not in view(a_verdict(an_analysis(nonce="end"))).caveats


def test_an_order_of_models_leaves_the_cache_out() -> None:
    cache = a_ranked_metric(metric="cached_share", hypothesis=Hypothesis.CACHED_SHARE)
    times = a_ranked_metric()
    kept = kept_ranking(a_ranking(times, cache))
    assert kept is not None
    assert kept.metrics == (times,)
    assert NOTE in kept.notes
    assert kept_ranking(None) is None


@pytest.mark.parametrize(("nonce", "expected"), [("none", 40.0), ("start", None)])
def test_a_diagnosis_says_nothing_of_what_the_second_slot_read_from_the_cache(
    nonce: str, expected: float | None
) -> None:
    report = diagnosed(a_duet(nonce))
    (slot,) = [one.slot for one in report.series if one.slot is not None]
    assert (slot.cached_first, slot.cached_second) == (expected, expected)


def test_without_pairs_there_is_no_second_slot_to_be_silent_about() -> None:
    diagnosis = diagnosed(a_duet("none")).series[0].model_copy(update={"slot": None})
    assert silent_of_cache(diagnosis) is diagnosis
