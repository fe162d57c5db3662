from __future__ import annotations

import ast
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.errors import ConfigProblem
from lens_gate.gates.occasions import DEFAULT, Occasion, parse_occasion, severity_of
from lens_gate.vocabulary.outcomes import Outcome, Severity
from tests.builders import a_check

REGRESSION = Occasion(
    regression_detected=True, outcome="regression", severity="error", branch="main", event="push", suite="support-bot"
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("regression_detected == true", True),
        ("regression_detected == True", True),
        ("regression_detected", True),
        ("not regression_detected", False),
        ("regression_detected != false", True),
        ("severity == 'error'", True),
        ("severity != 'error'", False),
        ("branch == 'main'", True),
        ("'main' == branch", True),
        ("branch == 'main' and severity == 'error'", True),
        ("branch == 'develop' or outcome == 'not_measured'", False),
        ("(branch == 'develop' or event == 'push') and suite == \"support-bot\"", True),
        ("true", True),
        (" outcome == 'regression' ", True),
        (DEFAULT, True),
    ],
)
def test_a_condition_on_a_verdict_holds_or_does_not(text: str, *, holds: bool) -> None:
    assert parse_occasion(text, place=None).holds(REGRESSION) is holds


def test_what_is_unknown_equals_no_word() -> None:
    nowhere = replace(REGRESSION, branch="")
    assert not parse_occasion("branch == 'main'", place=None).holds(nowhere)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("brunch == 'main'", "Did you mean branch"),
        ("mean_latency == 'slow'", "Known are regression_detected"),
        ("severity == 'eror'", "It is one of error, warning, info, none"),
        ("'pas' == outcome", "It is one of pass"),
        ("severity == true", "does not compare"),
        ("regression_detected == 'true'", "does not compare"),
        ("branch == ('main' == branch)", "does not compare"),
        ("branch", "neither true nor false"),
        ("'main'", "neither true nor false"),
        ("not 'main'", "neither true nor false"),
        ("branch == 'a' == 'b'", "neither true nor false"),
        ("branch == 5", "may not contain 5"),
        ("branch < 'main'", "may not contain a lt"),
        ("branch in ('main',)", "may not contain a"),
        ("__import__('os').system('true')", "may not contain a call"),
        ("branch.upper == 'MAIN'", "may not contain a attribute"),
        ("branch ==", "cannot be read"),
        ("", "cannot be read"),
        (" or ".join(["regression_detected == true"] * 30), "at most 500 characters"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_place_and_what_may_stand_there(text: str, words: str) -> None:
    with pytest.raises(ConfigProblem) as caught:
        parse_occasion(text, place="lens-gate.yaml:7")
    assert str(caught.value).startswith("lens-gate.yaml:7: ")
    assert words in str(caught.value)


@given(text=st.text(max_size=80))
def test_any_text_is_a_condition_or_a_problem_of_the_configuration(text: str) -> None:
    try:
        asked = parse_occasion(text, place=None)
    except ConfigProblem:
        return
    assert asked.holds(REGRESSION) in {True, False}


@given(branch=st.text(min_size=1, max_size=20))
def test_a_branch_is_compared_as_it_is_and_never_evaluated(branch: str) -> None:
    asked = parse_occasion(f"branch == {branch!r}" if ast.literal_eval(repr(branch)) == branch else "true", place=None)
    assert asked.holds(replace(REGRESSION, branch=branch))
    assert not asked.holds(replace(REGRESSION, branch=branch + "x"))


def test_the_severity_of_a_verdict_is_that_of_its_gravest_failure() -> None:
    fine = a_check()
    warned = a_check(name="cost", outcome=Outcome.REGRESSION, severity=Severity.WARNING)
    broken = a_check(name="validity", outcome=Outcome.NOT_MEASURED)
    assert severity_of([fine]) == "none"
    assert severity_of([fine, warned]) == "warning"
    assert severity_of([warned, broken]) == "error"
