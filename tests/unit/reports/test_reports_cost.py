"""What runs cost, as people read it."""

from __future__ import annotations

from typing import Any

import pytest

from lens_gate.artifacts.cost import CostReport, ModelCost
from lens_gate.reports.cost import cost_sheet, cost_table
from lens_gate.reports.sheet import sheet_text
from lens_gate.vocabulary.requests import Arm


def a_model_cost(**changes: Any) -> ModelCost:
    values = {
        "arm": Arm.CANDIDATE,
        "provider": "openai",
        "model": "gpt-small",
        "requests": 1_200,
        "unknown": 0,
        "input_tokens": 120_000,
        "cached_tokens": 20_000,
        "cache_write_tokens": 0,
        "output_tokens": 60_000,
        "reasoning_tokens": 0,
        "paid": 2.0,
        "cost": 1.5,
    }
    return ModelCost(**{**values, **changes})


def a_cost_report(*models: ModelCost, **changes: Any) -> CostReport:
    values = {
        "sources": ("run.json",),
        "pricing": "prices.yaml",
        "currency": "USD",
        "per_usd": 1.0,
        "models": models or (a_model_cost(),),
        "paid": 2.0,
        "cost": 1.5,
    }
    return CostReport(**{**values, **changes})


def shown(report: CostReport) -> str:
    return sheet_text(cost_sheet(report), width=100, unicode=True)


def test_the_headline_tells_the_sum_and_what_it_is_against_what_was_paid() -> None:
    assert shown(a_cost_report()).startswith("Cost by prices.yaml: $1.50, −25.0 % against what was paid\n")
    assert shown(a_cost_report(paid=None)).startswith("Cost by prices.yaml: $1.50\n")
    assert shown(a_cost_report(cost=None)).startswith("Cost by prices.yaml: not known in full\n")
    assert shown(a_cost_report(pricing=None)).startswith("Cost: $2.00\n")


def test_another_currency_stands_behind_every_amount_and_its_rate_is_told() -> None:
    text = shown(a_cost_report(currency="EUR", per_usd=0.9))
    assert "One US dollar is taken for 0.9 EUR." in text
    assert "2.00 EUR" in text
    assert "$" not in text


def test_both_versions_are_told_apart_and_added_up() -> None:
    text = shown(a_cost_report(a_model_cost(arm=Arm.BASE), a_model_cost()))
    assert "openai/gpt-small (baseline)" in text
    assert "all together" in text
    assert "2,400" in text


@pytest.mark.parametrize(
    ("report", "note"),
    [
        (a_cost_report(a_model_cost(cost=None)), "The price list has no price for openai/gpt-small."),
        (a_cost_report(a_model_cost(paid=None)), "What was paid is not known for openai/gpt-small."),
        (a_cost_report(per_usd=None, currency="EUR"), "nobody said how much EUR one is"),
        (a_cost_report(a_model_cost(unknown=3)), "Of 3 requests nobody told the bill"),
    ],
)
def test_what_is_not_known_is_said(report: CostReport, note: str) -> None:
    assert note in " ".join(shown(report).split())


def test_where_all_is_known_nothing_is_noted() -> None:
    assert "\n  - " not in shown(a_cost_report())


def test_a_model_in_a_table_is_no_formula() -> None:
    assert "'=SUM(A1)" in cost_table(a_cost_report(a_model_cost(model="=SUM(A1)")))
