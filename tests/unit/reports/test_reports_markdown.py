from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lens_gate.reports.markdown import LIMIT, markdown, run_markdown
from lens_gate.reports.view import run_view, view
from lens_gate.vocabulary.outcomes import Outcome
from tests.builders import (
    a_benchmark,
    a_finding,
    a_model_result,
    a_provider_result,
    a_run,
    a_verdict,
    an_analysis,
    an_arm,
    an_effect,
    an_error_count,
)
from tests.scenarios import SCENARIOS, STEADY

GITHUB = MarkdownIt("commonmark").enable("table")
HOSTILE = "</details><script>alert(1)</script> | `x` @octocat [l](http://e) <!-- lens-gate -->\n# head\n| a |"
OURS = {"<details>", "</details>"}


def html_of(text: str) -> list[str]:
    """Return every piece of HTML that a renderer would pass through."""
    tokens = GITHUB.parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    return [token.content.strip() for token in (*tokens, *inline) if token.type in {"html_block", "html_inline"}]


def test_a_hostile_name_adds_no_markup_anywhere() -> None:
    finding = a_finding(series=f"openai/{HOSTILE}", outcome=Outcome.REGRESSION, reason=HOSTILE, value_unit=HOSTILE)
    error = an_error_count(HOSTILE, 3, example=HOSTILE)
    analysis = an_analysis(
        finding,
        providers=(a_provider_result(a_model_result(id=HOSTILE, errors=(error,), finish_reasons={HOSTILE: 2})),),
        arms=(an_arm(label=HOSTILE, commit=None),),
        notes=(HOSTILE,),
    )
    text = markdown(view(a_verdict(analysis)))
    assert {tag for tag in html_of(text) if not tag.startswith("<details><summary>")} <= OURS
    assert "octocat" in text
    assert "@octocat" not in text
    assert text.count("<!--") == 0


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_table_row_has_as_many_cells_as_its_head(scenario: str) -> None:
    lines = [line for line in markdown(view(SCENARIOS[scenario]())).splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} <= {7, 5, 6}


def test_a_pass_is_short_and_has_no_open_table() -> None:
    head, _, _ = markdown(view(SCENARIOS["pass"]())).partition("<details>")
    assert "|" not in head
    assert len(head) < 600


def many(count: int, *, reason: str = "too slow") -> str:
    findings = [
        a_finding(
            series=f"openai/model-{number:04d}",
            outcome=Outcome.REGRESSION if number % 2 else Outcome.PASS,
            effect=an_effect(20.0 + number),
            reason=reason,
        )
        for number in range(count)
    ]
    return markdown(view(a_verdict(an_analysis(*findings))))


def test_the_table_shows_the_ten_worst_and_the_others_are_folded() -> None:
    text = many(40)
    head, _, folded = text.partition("<details>")
    assert head.count("◆ regression |") == 10
    assert "model-0039" in head
    assert "model-0001" not in head
    assert "10 more checks did not pass" in folded
    assert "20 checks passed" in folded


def test_a_report_that_is_too_long_keeps_its_worst_rows_and_says_what_is_missing() -> None:
    text = many(3_000, reason="x " * 300)
    assert len(text) <= LIMIT
    assert "model-2999" in text
    assert "sections left out: this report was too long" in text
    assert text.rstrip().endswith("UTC")


@settings(max_examples=20, deadline=None)
@given(name=st.text(max_size=40), size=st.integers(1, 3_000))
def test_no_report_is_longer_than_a_comment_may_be(name: str, size: int) -> None:
    long = f"@{name}" * size
    finding = a_finding(series=f"openai/{long}", outcome=Outcome.INCONCLUSIVE, reason=long)
    analysis = an_analysis(finding, finding, notes=(long,), arms=(an_arm(label=long),))
    assert len(markdown(view(a_verdict(analysis)))) <= LIMIT


def test_the_run_report_has_the_headings_of_the_spec() -> None:
    text = run_markdown(run_view(a_run()))
    assert text.startswith("# LLM Benchmark Report\n")
    assert "**Generated:** 2026-03-02 10:05:01 UTC" in text
    assert "**Duration:** 5 minutes" in text
    assert "- Total Requests: 300" in text
    assert "| Model | Avg Latency | P95 Latency | Tokens/s | Cost/1K Tokens | Success Rate |" in text
    assert "## Latency Distribution" in text
    assert "## Errors" not in text


def test_a_run_report_without_remarks_has_no_notes() -> None:
    run = a_run(benchmark=a_benchmark(duration_seconds=12.0))
    priceless = run.spend.model_copy(update={"prices": ()})
    assert "## Notes" not in run_markdown(run_view(run.model_copy(update={"spend": priceless})))


def test_steady_rows_are_not_bold() -> None:
    assert "**" not in markdown(view(a_verdict(an_analysis(STEADY))))
