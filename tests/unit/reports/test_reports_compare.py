"""What a comparison of several models says, and that every renderer shows it."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from lens_gate.artifacts.analysis import Need
from lens_gate.reports.compare import comparison_view, letters
from lens_gate.reports.console import comparison_machine_line, console
from lens_gate.reports.csv_rows import COMPARISON_HEADER, comparison_rows
from lens_gate.reports.markdown import comparison_markdown
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import ExitCode
from tests.builders import a_run, an_analysis
from tests.comparisons import (
    CLAUDE,
    GEMINI,
    GPT,
    a_comparison,
    a_pairwise,
    a_ranked_metric,
    a_ranking,
    a_standing,
    three_models,
)
from tests.unit.reports.test_reports_snapshots import MarkdownFile, TextFile


def the_story(relation: str, hypothesis: Hypothesis = Hypothesis.TOTAL, **changes: Any) -> str:
    metric = a_ranked_metric(a_pairwise(relation=relation, **changes), hypothesis=hypothesis)
    (table,) = comparison_view(a_comparison(a_ranking(metric))).tables
    return table.pairs[0].story.replace("\u00a0", " ")


def test_markdown_of_three_models(snapshot: SnapshotAssertion) -> None:
    assert comparison_markdown(comparison_view(three_models())) == snapshot(extension_class=MarkdownFile)


def test_console_of_three_models(snapshot: SnapshotAssertion) -> None:
    view = comparison_view(three_models())
    texts = [console(view, colour=False, width=80, unicode=unicode) for unicode in (True, False)]
    assert "\n\n\n".join(texts) + "\n" == snapshot(extension_class=TextFile)


def test_an_analysis_without_several_models_has_no_such_view() -> None:
    with pytest.raises(ValueError, match="no comparison"):
        comparison_view(an_analysis())


@pytest.mark.parametrize(
    ("hypothesis", "story"),
    [
        (Hypothesis.TTFT, "anthropic/claude-3's first token comes 12.0 % (8.0 to 16.0) later than openai/gpt-4's."),
        (
            Hypothesis.PER_TOKEN,
            "anthropic/claude-3 takes 12.0 % (8.0 to 16.0) longer for each token than openai/gpt-4.",
        ),
        (Hypothesis.TOTAL, "anthropic/claude-3's whole answer takes 12.0 % (8.0 to 16.0) longer than openai/gpt-4's."),
        (Hypothesis.COST, "An answer of anthropic/claude-3 costs 12.0 % (8.0 to 16.0) more than one of openai/gpt-4."),
        (Hypothesis.OUTPUT_LENGTH, "anthropic/claude-3's answers are 12.0 % (8.0 to 16.0) longer than openai/gpt-4's."),
    ],
)
def test_a_difference_is_told_by_its_size_and_interval(hypothesis: Hypothesis, story: str) -> None:
    assert the_story("differs", hypothesis) == story


def test_a_difference_in_errors_is_told_in_points() -> None:
    assert the_story("differs", Hypothesis.ERRORS, unit="points") == (
        "12.0 points (8.0 to 16.0) more of anthropic/claude-3's requests fail than of openai/gpt-4's."
    )


def test_a_difference_the_other_way_is_told_the_other_way() -> None:
    assert the_story("differs", estimate=-12.0) == (
        "anthropic/claude-3's whole answer takes 12.0 % (8.0 to 16.0) less than openai/gpt-4's."
    )


@pytest.mark.parametrize(
    ("estimate", "lower", "upper", "words"),
    [
        (12.0, -0.5, 20.0, "12.0 % (up to 20.0) longer"),
        (-12.0, -20.0, 0.5, "12.0 % (up to 20.0) less"),
        (12.0, None, 20.0, "12.0 % (up to 20.0) longer"),
        (12.0, None, None, "12.0 % longer"),
    ],
)
def test_a_certain_difference_never_shows_an_interval_that_reaches_zero(
    estimate: float, lower: float | None, upper: float | None, words: str
) -> None:
    assert words in the_story("differs", estimate=estimate, lower=lower, upper=upper)


def test_the_table_shows_the_far_end_only_of_a_certain_difference_that_just_reaches_zero() -> None:
    metric = a_ranked_metric(a_pairwise(lower=-0.5, upper=20.0))
    (table,) = comparison_view(a_comparison(a_ranking(metric))).tables
    assert [row.interval for row in table.rows] == ["", "up to +20.0"]


def test_models_that_are_alike_are_told_within_what() -> None:
    assert the_story("alike", lower=-4.2, upper=3.0) == (
        "Whole answer: anthropic/claude-3 and openai/gpt-4 are alike within ±4.2 %."
    )


def test_what_is_open_says_what_is_possible_or_nothing() -> None:
    assert the_story("open", lower=-4.2, upper=13.0) == (
        "Whole answer: anthropic/claude-3 and openai/gpt-4 are not told apart (−4.2 to +13.0 % is possible)."
    )
    assert the_story("open", lower=None, upper=None).endswith("are not told apart.")


def test_the_leaders_answer_who_comes_first() -> None:
    leaders = comparison_view(three_models()).leaders
    assert leaders == (
        "Earliest first token: google/gemini-pro.",
        "Fastest whole answer: anthropic/claude-3 or google/gemini-pro (not told apart).",
        "Cheapest answer: openai/gpt-4.",
        "Fewest errors: all alike.",
    )


def test_nobody_leads_where_nobody_was_told_apart() -> None:
    tied = (a_standing(GPT, 1.0, (1, 2), 1), a_standing(CLAUDE, 1.0, (1, 2), 1))
    metric = a_ranked_metric(a_pairwise(relation="open"), standings=tied)
    assert comparison_view(a_comparison(a_ranking(metric))).leaders == ("Fastest whole answer: none told apart.",)


@pytest.mark.parametrize(
    ("usd", "minutes", "end"),
    [
        (2.1, 12.0, "(--requests 480), $2.10 and 12 minutes."),
        (2.1, None, "(--requests 480), $2.10."),
        (None, 12.0, "(--requests 480), 12 minutes."),
        (None, None, "(--requests 480)."),
    ],
)
def test_the_need_says_what_is_known(usd: float | None, minutes: float | None, end: str) -> None:
    need = comparison_view(a_comparison(a_ranking(need=Need(pairs=240, usd=usd, minutes=minutes)))).need
    assert need == f"To settle what is open, errors aside: about 240 blocks in all {end}"


def test_letters_are_told_apart_beyond_the_alphabet() -> None:
    assert letters((1, 2, 26)) == "a b z"
    assert letters((27, 53)) == "a2 a3"


def test_many_pairs_leave_their_sentences_to_the_other_reports() -> None:
    few = console(comparison_view(three_models()), colour=False, width=80, unicode=True)
    crowd = a_ranked_metric(*[a_pairwise() for _ in range(21)])
    many = console(comparison_view(a_comparison(a_ranking(crowd))), colour=False, width=80, unicode=True)
    assert "longer than" not in many
    assert "alike within" in few


def test_what_models_are_called_is_harmless_in_markdown_and_on_a_terminal() -> None:
    hostile = "p/<b>|\x1b[31mred"
    metric = a_ranked_metric(
        a_pairwise(hostile, GPT), standings=(a_standing(GPT, 1.0, (1, 1), 1), a_standing(hostile, 2.0, (2, 2), 2))
    )
    view = comparison_view(a_comparison(a_ranking(metric, alternatives=(GPT, hostile), coverage=())))
    assert "<b>" not in comparison_markdown(view)
    assert "\x1b" not in console(view, colour=False, width=80, unicode=True)


def test_a_run_without_a_name_is_just_a_comparison() -> None:
    analysis = a_comparison()
    nameless = analysis.model_copy(update={"benchmark": analysis.benchmark.model_copy(update={"name": ""})})
    assert comparison_markdown(comparison_view(nameless)).startswith("## Comparison\n")
    assert console(comparison_view(nameless), colour=False, width=80, unicode=True).startswith("Compared ")


def test_the_rows_hold_every_pair_with_unrounded_numbers() -> None:
    ranking = three_models().ranking
    rows = list(csv.DictReader(io.StringIO(comparison_rows(ranking))))
    assert len(rows) == 10
    assert (rows[0]["series"], rows[0]["other"], rows[0]["relation"]) == (CLAUDE, GEMINI, "differs")
    assert (rows[0]["effect"], rows[0]["lower"], rows[0]["series_value"]) == ("24.8", "-0.6", "402")
    assert rows[5]["lower"] == rows[5]["upper"] == rows[5]["series_value"] == ""
    assert comparison_rows(None).splitlines() == [",".join(COMPARISON_HEADER)]


def test_the_line_for_machines_counts_what_was_found() -> None:
    line = comparison_machine_line(a_run(), three_models().ranking, ExitCode.OK)
    assert line.startswith("lens-gate: outcome=compared models=3 differs=4 alike=4 open=2 ending=complete exit=0 ")
    assert "outcome=not_measured" in comparison_machine_line(a_run(), None, ExitCode.COULD_NOT_MEASURE)
