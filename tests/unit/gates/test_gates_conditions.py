from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.errors import ConfigProblem
from lens_gate.gates.conditions import parse
from lens_gate.vocabulary.metrics import Scope

VALUES = {"mean_latency": 4000.0, "success_rate": 99.5, "p95_ttft": 700.0, "total_cost_usd": 90.0, "error_rate": 0.0}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("mean_latency < 5000", True),
        ("total_cost_usd < 100.0", True),
        ("success_rate > 99.0 and p95_ttft < 800", True),
        ("success_rate > 99.9 or p95_ttft < 800", True),
        ("not success_rate > 99.0", False),
        ("mean_latency + p95_ttft * 2 <= 5400", True),
        ("mean_latency - 1 == 3999", True),
        ("error_rate != 0", False),
        ("-1 < error_rate <= 0", True),
        ("mean_latency / success_rate >= +40", True),
        (" (mean_latency < 5000) ", True),
    ],
)
def test_a_condition_holds_or_does_not(text: str, *, holds: bool) -> None:
    condition = parse(text, place=None)

    assert condition.holds(VALUES) is holds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mean_latencyy < 5", "Did you mean mean_latency"),
        ("zzzzzz < 5", "docs/metrics.md"),
        ("mean_latency", "compares nothing"),
        ("5", "compares nothing"),
        ("mean_latency + 1", "compares nothing"),
        ("mean_latency < 5 and 1", "mixes"),
        ("not mean_latency", "mixes"),
        ("(mean_latency < 5) + 1 > 0", "mixes"),
        ("-(mean_latency < 5) > 0", "mixes"),
        ("mean_latency < (p95_ttft < 5)", "mixes"),
        ("mean_latency <", "cannot be read"),
        ("", "cannot be read"),
        ("mean_latency < 5\0", "cannot be read"),
        ("__import__('os').system('true') == 0", "may not contain a call"),
        ("mean_latency.real > 1", "may not contain a attribute"),
        ("mean_latency ** 9 > 1", "may not contain a pow"),
        ("mean_latency < '5'", "may not contain '5'"),
        ("mean_latency < True", "may not contain True"),
        ("[mean_latency] == 1", "may not contain a list"),
        ("(lambda: 1) == 1", "may not contain a lambda"),
        ("mean_latency < " + " + ".join(["1"] * 80), "too long"),
        ("mean_latency < " + "1" * 600, "at most 500 characters"),
        ("(" * 240 + "mean_latency" + ")" * 240, "cannot be read"),
        ("latency_distribution < 5", "no single value"),
    ],
)
def test_anything_else_is_a_configuration_problem_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ConfigProblem) as problem:
        parse(text, place="lens-gate.yaml:12")

    assert words in str(problem.value)
    assert str(problem.value).startswith("lens-gate.yaml:12: ")


@given(st.text(max_size=120))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        condition = parse(text, place=None)
    except ConfigProblem:
        return
    assert isinstance(condition.tree, ast.expr)


def test_a_condition_is_asked_of_each_series_as_soon_as_one_metric_is() -> None:
    assert parse("total_cost_usd < 5", place=None).scope is Scope.RUN
    assert parse("total_cost_usd < 5 and mean_latency < 5", place=None).scope is Scope.SERIES
    assert [m.name for m in parse("mean_latency < 5 or mean_latency > 6", place=None).metrics] == ["mean_latency"]


def test_a_plain_comparison_has_a_limit_and_a_longer_one_has_none() -> None:
    limit = parse("mean_latency < 5000", place=None).limit()

    assert limit is not None
    assert (limit[0].name, limit[1]) == ("mean_latency", 5000.0)
    assert parse("5000 > mean_latency", place=None).limit() is None
    assert parse("1 < mean_latency < 5", place=None).limit() is None


def test_division_by_zero_is_left_to_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        parse("mean_latency / error_rate > 1", place=None).holds(VALUES)


@pytest.mark.parametrize(
    ("condition", "side"),
    [
        ("p95_latency < 5000", "below"),
        ("p95_latency <= 5000", "at most"),
        ("success_rate > 99", "above"),
        ("success_rate >= 99", "at least"),
        ("success_rate == 99", None),
        ("5000 > p95_latency", None),
        ("p95_latency < 5000 and success_rate > 99", None),
    ],
)
def test_a_plain_comparison_says_on_which_side_its_metric_has_to_lie(condition: str, side: str | None) -> None:
    assert parse(condition, place=None).side() == side
