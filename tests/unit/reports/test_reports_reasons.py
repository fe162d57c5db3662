"""Every reason is a sentence, its numbers are rounded as everywhere, and a file that gives none is quoted."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.artifacts.analysis import reasons
from lens_gate.artifacts.reasons import Reason, because
from lens_gate.artifacts.verdict import CheckKind
from lens_gate.reports.reasons import SENTENCES, message_of, reason_of, short_of, told, worded
from lens_gate.reports.view import view
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.reasons import Why
from tests.builders import a_check, a_finding, a_verdict, an_analysis, an_effect
from tests.histories import a_trend, a_trend_verdict, records_of

FIELDS = re.compile(r"\{(\w+)(?::([\w |]+))?\}")


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def filled(why: Why, number: float = 12.5) -> Reason:
    named = FIELDS.findall(SENTENCES[why])
    values: dict[str, float | str] = {name: number if form else "a name" for name, form in named if name != "figures"}
    return because(why, **values, unit="%")


def test_every_reason_has_a_sentence_and_no_two_have_the_same() -> None:
    assert set(SENTENCES) == set(Why)
    assert len(set(SENTENCES.values())) == len(Why)


@pytest.mark.parametrize("why", Why)
@given(number=st.floats(-1e9, 1e9))
def test_every_sentence_is_filled_whatever_the_numbers(why: Why, number: float) -> None:
    text = told([filled(why, number)])
    assert "{" not in text
    assert why is Why.SAID or text.endswith((".", ":"))


@pytest.mark.parametrize("why", Why)
def test_what_a_file_leaves_out_is_a_dash_and_no_defect(why: Why) -> None:
    assert "{" not in told([Reason(why=why)])


def test_numbers_in_reasons_are_those_of_the_row_beside_them() -> None:
    why = because(Why.CHANGED, change=29.04, unit="%"), because(Why.SURELY_BEYOND, limit=10.0, unit="%")
    finding = a_finding(because=why, outcome=Outcome.REGRESSION, effect=an_effect(29.04))
    [row] = view(a_verdict(an_analysis(finding))).rows
    assert row.change in row.reason
    assert (
        plain(row.reason) == "Changed by +29.0 %, and that is not chance. It is surely more than the 10 % that matter."
    )


@pytest.mark.parametrize(
    ("worst", "shown"), [(9.97, "At most 9.97 % worse"), (9.999, "At most 9.999 % worse"), (8.2, "At most 8.2 % worse")]
)
def test_a_bound_does_not_round_to_the_limit_that_it_lies_below(worst: float, shown: str) -> None:
    assert plain(told([because(Why.BELOW, worst=worst, limit=10.0, unit="%")])).startswith(shown)


@pytest.mark.parametrize(
    ("value", "limit", "unit", "shown"),
    [
        (1600.4, 1600.0, "ms", "1,600.4 ms; at most 1,600.0 ms"),
        (1600.0, 1600.0, "ms", "1.60 s; at most 1.60 s"),
        (1598.0, 1596.0, "ms", "1,598.0 ms; at most 1,596.0 ms"),
        (0.12345, 0.123, "USD", "$0.1235; at most $0.1230"),
        (12.3412, 12.34, "USD", "$12.341; at most $12.340"),
        (5.04, 5.0, "%", "5.04 %; at most 5.00 %"),
        (1500.4, 1500.0, "tokens", "1,500.4 tokens; at most 1,500.0 tokens"),
        (2.0, 1.0, "1/s", "2.00 /s; at most 1.00 /s"),
    ],
)
def test_a_value_and_its_budget_are_told_apart_in_one_unit(value: float, limit: float, unit: str, shown: str) -> None:
    asked = because(Why.BUDGET, metric="c", value=value, side="at most", limit=limit, unit=unit)
    assert plain(told([asked])) == f"c is {shown} is allowed."
    gate = a_check(name="gate", kind=CheckKind.BUDGET, value=value, limit=limit, unit=unit, side="at most")
    [row] = view(a_verdict(checks=(gate,))).rows
    assert plain(f"{row.change}; {row.allowed}") == f"now {shown}"
    assert plain(row.story).endswith(f": {shown.replace('; at most', ', where the limit is')}")


@pytest.mark.parametrize(
    ("change", "shown"),
    [(10.04, "+10.04 %"), (9.96, "+9.96 %"), (10.0, "+10.0 %"), (-10.04, "−10.04 %"), (8, "+8.0 %")],
)
def test_a_change_is_told_from_its_limit_in_its_reason_and_in_its_row(change: float, shown: str) -> None:
    rule = because(Why.THRESHOLD, change=change, limit=10.0, unit="%")
    varied = because(Why.VARIANCE, metric="c", change=change, limit=10.0, unit="%")
    real = because(Why.CHANGED, change=change, unit="%"), because(Why.SURELY_BEYOND, limit=10.0, unit="%")
    assert plain(told([rule])) == f"Changed by {shown}; the threshold is 10 %."
    assert plain(told([varied])) == f"c changed by {shown}; 10 % is allowed."
    assert plain(told(real)).startswith(f"Changed by {shown}, and")
    finding = a_finding(because=real, outcome=Outcome.REGRESSION, effect=an_effect(change), threshold=10.0)
    [row] = view(a_verdict(an_analysis(finding))).rows
    assert plain(row.change) == shown


def test_a_share_of_failures_is_told_from_the_most_that_there_may_be() -> None:
    shares: dict[str, float | str] = {"base": 10.04, "candidate": 9.97, "base_name": "a", "candidate_name": "b"}
    assert plain(told([because(Why.MANY_FAILED, **shares, most=10.0)])).startswith("10.04 % of a's and 9.97 % of b's")


@pytest.mark.parametrize(
    ("condition", "figures", "shown"),
    [
        ("`mean_latency <= 500`", {"mean_latency": 500.0001}, "mean_latency = 500.0001"),
        ("`change > -5`", {"change": -5.0000001}, "change = -5.0000001"),
        ("`a == 10`", {"a": 9.99999999}, "a = 9.99999999"),
        ("`a < b`", {"a": 500.0001, "b": 500.00005}, "a = 500.0001, b = 500.00005"),
        ("`a < b`", {"a": 500.0, "b": 500.0}, "a = 500, b = 500"),
        ("`p95_latency < 800`", {"p95_latency": 95.0000001}, "p95_latency = 95"),
        ("the condition", {"a": 500.0001}, "a = 500"),
    ],
)
def test_a_figure_never_reads_like_what_it_is_held_against_where_it_is_not(
    condition: str, figures: dict[str, float], shown: str
) -> None:
    assert told([because(Why.CONDITION_FAILS, condition=condition, **figures)]).endswith(f"({shown}).")


def test_a_condition_shows_all_its_figures() -> None:
    why = because(Why.CONDITION_FAILS, condition="`a < b`", mean_latency=1650.0, success_rate=98.96671)
    assert told([why]) == "`a < b` does not hold (mean_latency = 1650, success_rate = 98.9667)."


def test_a_file_without_reasons_is_quoted() -> None:
    old, check = a_finding(reason="so it was"), a_check(message="and so is this")
    assert (reason_of(old), message_of(check)) == ("so it was", "and so is this")
    assert told(reasons(old)) == "so it was"
    new = old.model_copy(update={"because": (because(Why.NOT_WORSE),)})
    assert reason_of(new) == told(reasons(new)) == "Not worse at all."


def test_every_artifact_says_its_reasons_in_sentences_too() -> None:
    why = (because(Why.NOT_WORSE),)
    finding, check = a_finding(reason="", because=why), a_check(message="", because=why)
    assert [one.reason for one in worded(an_analysis(finding)).findings] == ["Not worse at all."]
    assert [one.message for one in worded(a_verdict(checks=(check,))).checks] == ["Not worse at all."]
    few = "Too few runs: 5 of the 11 that it takes."
    [series] = worded(a_trend(records_of([0.0] * 5))).series
    assert [one.reason for one in series.findings] == [few]
    assert [one.message for one in worded(a_trend_verdict(records_of([0.0] * 5))).checks] == [few]


@pytest.mark.parametrize(
    ("why", "number", "shown"),
    [
        (Why.UNSETTLED, 1, "1 pair does not settle"),
        (Why.UNSETTLED, 12, "12 pairs do not settle"),
        (Why.NO_INTERVAL, 1, "1 pair is too few"),
        (Why.NO_INTERVAL, 0, "0 pairs are too few"),
        (Why.TOO_FEW_FOR_RARE, 1, "1 pair is too few"),
        (Why.CONTROL_ALONE, 1, "1 control request of the same run is all"),
        (Why.CORRECTED, 1, "1 control request of today corrects that."),
        (Why.CORRECTED, 9, "9 control requests of today correct that."),
    ],
)
def test_a_verb_goes_with_the_number_before_it(why: Why, number: int, shown: str) -> None:
    reason = filled(why, number)
    finding = a_finding(because=(reason,))
    assert shown in told([reason])
    assert shown in short_of(finding)
