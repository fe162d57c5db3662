"""`lens-gate cost` as a user types it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.cost import CostReport
from lens_gate.artifacts.samples import Sample
from lens_gate.vocabulary.requests import Arm, ErrorClass
from tests.builders import a_failed_sample, a_run, a_sample, a_verdict
from tests.integration.conftest import Invoke

SAMPLES = [
    *(a_sample(index=number, input_tokens=1_000, cached_tokens=500, output_tokens=100) for number in range(8)),
    a_sample(index=8, arm=Arm.BASE, model="gpt-old", input_tokens=1_000, output_tokens=100, cost_usd=None),
    a_failed_sample(ErrorClass.CUT_STREAM, index=9, http_status=200),
]
PRICES = """\
currency: EUR
exchange_rates: {EUR: 0.9}
models:
  gpt-small: {input_per_million: 2, output_per_million: 20, cached_input_per_million: 0.5}
"""
IN_EUR = 8 * (500 * 2 + 500 * 0.5 + 100 * 20) / 1e6


@pytest.fixture
def run(home: Path) -> Path:
    return write(home / "run.json", SAMPLES)


def write(path: Path, samples: list[Sample]) -> Path:
    path.write_bytes(dumps(a_run(samples=samples)))
    return path


def reported(text: str) -> CostReport:
    return CostReport.model_validate_json(text)


def test_without_a_price_list_it_says_what_was_paid(invoke: Invoke, run: Path) -> None:
    answer = invoke("cost", "--input", str(run), "--format", "json")
    assert answer.code == 0
    report = reported(answer.out)
    assert [row.paid for row in report.models] == [pytest.approx(8 * 0.002), None]
    assert report.paid is None
    shown = invoke("cost", str(run)).out
    assert "What was paid is not known for openai/gpt-old" in shown
    assert "Of 1 request nobody told the bill" in shown


def test_a_price_list_prices_the_tokens_anew(invoke: Invoke, run: Path, home: Path) -> None:
    (home / "prices.yaml").write_text(PRICES, encoding="utf-8")
    report = reported(invoke("cost", "run.json", "--pricing", "prices.yaml", "--format", "json").out)
    small, old = report.models
    assert (report.currency, report.pricing) == ("EUR", "prices.yaml")
    assert small.cost == pytest.approx(IN_EUR)
    assert small.paid == pytest.approx(8 * 0.002 * 0.9)
    assert (small.requests, small.unknown, old.cost, report.cost) == (9, 1, None, None)
    dollars = reported(
        invoke("cost", "run.json", "--pricing", "prices.yaml", "--currency", "USD", "--format", "json").out
    )
    assert dollars.models[0].cost == pytest.approx(IN_EUR / 0.9)
    told = invoke("cost", "run.json", "--pricing", "prices.yaml", "--output", "cost.md")
    assert (told.code, told.out) == (0, "")
    page = (home / "cost.md").read_text(encoding="utf-8")
    assert "| openai/gpt-small (candidate) | 9 | 8,000 | 4,000 | 800 |" in page
    assert "The price list has no price for openai/gpt-old." in page


def test_an_exchange_rate_of_the_command_line_wins(invoke: Invoke, run: Path, home: Path) -> None:
    (home / "prices.yaml").write_text(PRICES, encoding="utf-8")
    answer = invoke("cost", "run.json", "--currency", "GBP", "--exchange-rate", "0.8", "--format", "json")
    assert reported(answer.out).models[0].paid == pytest.approx(8 * 0.002 * 0.8)
    options = ("--pricing", "prices.yaml", "--exchange-rate", "0.5", "--format", "json")
    report = reported(invoke("cost", "run.json", *options).out)
    assert report.models[0].cost == pytest.approx(IN_EUR)
    assert report.models[0].paid == pytest.approx(8 * 0.002 * 0.5)


def test_what_was_paid_stays_open_where_nobody_said_what_a_dollar_is(invoke: Invoke, run: Path, home: Path) -> None:
    (home / "prices.yaml").write_text(PRICES.replace("exchange_rates: {EUR: 0.9}\n", ""), encoding="utf-8")
    answer = invoke("cost", "run.json", "--pricing", "prices.yaml")
    assert answer.code == 0
    assert "nobody said how much EUR one is" in answer.out


def test_several_runs_are_added_up(invoke: Invoke, home: Path) -> None:
    for name in ("a.json", "b.json"):
        write(home / name, SAMPLES[:4])
    report = reported(invoke("cost", "--input", "a.json", "b.json", "--format", "json").out)
    assert report.models[0].requests == 8
    assert report.paid == pytest.approx(8 * 0.002)


def test_csv_is_unrounded(invoke: Invoke, run: Path, home: Path) -> None:
    (home / "prices.yaml").write_text(PRICES, encoding="utf-8")
    answer = invoke("cost", "run.json", "--pricing", "prices.yaml", "--format", "csv")
    first, second = csv.DictReader(io.StringIO(answer.out))
    assert float(first["cost"]) == pytest.approx(IN_EUR)
    assert (first["currency"], second["cost"]) == ("EUR", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run.json", "--currency", "GBP"), "nobody said how much of GBP a US dollar is"),
        (("run.json", "--currency", "euro"), "'euro' is no currency"),
        (("run.json", "--exchange-rate", "0.9"), "a US dollar is one US dollar"),
        (("run.json", "--pricing", "nowhere.yaml"), "nowhere.yaml: there is no such file"),
        (("run.json", "--pricing", "odd.yaml"), "odd.yaml: this is no text"),
        (("run.json", "--pricing", "wrong.yaml"), "wrong.yaml:1: unknown key `model`"),
        (("verdict.json",), "verdict.json: only a run says what its requests used"),
        ((), "there is nothing to read"),
    ],
)
def test_what_cannot_be_priced_is_refused_with_the_reason(
    arguments: tuple[str, ...], said: str, invoke: Invoke, run: Path, home: Path
) -> None:
    (home / "odd.yaml").write_bytes(b"\xff\xfe\x00")
    (home / "wrong.yaml").write_text(f"model: 1\n{PRICES}", encoding="utf-8")
    (home / "verdict.json").write_bytes(dumps(a_verdict()))
    answer = invoke("cost", *arguments)
    assert answer.code == 2
    assert said in answer.err
    assert answer.told["exit"] == "2"
