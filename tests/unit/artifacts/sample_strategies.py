"""Arbitrary samples: every optional field may be missing, every text may be any text."""

from __future__ import annotations

from enum import StrEnum
from typing import get_args

import numpy as np
from hypothesis import strategies as st

from lens_gate.artifacts.samples import NUMBER_COLUMNS, SAMPLE_HINTS, TEXT_COLUMNS, Sample, Samples

PLAIN: dict[object, st.SearchStrategy[object]] = {
    int: st.integers(1 - 2**53, 2**53 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    str: st.text(max_size=8),
}


def cells(hint: object) -> st.SearchStrategy[object]:
    if get_args(hint):
        return st.none() | cells(get_args(hint)[0])
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    return PLAIN[hint]


def sample_rows(max_size: int = 6) -> st.SearchStrategy[list[Sample]]:
    row = st.fixed_dictionaries({name: cells(hint) for name, hint in SAMPLE_HINTS.items()})
    return st.lists(row.map(lambda fields: Sample(**fields)), max_size=max_size)  # type: ignore[arg-type]  # by its hints


def same(one: Samples, other: Samples) -> bool:
    return all(
        np.array_equal(one.numbers[name], other.numbers[name], equal_nan=True) for name in NUMBER_COLUMNS
    ) and all(one.texts[name].strings() == other.texts[name].strings() for name in TEXT_COLUMNS)
