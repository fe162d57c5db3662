from __future__ import annotations

import copy
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given

from lens_gate.artifacts.columns import decode, encode
from lens_gate.artifacts.samples import SAMPLE_HINTS, Sample, Samples
from lens_gate.errors import ArtifactCorrupt
from tests.builders import a_sample
from tests.unit.artifacts.artifact_examples import duet_rows
from tests.unit.artifacts.sample_strategies import same, sample_rows


@given(sample_rows())
def test_samples_come_back_from_json_as_they_were(rows: list[Sample]) -> None:
    samples = Samples.of(rows)
    assert same(decode(orjson.loads(orjson.dumps(encode(samples)))), samples)


def columns() -> dict[str, Any]:
    return copy.deepcopy(encode(Samples.of(duet_rows(pairs=6))))


def test_there_is_one_column_per_field_in_the_order_of_sample() -> None:
    assert list(columns()) == list(SAMPLE_HINTS)


def test_whole_numbers_are_integers_flags_are_flags_and_missing_values_are_null() -> None:
    cells: dict[str, Any] = encode(
        Samples.of([a_sample(), a_sample(reused=None, largest_gap_ns=None, model_returned=None)])
    )
    assert cells["end_ns"] == [1_510_000_000, 1_510_000_000]
    assert all(type(cell) is int for cell in cells["end_ns"])
    assert cells["largest_gap_ns"] == [40_000_000, None]
    assert cells["reused"] == [True, None]
    assert cells["cost_usd"] == [0.002, 0.002]
    assert cells["model_returned"] == {"values": ["gpt-small"], "codes": [0, -1]}


def test_a_choice_of_rows_writes_only_the_words_it_uses() -> None:
    rows = [a_sample(draw="a"), a_sample(draw="b"), a_sample(draw="c")]
    assert encode(Samples.of(rows).where(slice(1, 3)))["draw"] == {"values": ["b", "c"], "codes": [0, 1]}


def test_half_a_surrogate_from_a_server_is_spelled_out() -> None:
    samples = decode(orjson.loads(orjson.dumps(encode(Samples.of([a_sample(model_returned="x\ud83d")])))))
    assert samples.texts["model_returned"].strings() == ["x\\ud83d"]


def test_a_word_named_twice_is_found_in_all_its_rows() -> None:
    cells = columns()
    cells["draw"] = {"values": ["a", "b", "a"], "codes": [0, 1, 2] * 4}
    assert decode(cells).texts["draw"].equals("a").sum() == 8


@pytest.mark.parametrize("value", [0.5, 2.0**54, -(2.0**60)])
def test_a_number_that_is_not_whole_is_never_written_into_a_whole_column(value: float) -> None:
    samples = Samples.of([a_sample()])
    wrong = Samples({**samples.numbers, "end_ns": np.array([value])}, samples.texts)
    with pytest.raises(ValueError, match="end_ns"):
        encode(wrong)


def test_an_infinite_number_is_written_as_missing() -> None:
    samples = Samples.of([a_sample()])
    assert encode(Samples({**samples.numbers, "end_ns": np.array([np.inf])}, samples.texts))["end_ns"] == [None]


TWELVE = list(range(12))


@pytest.mark.parametrize(
    ("column", "cells", "says"),
    [
        ("end_ns", TWELVE[:-1], "differ in length"),
        ("end_ns", None, "end_ns must hold int or null"),
        ("end_ns", ["1"] * 12, "end_ns must hold int or null"),
        ("end_ns", [1.0] * 12, "end_ns must hold int or null"),
        ("end_ns", [True] * 12, "end_ns must hold int or null"),
        ("end_ns", [[1]] * 12, "end_ns must hold int or null"),
        ("end_ns", [2**53 + 1] * 12, "end_ns must hold a whole number below"),
        ("index", [None] * 12, "index must hold int"),
        ("reused", [1] * 12, "reused must hold bool or null"),
        ("cost_usd", ["free"] * 12, "cost_usd must hold float or null"),
        ("draw", TWELVE, 'draw must hold an object of "values" and "codes"'),
        ("draw", {"values": ["a"]}, 'draw must hold an object of "values" and "codes"'),
        ("draw", {"values": ["a"], "codes": [0] * 12, "more": 1}, 'draw must hold an object of "values" and "codes"'),
        ("draw", {"values": [1], "codes": [0] * 12}, "draw must hold text"),
        ("draw", {"values": ["a"], "codes": [1] * 12}, "draw must hold codes from 0 to 0"),
        ("draw", {"values": ["a"], "codes": [-1] * 12}, "draw must hold codes from 0 to 0"),
        ("draw", {"values": ["a"], "codes": [0.0] * 12}, "draw must hold integer codes"),
        ("draw", {"values": ["a"], "codes": [False] * 12}, "draw must hold integer codes"),
        ("draw", {"values": ["a"], "codes": [2**63] * 12}, "draw must hold codes of at most 64 bits"),
        ("answer_hash", {"values": ["a"], "codes": [-2] * 12}, "answer_hash must hold codes from -1 to 0"),
        ("status", {"values": ["fine"], "codes": [0] * 12}, "status must hold one of its known words, but not `fine`"),
    ],
)
def test_a_damaged_column_is_refused_by_its_name(column: str, cells: object, says: str) -> None:
    with pytest.raises(ArtifactCorrupt, match=r"run\.json") as caught:
        decode({**columns(), column: cells}, name="run.json")  # type: ignore[dict-item]  # damage is the point
    assert says in caught.value.message
    assert caught.value.hint


def test_a_missing_and_an_unknown_column_are_refused_by_name() -> None:
    missing = {name: cells for name, cells in columns().items() if name != "arm"}
    with pytest.raises(ArtifactCorrupt, match="missing columns: arm"):
        decode(missing)
    with pytest.raises(ArtifactCorrupt, match="unknown columns: colour"):
        decode({**columns(), "colour": []})


def test_columns_that_another_tool_sorted_are_read() -> None:
    samples = Samples.of(duet_rows(pairs=6))
    assert same(decode(dict(sorted(columns().items()))), samples)


def test_a_cost_without_a_fraction_may_come_as_an_integer() -> None:
    assert decode({**columns(), "cost_usd": [0, None, 1] * 4}).numbers["cost_usd"][2] == 1.0


def test_an_empty_column_of_words_needs_no_words() -> None:
    empty = decode(encode(Samples.of([])))
    assert (len(empty), empty.texts["arm"].values) == (0, ())
