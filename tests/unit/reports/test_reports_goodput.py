"""Goodput where a person reads it: on the terminal, in Markdown, beside a verdict; and nowhere without objectives."""

from __future__ import annotations

from lens_gate.artifacts.load import Goodput, ObjectiveMet
from lens_gate.artifacts.metric_values import series_value
from lens_gate.artifacts.run import Run
from lens_gate.reports.console import console
from lens_gate.reports.goodput import goodput_lines
from lens_gate.reports.markdown import run_markdown
from lens_gate.reports.numbers import NBSP
from lens_gate.reports.view import run_view, view
from lens_gate.vocabulary.metric_table import metric
from tests.builders import a_model_result, a_provider_result, a_run, a_summary, a_verdict, an_analysis

GOOD = Goodput(
    met=285,
    total=300,
    percentage=95.0,
    requests_per_second=4.75,
    objectives=(
        ObjectiveMet(objective="ttft < 500ms", percentage=97.0),
        ObjectiveMet(objective="tpot < 30ms", percentage=98.04),
    ),
)
WORSE = GOOD.model_copy(update={"met": 240, "percentage": 80.0})


def measured() -> Run:
    providers = (a_provider_result(a_model_result(goodput=GOOD)),)
    return a_run(providers=providers, summary=a_summary(goodput_percent=95.0, goodput_per_second=4.75))


def plain(text: str) -> str:
    return " ".join(text.replace(NBSP, " ").split())


def test_a_terminal_shows_goodput_as_a_column_and_in_words() -> None:
    text = plain(console(run_view(measured()), colour=False, width=120, unicode=True))
    assert "success goodput" in text
    assert "gpt-small: 95.0 % of all requests met ttft < 500ms (97.0 %) and tpot < 30ms (98.0 %)." in text


def test_markdown_shows_goodput_in_the_summary_and_the_table() -> None:
    text = plain(run_markdown(run_view(measured())))
    assert "- Goodput: 95.0 %, 4.75 a second" in text
    assert "| Success Rate | Goodput |" in text


def test_without_objectives_nothing_speaks_of_goodput() -> None:
    page = run_view(a_run())
    assert "oodput" not in console(page, colour=False, width=120, unicode=True) + run_markdown(page)


def test_a_verdict_tells_the_goodput_of_both_versions() -> None:
    analysis = an_analysis(
        providers=(a_provider_result(a_model_result(goodput=GOOD)),),
        base_providers=(a_provider_result(a_model_result(goodput=WORSE)),),
    )
    notes = plain(" ".join(view(a_verdict(analysis)).details.notes))
    assert (
        "95.0 % of all requests met ttft < 500ms (97.0 %) and tpot < 30ms (98.0 %) (80.0 % in the baseline)." in notes
    )


def test_one_objective_is_told_without_a_share_of_its_own() -> None:
    single = GOOD.model_copy(update={"objectives": GOOD.objectives[:1]})
    (line,) = goodput_lines([a_provider_result(a_model_result(goodput=single))], (), {})
    assert plain(line).endswith("95.0 % of all requests met ttft < 500ms.")


def test_goodput_is_a_metric_by_both_its_names() -> None:
    model = a_model_result(goodput=GOOD)
    assert series_value(model, metric("goodput_share")) == 95.0
    assert series_value(model, metric("goodput")) == 4.75
    assert series_value(a_model_result(), metric("goodput")) is None
