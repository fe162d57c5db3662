"""Which stored run is the baseline, and what is told where none is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.baselines.choice import (
    AtCommit,
    Choice,
    Kept,
    Named,
    NewestGood,
    OnBranch,
    Rolling,
    choose,
    over,
    stranger,
)
from lens_gate.baselines.comparable import Subject
from lens_gate.baselines.fitness import Standards
from lens_gate.vocabulary.index import Acceptance
from lens_gate.vocabulary.stored_runs import Aspect
from tests.unit.baselines.baseline_entries import a_guard, a_row, a_series, an_entry, kept

ACCEPTED = Acceptance(by="ada", reason="a larger model", at="2026-03-05T11:00:00Z", expires="2026-04-30T00:00:00Z")
NOT_GOOD = (
    kept(9, outcome="regression"),
    kept(8, row=a_row(8, event="pull_request")),
    kept(7, outcome="not_measured"),
    kept(6, row=a_row(6, defect="the run is not valid (late)")),
)


def test_the_newest_good_run_is_taken_and_others_are_passed_over() -> None:
    best = kept(5)
    assert choose([*NOT_GOOD, best, kept(4)], NewestGood(), a_guard()).baseline == best
    assert choose([*NOT_GOOD, best, kept(4)], Rolling(20), a_guard()).baseline == best


def test_what_was_made_after_the_judged_run_is_passed_over_but_where_it_was_named() -> None:
    guard = a_guard(latest=kept(5).row.start_time)
    assert choose([kept(30), kept(6), kept(5), kept(4)], NewestGood(), guard).baseline == kept(5)
    assert choose([kept(30)], Rolling(5), guard).reasons == (
        "It was made after this run, or by a clock that is ahead.",
    )
    assert choose([kept(30)], Named("main"), guard).baseline == kept(30)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"region": "us"}, "from another region"),
        ({"platform": "Toaster"}, "from another kind of machine"),
        ({"endpoints": ("https://other",)}, "of another endpoint"),
        ({"series": (a_series(model="x"),)}, "of other models"),
        ({"series": (a_series(returned=("other",)),)}, "answered by another version of a model"),
        ({"series": (a_series(cached_percent=90.0),)}, "with another share from the cache"),
        ({"sent": "other"}, None),
        ({"event": "pull_request"}, None),
    ],
)
def test_what_cannot_be_compared_with_the_baseline_is_none_of_its_history(
    changes: dict[str, Any], reason: str | None
) -> None:
    baseline = kept(9)
    like = a_guard(subject=Subject.of(baseline.entry, baseline.row))
    other = kept(5, row=a_row(5, **changes))
    assert stranger(other, Named("main"), like) == reason
    assert stranger(other, Named("main"), replace(like, must_match=())) is None
    assert stranger(kept(5), Rolling(3), like) is None


@pytest.mark.parametrize("one", NOT_GOOD)
def test_of_good_runs_alone_no_other_is_part_and_elsewhere_a_slow_day_is_a_day(one: Kept) -> None:
    assert stranger(one, Rolling(20), a_guard()) == "not good"
    assert stranger(one, Named("main"), a_guard()) is None


@pytest.mark.parametrize(
    ("expires", "ended"),
    [("2026-01-01", True), ("2027-01-01", False), ("2026-04-30T00:00:00", False), ("some day", True), (None, False)],
)
def test_an_end_without_a_zone_or_that_nobody_can_read_ends_an_acceptance_and_no_command(
    expires: str | None, *, ended: bool
) -> None:
    found = choose([kept(5, acceptance=replace(ACCEPTED, expires=expires))], Named("main"), a_guard())
    assert (found.baseline is None) == ended


def test_a_run_that_was_interrupted_is_passed_over() -> None:
    broken = kept(9, row=a_row(9, ending="interrupted"))
    assert choose([broken, kept(5)], NewestGood(), a_guard()).baseline == kept(5)
    assert choose([broken], NewestGood(), a_guard()).reasons == ("It stopped before its end (interrupted).",)


def test_a_run_of_uncommitted_changes_answers_for_no_commit() -> None:
    half_done = kept(9, commit="c", row=a_row(9, uncommitted=True))
    found = choose([half_done], AtCommit(("c",), "the tag v1"), a_guard())
    assert found.reasons == ("It measured changes that nobody has committed, and answers for no commit.",)


def test_where_none_is_good_each_reason_is_told_once() -> None:
    found = choose([*NOT_GOOD, kept(3, outcome="regression")], NewestGood(), a_guard())
    assert found.baseline is None
    assert found.reasons == (
        "It failed its gate. (2 stored runs)",
        "It was measured for a change that was not merged then.",
        "What counts in it was not measured.",
        "It cannot be trusted: the run is not valid (late).",
    )


def test_an_accepted_run_is_good_until_its_acceptance_ends() -> None:
    accepted = kept(5, outcome="regression", acceptance=ACCEPTED)
    assert choose([accepted], NewestGood(), a_guard()).baseline == accepted
    ended = kept(5, acceptance=Acceptance(by="ada", reason="x", at="x", expires="2026-03-10T00:00:00Z"))
    assert choose([ended], Named("main"), a_guard()).reasons == ("ada accepted it until 2026-03-10, which is over.",)
    endless = kept(5, acceptance=Acceptance(by="ada", reason="x", at="x"))
    assert choose([endless], Named("main"), a_guard()).baseline == endless


def test_an_acceptance_without_an_end_is_never_over() -> None:
    assert not over(Acceptance(by="ada", reason="x", at="x"), datetime(9999, 12, 31, tzinfo=UTC))


def test_a_branch_has_its_own_runs() -> None:
    other = kept(9, branch="next")
    assert choose([other, kept(5)], OnBranch("main"), a_guard()).baseline == kept(5)
    assert choose([other], OnBranch("main"), a_guard()).reasons == ("No run of the branch main is stored.",)


def test_of_the_commits_before_a_change_the_nearest_with_a_run_counts() -> None:
    commits = ("d", "c", "b")
    runs = [kept(9, commit="z"), kept(8, commit="b"), kept(7, commit="c"), kept(6, commit="c"), kept(5, commit=None)]
    assert choose(runs, AtCommit(commits, "the merge base"), a_guard()).baseline == kept(7, commit="c")
    assert choose(runs, AtCommit(("x",), "the tag v1"), a_guard()).reasons == ("No run of the tag v1 is stored.",)


def test_a_run_of_a_pull_request_of_that_commit_is_passed_over() -> None:
    runs = [kept(9, row=a_row(9, event="pull_request"), commit="c"), kept(5, commit="b")]
    assert choose(runs, AtCommit(("c", "b"), "the merge base"), a_guard()).baseline == kept(5, commit="b")


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (Named("main"), "No baseline main was saved yet."),
        (NewestGood(), "No run is stored."),
        (Rolling(5), "No run is stored."),
    ],
)
def test_an_empty_store_says_what_is_missing(choice: Choice, sentence: str) -> None:
    assert choose([], choice, a_guard()).reasons == (sentence,)


def test_a_named_baseline_is_not_judged_a_second_time() -> None:
    named = kept(5, outcome="regression", row=a_row(5, event="pull_request"))
    assert choose([named], Named("main"), a_guard()).baseline == named


def test_a_run_that_cannot_be_compared_is_refused_and_an_older_one_is_taken() -> None:
    now = Subject.of(an_entry(), a_row())
    other = kept(9, row=a_row(9, region="us", series=(a_series(cached_percent=90.0),)))
    assert choose([other, kept(5)], NewestGood(), a_guard(subject=now)).baseline == kept(5)
    (reason,) = choose([other], NewestGood(), a_guard(subject=now)).reasons
    assert "the region us" in reason
    assert "90 %" in reason


def test_other_prompts_are_told_and_refused_only_where_they_must_match() -> None:
    now = Subject.of(an_entry(), a_row(sent="other"))
    assert choose([kept(5)], NewestGood(), a_guard(subject=now)).remarks == (
        "It sent other requests: prompts, parameters, models or address differ.",
    )
    strict = a_guard(subject=now, must_match=(Aspect.PROMPTS,))
    assert choose([kept(5)], NewestGood(), strict).baseline is None


def test_a_small_run_and_one_of_a_newer_format_are_refused() -> None:
    small = a_guard(standards=Standards(min_requests=1000))
    assert choose([kept(5)], Named("main"), small).reasons == (
        "It holds 300 measured requests of openai/gpt-small, and a baseline needs 1000.",
    )
    assert choose([kept(5, schema_version=2)], Named("main"), a_guard()).baseline is None


RUNS = st.lists(
    st.builds(
        lambda day, outcome, event, branch: kept(day, outcome=outcome, branch=branch, row=a_row(day, event=event)),
        st.integers(1, 28),
        st.sampled_from([None, "pass", "regression", "inconclusive", "not_measured"]),
        st.sampled_from([None, "push", "pull_request"]),
        st.sampled_from(["main", "next"]),
    ),
    max_size=8,
)


@given(RUNS)
def test_no_choice_ever_takes_a_run_that_failed_or_was_not_merged(runs: list[Kept]) -> None:
    for choice in (NewestGood(), Rolling(3), OnBranch("main"), AtCommit(("000000000003", "000000000002"), "x")):
        found = choose(runs, choice, a_guard())
        if found.baseline is None:
            assert found.reasons
        else:
            assert found.baseline.entry.outcome not in {"regression", "not_measured"}
            assert found.baseline.row.event != "pull_request"
