from __future__ import annotations

from pathlib import Path

import pytest

from lens_gate.errors import LensGateError
from lens_gate.reports.generated import (
    error_classes_markdown,
    exit_codes_markdown,
    generated_docs,
    metrics_markdown,
)
from lens_gate.vocabulary.metric_table import METRICS
from lens_gate.vocabulary.outcomes import PRECEDENCE, ExitCode
from lens_gate.vocabulary.requests import MEANINGS, ErrorClass

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", generated_docs())
def test_the_file_on_disk_is_what_the_code_writes(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == generated_docs()[name](), "run `make docs`"


@pytest.mark.parametrize("name", generated_docs())
def test_every_table_has_rows_of_one_width(name: str) -> None:
    for block in generated_docs()[name]().split("\n\n"):
        lines = [line.replace("\\|", "") for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1


def test_every_metric_is_listed_once() -> None:
    text = metrics_markdown()
    assert [metric.name for metric in METRICS if text.count(f"| `{metric.name}` | {metric.unit} |") != 1] == []


def test_every_error_class_has_a_meaning_and_a_row() -> None:
    assert set(MEANINGS) == set(ErrorClass)
    text = error_classes_markdown()
    assert all(f"| `{kind.value}` |" in text for kind in ErrorClass)
    assert "| `rate_limit` | throttled |" in text
    assert "| `timeout` | failed, its latency censored at the limit |" in text
    assert "| `shed` | shed |" in text
    assert "| `none` | success |" in text


def test_every_exit_code_is_explained_and_has_its_place() -> None:
    text = exit_codes_markdown()
    assert set(PRECEDENCE) == set(ExitCode)
    assert all(f"| {int(code)} | `{code.name.lower()}` |" in text for code in ExitCode)
    assert "the first of these wins: 70, 130, 2, 1, 3, 6, 5, 4, 7, 0." in text


def test_every_error_is_listed_with_its_code() -> None:
    class Foreign(LensGateError):
        """Belongs to somebody else."""

    text = exit_codes_markdown()
    assert "| `UsageProblem` | 2 |" in text
    assert "| `PublishFailed` | 7 |" in text
    assert Foreign.__name__ not in text
