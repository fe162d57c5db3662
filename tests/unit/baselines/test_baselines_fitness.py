"""What may become a baseline, and what is told of each run that may not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.baselines.fitness import (
    ACCEPTABLE,
    NO_STANDARDS,
    Offer,
    Refusal,
    Standards,
    Unfit,
    is_of_change,
    refusals,
    standing,
)
from lens_gate.vocabulary.index import IndexEntry
from lens_gate.vocabulary.outcomes import Ending, Outcome
from lens_gate.vocabulary.stored_runs import Aspect
from tests.unit.baselines.baseline_entries import a_row, a_series, an_entry


def offered(entry: IndexEntry, standards: Standards = NO_STANDARDS, **changes: Any) -> tuple[Refusal, ...]:
    assert entry.run is not None
    return refusals(Offer(entry=entry, row=entry.run, **changes), standards)


def reasons(found: tuple[Refusal, ...]) -> list[Unfit]:
    return [one.why for one in found]


def test_a_good_run_of_the_same_requests_may_become_the_baseline() -> None:
    assert offered(an_entry(2, outcome="pass"), current=an_entry(1)) == ()
    assert offered(an_entry(2), event="push") == ()
    assert offered(an_entry(2, outcome="inconclusive"), event="schedule") == ()


@pytest.mark.parametrize(
    ("entry", "why", "sentence"),
    [
        (an_entry(outcome="regression"), Unfit.REGRESSED, "failed its gate"),
        (an_entry(outcome="not_measured"), Unfit.INVALID, "what counts was not measured"),
        (an_entry(row=a_row(defect="the run is not valid (late)")), Unfit.INVALID, "not valid \\(late\\)"),
        (an_entry(row=a_row(event="pull_request")), Unfit.UNMERGED, "the pipeline ran for pull_request"),
        (an_entry(row=a_row(uncommitted=True)), Unfit.UNCOMMITTED, "nobody has committed"),
        (an_entry(row=a_row(event="merge_request_event")), Unfit.UNMERGED, "nobody has merged"),
        (an_entry(row=a_row(sent="other")), Unfit.OTHER_REQUESTS, "sent other requests"),
        (
            an_entry(row=a_row(series=(a_series(successful=0, failed=300),))),
            Unfit.UNANSWERED,
            "No request succeeded of openai/gpt-small",
        ),
    ],
)
def test_what_would_poison_a_baseline_is_refused_with_its_reason(entry: IndexEntry, why: Unfit, sentence: str) -> None:
    (found,) = offered(entry, current=an_entry(1))
    assert found.why is why
    assert re.search(sentence, found.sentence)


def test_neither_the_run_nor_the_pipeline_that_offers_it_may_be_of_a_change() -> None:
    assert reasons(offered(an_entry(), event="pull_request")) == [Unfit.UNMERGED]
    assert reasons(offered(an_entry(row=a_row(event="push")), event="pull_request")) == [Unfit.UNMERGED]
    assert reasons(offered(an_entry(row=a_row(event="pull_request")), event="push")) == [Unfit.UNMERGED]
    assert offered(an_entry(row=a_row(event="push")), event="schedule") == ()


def test_a_baseline_of_a_branch_takes_runs_of_that_branch() -> None:
    assert offered(an_entry(), branch="main") == ()
    (found,) = offered(an_entry(branch=None), branch="main")
    assert found == Refusal(Unfit.OTHER_BRANCH, "It measured no branch, and the baseline is one of main.")


def test_what_cannot_be_compared_with_the_current_baseline_needs_a_name() -> None:
    elsewhere = an_entry(2, row=a_row(2, platform="Linux x86_64, 2 CPUs", region="us"))
    region, runner = offered(elsewhere, current=an_entry(1))
    assert {region.why, runner.why} == {Unfit.NOT_COMPARABLE}
    assert Unfit.NOT_COMPARABLE in ACCEPTABLE
    assert "from the region eu, and this run from us" in region.sentence
    assert reasons(offered(elsewhere, Standards(must_match={Aspect.RUNNER}), current=an_entry(1))) == [runner.why]
    assert offered(elsewhere) == ()


def test_a_verdict_on_something_else_is_no_reason_to_replace_a_baseline() -> None:
    assert offered(an_entry(2), compared=False) == ()
    assert reasons(offered(an_entry(2), current=an_entry(1), compared=False)) == [Unfit.NOT_COMPARED]


@pytest.mark.parametrize("ending", [None, *Ending])
def test_only_a_run_that_came_to_its_end_may_become_a_baseline(ending: Ending | None) -> None:
    found = offered(an_entry(row=a_row(ending=ending and ending.value)))
    whole = ending in {None, Ending.COMPLETE, Ending.DECIDED}
    assert reasons(found) == ([] if whole else [Unfit.UNFINISHED])


def test_a_first_baseline_may_have_sent_anything() -> None:
    assert offered(an_entry(row=a_row(sent="other"))) == ()


def test_a_current_baseline_without_a_row_says_nothing_of_what_it_sent() -> None:
    current = IndexEntry(kind="run", id="x", name="x", created_at="x", schema_version=1)
    assert offered(an_entry(), current=current) == ()


def test_size_and_errors_are_held_against_the_standards() -> None:
    entry = an_entry(row=a_row(series=(a_series(), a_series(model="gpt-large", successful=290, failed=10))))
    assert offered(entry, Standards(min_requests=300, max_error_rate=3.4)) == ()
    *small, faulty = offered(entry, Standards(min_requests=301, max_error_rate=3.0))
    assert [one.sentence for one in small] == [
        f"It holds 300 measured requests of openai/{model}, and a baseline needs 301."
        for model in ("gpt-small", "gpt-large")
    ]
    assert faulty == Refusal(Unfit.TOO_FAULTY, "3.33 % of its requests to openai/gpt-large failed, and 3 % may.")


def test_nothing_measured_has_no_error_rate() -> None:
    entry = an_entry(row=a_row(series=()))
    assert offered(entry, Standards(max_error_rate=1.0)) == ()
    assert reasons(offered(entry, Standards(min_requests=1))) == [Unfit.TOO_SMALL]


def test_whoever_accepts_a_regression_does_not_accept_a_run_that_is_not_valid() -> None:
    found = [Refusal(why, why.value) for why in (Unfit.INVALID, Unfit.REGRESSED)]
    assert standing(found, accepted=False) == tuple(found)
    assert reasons(standing(found, accepted=True)) == [Unfit.INVALID]


@given(st.lists(st.sampled_from(Unfit)), st.booleans())
def test_acceptance_takes_over_what_can_be_taken_over_and_nothing_else(
    whys: list[Unfit],
    accepted: bool,
) -> None:
    found = [Refusal(why, why.value) for why in whys]
    left = standing(found, accepted=accepted)
    assert [one.why for one in left] == [why for why in whys if not (accepted and why in ACCEPTABLE)]
    assert Unfit.INVALID not in ACCEPTABLE
    assert Unfit.UNMERGED not in ACCEPTABLE


@pytest.mark.parametrize(
    "event",
    ["pull_request_target", "pull_request_review_comment", "issue_comment", "workflow_run", "merge_group", "new_event"],
)
def test_an_event_that_may_be_about_a_change_is_of_a_change(event: str) -> None:
    assert is_of_change(event)


@pytest.mark.parametrize("event", ["push", "schedule", "workflow_dispatch", "web", None])
def test_an_event_of_a_branch_or_of_nothing_is_not(event: str | None) -> None:
    assert not is_of_change(event)


def test_every_outcome_but_a_failure_is_let_through() -> None:
    through = [outcome for outcome in Outcome if not offered(an_entry(outcome=outcome.value))]
    assert set(Outcome) - set(through) == {Outcome.REGRESSION, Outcome.NOT_MEASURED}
