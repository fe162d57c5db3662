"""One row per request, kept in columns: the evidence from which every number and verdict can be recomputed.

A `Sample` is written by `load`, one per logical request; `Samples` holds many of them as columns for arithmetic.
All `*_ns` fields are integer nanoseconds from the run's anchor, except the durations `connect_ns` and `largest_gap_ns`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import get_type_hints

import numpy as np
from numpy.typing import NDArray

from lens_gate.vocabulary.requests import Arm, ErrorClass, FinishReason, Phase, Status, TokenSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was measured of one request. None means: did not happen, or the server did not say."""

    index: int
    series: str
    provider: str
    model: str
    model_returned: str | None = None
    arm: Arm = Arm.CANDIDATE
    pair: int | None = None
    slot: int | None = None
    prompt_id: str
    draw: str
    repetition: int = 0
    phase: Phase = Phase.MEASURE
    intended_ns: int
    sent_ns: int | None = None
    headers_ns: int | None = None
    first_byte_ns: int | None = None
    first_token_ns: int | None = None
    first_visible_ns: int | None = None
    last_token_ns: int | None = None
    end_ns: int | None = None
    connect_ns: int | None = None
    reused: bool | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    token_source: TokenSource = TokenSource.NONE
    prompt_hash: str
    prompt_characters: int
    answer_hash: str | None = None
    answer_characters: int = 0
    finish_reason: FinishReason = FinishReason.NONE
    status: Status
    error_class: ErrorClass = ErrorClass.NONE
    http_status: int | None = None
    attempts: int = 1
    chunk_count: int = 0
    read_count: int = 0
    zero_gaps: int = 0
    largest_gap_ns: int | None = None
    gap_sketch: str | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a request that was tried more than once; `backoff_ns` is the wait before it."""

    index: int
    attempt: int
    sent_ns: int | None
    end_ns: int | None
    backoff_ns: int
    http_status: int | None
    error_class: ErrorClass


@dataclass(frozen=True, slots=True)
class TextColumn:
    """Strings by code: `values[codes[i]]`; a code of -1 is a missing value."""

    values: tuple[str, ...]
    codes: NDArray[np.int32]

    def equals(self, value: str) -> NDArray[np.bool_]:
        """Return which rows hold `value`."""
        if value not in self.values:
            return np.zeros(len(self.codes), dtype=np.bool_)
        return np.equal(self.codes, self.values.index(value))

    def strings(self) -> list[str | None]:
        """Return the plain strings, None where missing."""
        return [self.values[code] if code >= 0 else None for code in self.codes.tolist()]


def _is_number(hint: object) -> bool:
    return hint in (int, float, bool, int | None, float | None, bool | None)


SAMPLE_HINTS: Mapping[str, object] = get_type_hints(Sample)
NUMBER_COLUMNS: tuple[str, ...] = tuple(f.name for f in fields(Sample) if _is_number(SAMPLE_HINTS[f.name]))
TEXT_COLUMNS: tuple[str, ...] = tuple(f.name for f in fields(Sample) if not _is_number(SAMPLE_HINTS[f.name]))


@dataclass(frozen=True, slots=True)
class Samples:
    """Columns of equal length, named as the fields of Sample.

    Numbers are float64 with NaN for a missing value; that is exact for nanoseconds up to 104 days after the anchor.
    """

    numbers: Mapping[str, NDArray[np.float64]]
    texts: Mapping[str, TextColumn]

    def __len__(self) -> int:
        """Return the number of requests."""
        return len(self.numbers["index"])

    @classmethod
    def of(cls, rows: Iterable[Sample]) -> Samples:
        """Build columns from rows."""
        kept = list(rows)
        return cls(
            numbers={name: _number_column([getattr(row, name) for row in kept]) for name in NUMBER_COLUMNS},
            texts={name: _text_column([getattr(row, name) for row in kept]) for name in TEXT_COLUMNS},
        )

    def where(self, mask: NDArray[np.bool_]) -> Samples:
        """Return the rows for which `mask` (one flag per row) is true."""
        return Samples(
            numbers={name: column[mask] for name, column in self.numbers.items()},
            texts={name: TextColumn(column.values, column.codes[mask]) for name, column in self.texts.items()},
        )


def _number_column(values: list[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _text_column(values: list[str | None]) -> TextColumn:
    codes: dict[str, int] = {}
    coded = [-1 if value is None else codes.setdefault(str(value), len(codes)) for value in values]
    return TextColumn(tuple(codes), np.array(coded, dtype=np.int32))
