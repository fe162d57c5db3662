from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import COLUMNS, NUMBER_COLUMNS, Sample, Samples, TextColumn, columns_markdown
from lens_gate.artifacts.verdict import Verdict
from lens_gate.vocabulary.requests import Arm
from tests.builders import a_sample
from tests.unit.artifacts.artifact_examples import duet_rows
from tests.unit.artifacts.sample_strategies import same, sample_rows

DOCS = Path(__file__).parents[3] / "docs" / "artifacts.md"


@given(st.lists(sample_rows(max_size=3), max_size=4))
def test_blocks_put_together_are_the_rows_put_together(blocks: list[list[Sample]]) -> None:
    joined = Samples.concatenate([Samples.of(rows) for rows in blocks])
    assert same(joined, Samples.of([row for rows in blocks for row in rows]))


def test_a_value_that_two_blocks_share_gets_one_code() -> None:
    blocks = [TextColumn(("a", "b"), np.array([1, 0, -1], np.int32)), TextColumn(("b",), np.array([0], np.int32))]
    joined = TextColumn.concatenate(blocks)
    assert joined.values == ("a", "b")
    assert joined.equals("b").tolist() == [True, False, False, True]


def test_rows_can_be_chosen_by_flags_and_by_a_slice() -> None:
    samples = Samples.of(duet_rows(pairs=4))
    assert len(samples.where(samples.texts["arm"].equals(Arm.BASE))) == 4
    assert samples.where(slice(2, 5)).numbers["index"].tolist() == [2, 3, 4]


def test_a_word_that_no_row_holds_selects_no_row() -> None:
    samples = Samples.of([a_sample()])
    assert samples.texts["arm"].equals(Arm.BASE).tolist() == [False]


def test_missing_numbers_are_nan() -> None:
    samples = Samples.of([a_sample(cost_usd=None, reused=None)])
    assert np.isnan([samples.numbers["cost_usd"][0], samples.numbers["reused"][0]]).all()
    assert "cost_usd" in NUMBER_COLUMNS


def test_every_column_says_its_meaning() -> None:
    assert list(COLUMNS) == [field.name for field in fields(Sample)]
    assert all(meaning for _, meaning in COLUMNS.values())


def test_every_column_of_time_says_nanoseconds() -> None:
    assert {name for name, (unit, _) in COLUMNS.items() if unit.startswith("ns")} == {
        name for name in COLUMNS if name.endswith("_ns")
    }


def test_the_docs_show_the_table_of_columns_as_it_is() -> None:
    assert columns_markdown() in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize("model", [Run, Analysis, Verdict])
def test_the_docs_name_every_part_of_every_artifact(model: type[Run | Analysis | Verdict]) -> None:
    section = DOCS.read_text(encoding="utf-8").partition(f"\n## {model.__name__}")[2].partition("\n## ")[0]
    common = {"kind", "schema_version", "provenance", "fingerprint"}
    assert [name for name in model.model_fields if name not in common and f"`{name}`" not in section] == []


def test_rows_that_are_all_wanted_are_not_copied() -> None:
    samples = Samples.of([a_sample(index=0), a_sample(index=1)])
    assert samples.where(np.array([True, True])) is samples
    assert list(samples.where(np.array([False, True])).numbers["index"]) == [1]
