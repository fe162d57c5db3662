from __future__ import annotations

import re
from typing import Any
from unicodedata import east_asian_width

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lens_gate.reports.console import console, machine_line, run_machine_line
from lens_gate.reports.forest import FOREST_CELLS, axis_reach, forest
from lens_gate.reports.page import Bounds
from lens_gate.reports.terminal import aligned
from lens_gate.reports.view import run_view, view
from lens_gate.vocabulary.metrics import Direction
from lens_gate.vocabulary.outcomes import ExitCode, Outcome
from tests.builders import (
    a_check,
    a_finding,
    a_model_result,
    a_provider_result,
    a_run,
    a_spend,
    a_validity,
    a_verdict,
    an_analysis,
    an_arm,
    an_effect,
    some_requests,
)
from tests.scenarios import SCENARIOS, STEADY

COLOUR = re.compile(r"\x1b\[[0-9]+m")


def columns(line: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in line)


def shown(scenario: str, *, colour: bool = False, width: int = 80, unicode: bool = True) -> str:
    return console(view(SCENARIOS[scenario]()), colour=colour, width=width, unicode=unicode)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_line_is_wider_than_the_screen(scenario: str, width: int) -> None:
    lines = shown(scenario, width=width).splitlines()
    assert max(columns(line) for line in lines if not line.startswith("Next:")) <= width


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_without_unicode_everything_is_ascii_and_marks_still_differ(scenario: str) -> None:
    text = shown(scenario, unicode=False, width=140)
    assert text.isascii()
    assert "?" not in text


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_colour_is_on_marks_only_and_says_nothing_more(scenario: str) -> None:
    coloured = shown(scenario, colour=True)
    assert COLOUR.sub("", coloured) == shown(scenario)
    assert all(len(piece) == 1 for piece in re.findall(r"\x1b\[3[0-9]m(.*?)\x1b\[0m", coloured))
    assert "\x1b" not in shown(scenario)


def test_the_headline_is_the_last_line() -> None:
    assert shown("regression").splitlines()[-1] == (
        "◆ Regression: openai/gpt-small's first token comes 15\u00a0% later, and 1 more".replace("\u00a0", " ")
    )


def test_what_is_to_be_known_of_stored_runs_is_shown() -> None:
    for source, times in (("stored", 1), ("duet", 0)):
        verdict = a_verdict(an_analysis(STEADY, source=source, notes=("1 file holds no run.",)))
        text = console(view(verdict), colour=False, width=80, unicode=True)
        assert text.count("1 file holds no run.") == times


def test_a_long_headline_is_wrapped() -> None:
    finding = a_finding(series="openai/" + "long " * 30, outcome=Outcome.REGRESSION)
    text = console(view(a_verdict(an_analysis(finding))), colour=False, width=72, unicode=True)
    assert max(columns(line) for line in text.splitlines() if not line.startswith("Next:")) <= 72
    assert text.splitlines()[-1].startswith("  ")


@settings(max_examples=50, deadline=None)
@given(name=st.text(max_size=80), width=st.integers(10, 200), unicode=st.booleans())
def test_foreign_text_cannot_steer_the_terminal(name: str, width: int, unicode: bool) -> None:
    finding = a_finding(series=f"openai/{name}", reason=name, outcome=Outcome.INCONCLUSIVE)
    check = a_check(finding, message=f"\x1b]0;{name}\x07\x1b[2J{name}")
    analysis = an_analysis(finding, arms=(an_arm(label=name),), notes=(name,))
    text = console(view(a_verdict(analysis, checks=(check,))), colour=False, width=width, unicode=unicode)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)


def test_a_name_that_does_not_fit_is_told_on_several_lines() -> None:
    check = a_check(metric=None, name="a quality gate with a name that is far too long to fit into 72 columns", unit="")
    text = console(view(a_verdict(checks=(check,))), colour=False, width=72, unicode=True)
    assert ".." not in text
    assert "\n✓ a quality gate with a" in text
    assert re.search(r"\n    [a-z0-9 ]*columns\n", text)


def test_wide_characters_keep_the_columns_aligned() -> None:
    wide = a_check(metric=None, name="質問の長い名前です", unit="")
    lines = console(view(a_verdict(checks=(wide, a_check(STEADY)))), colour=False, width=100, unicode=True).splitlines()
    rows = [line for line in lines if line.rstrip().endswith("pass")]
    assert len({columns(line.rstrip()) for line in rows}) == 1


def test_models_are_blocks_and_the_whole_run_is_one() -> None:
    whole = a_check(series=None, metric="total_cost_usd", name="cost", unit="USD")
    text = console(view(a_verdict(checks=(whole, a_check(STEADY)))), colour=False, width=80, unicode=True)
    assert "\nwhole run\n" in text
    assert "\ngpt-small\n" in text


def test_a_run_without_a_name_begins_with_what_was_compared() -> None:
    run = a_run()
    nameless = run.model_copy(update={"benchmark": run.benchmark.model_copy(update={"name": ""})})
    assert console(run_view(nameless), colour=False, width=80, unicode=True).startswith("Measured 3f9c2ab")
    verdict = a_verdict(an_analysis(benchmark=nameless.benchmark))
    assert console(view(verdict), colour=False, width=80, unicode=True).startswith("Compared 3f9c2ab")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_machine_line_is_one_line_of_words_and_values(scenario: str) -> None:
    verdict = SCENARIOS[scenario]()
    line = machine_line(verdict)
    head, *pairs = line.split(" ")
    values = dict(pair.split("=") for pair in pairs)
    assert head == "lens-gate:"
    assert values["outcome"] == verdict.outcome
    assert int(values["exit"]) == verdict.exit_code
    assert int(values["checks"]) == len(verdict.checks)


def test_the_machine_line_of_a_regression() -> None:
    assert machine_line(SCENARIOS["regression"]()) == (
        "lens-gate: outcome=regression exit=1 regressions=2 inconclusive=1 not_measured=0 warnings=0 passed=2 checks=5 "
        "valid=true ending=complete spent_usd=1.2"
    )


def test_the_machine_line_of_a_run() -> None:
    assert run_machine_line(a_run(), ExitCode.OK) == (
        "lens-gate: outcome=not_judged ending=complete exit=0 requests=300 successful=300 valid=true spent_usd=1.2"
    )


def test_the_machine_line_calls_unknown_what_nobody_knows() -> None:
    failed = a_model_result(requests=some_requests(5, failed=5))
    nothing: dict[str, Any] = {
        "providers": (a_provider_result(failed),),
        "base_providers": (),
        "spend": a_spend(spent_usd=0.0, unpriced_models=("m",)),
    }
    assert run_machine_line(a_run(**nothing), ExitCode.OK).endswith("valid=unknown spent_usd=unknown")
    line = machine_line(a_verdict(an_analysis(**nothing)))
    assert line.endswith("valid=unknown ending=complete spent_usd=unknown")
    late = a_validity().model_copy(update={"valid": False})
    assert "valid=false" in run_machine_line(a_run(**nothing, validity=late), ExitCode.OK)
    assert machine_line(SCENARIOS["regression"]()).endswith("spent_usd=1.2")


def bounds(estimate: float, lower: float | None, upper: float | None, *, limit: float | None = 10.0) -> Bounds:
    return Bounds(
        estimate=estimate,
        lower=lower,
        upper=upper,
        upper_pass=None,
        limit=limit,
        unit="%",
        worse=Direction.LOWER_IS_BETTER,
    )


@pytest.mark.parametrize(
    ("numbers", "drawn"),
    [
        (bounds(0.0, -2.0, 2.0), "           ─✓─    ┊      "),
        (bounds(18.0, 15.0, 40.0), "            │     ┊  ──✓>"),
        (bounds(-18.0, -40.0, -15.0), "<✓──        │     ┊      "),
        (bounds(5.0, None, None), "            │  ✓  ┊      "),
        (bounds(5.0, None, 7.0), "<──────────────✓─ ┊      "),
        (bounds(5.0, None, None, limit=None), "            │  ✓         "),
    ],
)
def test_an_interval_is_drawn_against_no_change_and_the_limit(numbers: Bounds, drawn: str) -> None:
    assert forest(numbers, reach=20.0, mark="✓") == drawn


@given(
    estimate=st.floats(-1e6, 1e6),
    half=st.floats(0, 1e6),
    limit=st.none() | st.floats(0.1, 100),
    worse=st.sampled_from(Direction),
)
def test_every_drawing_has_its_width_and_its_mark(
    estimate: float, half: float, limit: float | None, worse: Direction
) -> None:
    numbers = Bounds(
        estimate=estimate,
        lower=estimate - half,
        upper=estimate + half,
        upper_pass=None,
        limit=limit,
        unit="%",
        worse=worse,
    )
    drawn = forest(numbers, reach=axis_reach([numbers]), mark="◆")
    assert len(drawn) == FOREST_CELLS
    assert drawn.count("◆") == 1


def test_the_axis_reaches_twice_as_far_as_the_largest_limit() -> None:
    assert axis_reach([bounds(1.0, 0.0, 2.0), bounds(1.0, 0.0, 2.0, limit=5.0)]) == 20.0
    assert axis_reach([bounds(3.0, 0.0, 5.0, limit=None)]) == 6.0
    assert axis_reach([]) == 1.0
    assert axis_reach([bounds(0.0, 0.0, 0.0, limit=None)]) == 1.0


def test_an_effect_without_an_estimate_has_no_drawing() -> None:
    finding = a_finding(effect=an_effect(None))
    text = console(view(a_verdict(an_analysis(finding, STEADY))), colour=False, width=140, unicode=True)
    assert text.count("┊") == 1


def test_a_name_that_is_too_long_goes_on_below() -> None:
    table = [("answer of equal length", "1"), ("  gpt small latest model", "2"), ("an-unbreakable-name", "3")]
    assert list(aligned(table, 18)) == [
        "answer of equal  1\n    length",
        "  gpt small      2\n    latest model",
        "an-unbr..e-name  3",
    ]
