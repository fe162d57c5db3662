"""What two stores know of one run, and which baseline came later: nothing that is known is forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.baselines.two_stores import Lead, agreed, joined, lead, tells_more
from lens_gate.vocabulary.index import Acceptance, IndexEntry, OpenCheck
from lens_gate.vocabulary.outcomes import Outcome
from tests.unit.baselines.baseline_entries import a_row, an_entry

outcomes = st.sampled_from([None, *(outcome.value for outcome in Outcome)])
acceptances = st.sampled_from([None, *(Acceptance(by=by, reason="r", at=f"2026-03-0{by}") for by in "123")])
checks = st.sampled_from([None, (), (OpenCheck(series="a/b", metric="mean_ttft", outcome="regression"),)])


@st.composite
def entries_of_a_run(draw: st.DrawFn) -> IndexEntry:
    """Draw what stores say of a run; only with an outcome are checks known."""
    outcome = draw(outcomes)
    return an_entry(outcome=outcome, open_checks=draw(checks) if outcome else None, acceptance=draw(acceptances))


entries = entries_of_a_run()


@given(one=entries, other=entries)
def test_what_either_store_knows_is_known_and_a_failure_is_never_forgotten(one: IndexEntry, other: IndexEntry) -> None:
    found, back = agreed(one, other), agreed(other, one)
    assert {found.outcome, back.outcome} <= {one.outcome, other.outcome}
    assert (found.outcome is None) == (one.outcome is None and other.outcome is None)
    if Outcome.REGRESSION in {one.outcome, other.outcome}:
        assert found.outcome == back.outcome == Outcome.REGRESSION
    known = [
        each.open_checks for each in (other, one) if each.outcome == found.outcome and each.open_checks is not None
    ]
    assert found.open_checks == (known[0] if known else None)
    accepted = [each.acceptance for each in (one, other) if each.acceptance]
    assert found.acceptance == back.acceptance == max(accepted, key=lambda each: each.at, default=None)
    assert agreed(found, other) == found


@given(one=entries, other=entries)
def test_who_was_told_everything_is_told_nothing_more(one: IndexEntry, other: IndexEntry) -> None:
    assert not tells_more(one, agreed(other, one))
    assert not tells_more(one, one)


def test_bytes_without_an_entry_tell_nothing_and_can_be_told_all() -> None:
    assert tells_more(an_entry(), None)
    assert not tells_more(None, an_entry())
    assert not tells_more(None, None)


def test_a_run_that_went_on_tells_more() -> None:
    longer = an_entry(row=a_row(end_time="2026-03-01T11:00:00.000000Z"))
    assert tells_more(longer, an_entry())
    assert not tells_more(an_entry(), longer)


def test_what_is_said_anew_counts_before_what_was_known() -> None:
    known = an_entry(outcome="pass", open_checks=(), acceptance=Acceptance(by="ada", reason="r", at="2026-03-01"))
    assert joined(an_entry(), known) == known
    assert joined(an_entry(outcome="regression"), known) == replace(known, outcome="regression", open_checks=None)


def test_of_two_acceptances_the_later_one_counts() -> None:
    early, late = (Acceptance(by="ada", reason="r", at=f"2026-03-0{day}") for day in (1, 2))
    for one, other in ((early, late), (late, early)):
        assert agreed(an_entry(acceptance=one), an_entry(acceptance=other)).acceptance == late


@pytest.mark.parametrize(
    ("our_past", "their_past", "expected"),
    [
        ({"theirs"}, set(), Lead.OURS),
        (set(), {"ours"}, Lead.THEIRS),
        ({"theirs"}, {"ours"}, Lead.APART),
        ({"x"}, {"x"}, Lead.APART),
    ],
)
def test_the_store_that_has_had_the_others_baseline_is_ahead(
    our_past: set[str], their_past: set[str], expected: Lead
) -> None:
    assert lead(ours="ours", theirs="theirs", our_past=our_past, their_past=their_past) is expected
