from __future__ import annotations

import re

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


def crowded(models: int, metrics: int) -> str:
    """A gate that asks so many questions of so many models; the last model is the worst, and every second one fails."""
    findings = [
        a_finding(
            series=f"openai/model-{model:04d}",
            metric=metric,
            hypothesis=None,
            outcome=Outcome.REGRESSION if model % 2 else Outcome.PASS,
            effect=an_effect(20.0 + model, upper_pass=1.0),
            reason=f"changed by {20 + model} %, and that is not chance",
        )
        for model in range(models)
        for metric in list(METRICS)[:metrics]
    ]
    return markdown(view(a_verdict(an_analysis(*findings))))


METRICS = (
    "mean_ttft", "p95_ttft", "mean_tpot", "mean_latency", "p95_latency", "error_rate", "cost_per_request_usd",
    "mean_output_tokens",
)  # fmt: skip


def shown_models(part: str) -> list[int]:
    return [
        int(number) for number in re.findall(r"^(?:\| \S [a-z ]+\||- )[^\n]*?model-(\d{4})", part, flags=re.MULTILINE)
    ]


def test_two_hundred_models_with_eight_metrics_fit_and_the_worst_come_first() -> None:
    text = crowded(200, 8)
    assert len(text.encode()) <= LIMIT
    head, *folded = text.split("<details>")
    assert shown_models(head)[0] == 199
    assert "model-0199 · " in folded[0]
    assert "and 2 more: Changed by 219 %, and that is not chance." in folded[0]
    for part in (head, *folded[:2]):
        found = shown_models(part)
        assert len(found) >= 10
        assert found == sorted(found, reverse=True)
    assert "790 more checks did not pass" in text
    for part in folded[1:3]:
        assert re.search(r"\n\n[0-9,]+ more: the artifact has them\.\n\n</details>", part)
    assert "how to read this" in text
    assert "left out: this report was too long" not in text


def test_what_is_missing_of_a_part_is_counted() -> None:
    part = crowded(200, 8).split("<details>")[2]
    (missing,) = re.findall(r"([0-9,]+) more: the artifact", part)
    assert len(shown_models(part)) + int(missing.replace(",", "")) == 790


def test_a_part_that_has_no_room_for_one_item_is_left_out_and_that_is_said() -> None:
    page = view(SCENARIOS["regression"]())
    text = markdown(page, limit=1_500)
    assert len(text.encode()) <= 1_500
    assert re.search(r"\d sections left out: this report was too long", text)
    assert text.rstrip().endswith("UTC")


def test_a_run_of_a_thousand_models_and_a_trend_of_as_many_fit() -> None:
    models = [a_model_result(id=f"model-{number}") for number in range(1_000)]
    text = run_markdown(run_view(a_run(providers=(a_provider_result(*models),))))
    assert len(text.encode()) <= LIMIT
    assert "more: the artifact has them." in text
    assert "## Latency Distribution" in text
    assert not re.search(r"^\|[^\n]*[^|\n]$", text, flags=re.MULTILINE)


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
