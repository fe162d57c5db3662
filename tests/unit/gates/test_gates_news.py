from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.gates.news import WHOLE_RUN, Failing, Judged, failing, news, standing, still_failing
from lens_gate.vocabulary.notices import News
from lens_gate.vocabulary.outcomes import Outcome, Severity
from tests.builders import a_check

OUTCOMES = st.sampled_from([Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE])


def judged(checks: Mapping[str, Outcome], outcome: Outcome | None = None) -> Judged:
    made = [a_check(name=name, series=name.split("/")[0] or None, outcome=one) for name, one in checks.items()]
    worst = Outcome.REGRESSION if Outcome.REGRESSION in checks.values() else Outcome.INCONCLUSIVE
    overall = Outcome.PASS if set(checks.values()) <= {Outcome.PASS} else worst
    return Judged(outcome=outcome or overall, checks=made)


SLOW = judged({"a/ttft": Outcome.REGRESSION, "b/ttft": Outcome.PASS})
BOTH = judged({"a/ttft": Outcome.REGRESSION, "b/ttft": Outcome.REGRESSION})
UNCLEAR = judged({"a/ttft": Outcome.INCONCLUSIVE, "b/ttft": Outcome.PASS})
FINE = judged({"a/ttft": Outcome.PASS, "b/ttft": Outcome.PASS})


def told(*verdicts: Judged, known: bool = True) -> list[News | None]:
    """Return what each of several verdicts in a row tells."""
    before: Failing | None = {} if known else None
    said = []
    for one in verdicts:
        now = still_failing(before, one, trouble=one.outcome is Outcome.REGRESSION)
        said.append(news(before, now))
        before = now if known else None
    return said


def test_only_changes_are_news() -> None:
    assert told(FINE, SLOW, SLOW, BOTH, SLOW, FINE, FINE) == [
        None,
        News.OPENED,
        None,
        News.WORSE,
        News.BETTER,
        News.RECOVERED,
        None,
    ]


def test_an_inconclusive_run_ends_nothing() -> None:
    assert told(SLOW, UNCLEAR, FINE) == [News.OPENED, None, News.RECOVERED]


def test_a_check_that_is_gone_ends_only_with_a_pass() -> None:
    gone = judged({"b/ttft": Outcome.INCONCLUSIVE})
    assert told(SLOW, gone, judged({"b/ttft": Outcome.PASS})) == [News.OPENED, None, News.RECOVERED]


def test_one_failure_that_follows_another_is_worse() -> None:
    other = judged({"a/ttft": Outcome.PASS, "b/ttft": Outcome.REGRESSION})
    assert told(SLOW, other) == [News.OPENED, News.WORSE]


def test_where_nobody_remembers_each_failure_is_told_and_no_recovery() -> None:
    assert told(SLOW, SLOW, FINE, known=False) == [News.FAILING, News.FAILING, None]


def test_the_gravest_checks_are_what_fails() -> None:
    cost = a_check(name="cost", series=None, outcome=Outcome.REGRESSION, severity=Severity.WARNING)
    slow = a_check(name="a/ttft", series="a", outcome=Outcome.REGRESSION)
    assert failing(Judged(outcome=Outcome.REGRESSION, checks=[cost, slow])) == {"a/ttft": "a"}
    assert failing(Judged(outcome=Outcome.PASS, checks=[cost])) == {"cost": WHOLE_RUN}
    assert failing(Judged(outcome=Outcome.NOT_MEASURED, checks=[])) == {"not_measured": WHOLE_RUN}


def test_each_series_is_told_of_with_whether_it_fails() -> None:
    assert standing({"a/ttft": "a"}, {"b/ttft": "b"}, SLOW) == {"a": False, "b": True}


def test_without_a_memory_a_series_is_over_when_all_its_checks_passed() -> None:
    assert standing(None, {"a/ttft": "a"}, SLOW) == {"a": True, "b": False}
    assert standing(None, {}, UNCLEAR) == {"b": False}


@given(verdicts=st.lists(st.fixed_dictionaries({"a/x": OUTCOMES, "a/y": OUTCOMES, "b/x": OUTCOMES}), max_size=8))
def test_whoever_hears_all_news_knows_whether_something_fails(verdicts: list[dict[str, Outcome]]) -> None:
    heard = False
    before: Failing = {}
    for checks in verdicts:
        one = judged(checks)
        now = still_failing(before, one, trouble=one.outcome is Outcome.REGRESSION)
        what = news(before, now)
        if what is not None:
            heard = what is not News.RECOVERED
        assert heard == bool(now)
        failed = {name for name, outcome in checks.items() if outcome is Outcome.REGRESSION}
        assert failed <= now.keys()
        assert all(checks[name] is not Outcome.PASS for name in now)
        before = dict(now)


@pytest.mark.parametrize("outcome", [Outcome.NOT_MEASURED, Outcome.NOTHING_TO_COMPARE, Outcome.NO_BASELINE])
def test_what_measured_nothing_ends_nothing(outcome: Outcome) -> None:
    nothing = Judged(outcome=outcome, checks=[])
    assert still_failing({"a/ttft": "a"}, nothing, trouble=False) == {"a/ttft": "a"}
