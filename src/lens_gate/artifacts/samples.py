"""One row per request, kept in columns: the evidence from which every number and verdict can be recomputed.

A `Sample` is written by `load`, one per logical request; `Samples` holds many of them as columns for arithmetic.
All `*_ns` fields are integer nanoseconds from the run's anchor, except the durations `connect_ns` and `largest_gap_ns`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TypeVar, get_args, get_type_hints

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
    cache_write_tokens: int | None = None
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

    def merged(self) -> TextColumn:
        """Return the same strings with each value named once, so that `equals` finds every row."""
        return TextColumn.concatenate([self]) if len(set(self.values)) < len(self.values) else self

    @classmethod
    def concatenate(cls, columns: Sequence[TextColumn]) -> TextColumn:
        """Put the rows of one column after those of the other; values that several columns share become one."""
        known: dict[str, int] = {}
        coded = [_recoded(column, known) for column in columns]
        return cls(tuple(known), np.concatenate([np.zeros(0, dtype=np.int32), *coded]))

    def strings(self) -> list[str | None]:
        """Return the plain strings, None where missing."""
        return [self.values[code] if code >= 0 else None for code in self.codes.tolist()]


Cell = TypeVar("Cell", np.float64, np.int32)

_FIRST_ROOM = 4096
"""Rows that a builder makes room for at first."""


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
            numbers={name: _number_column(list(map(attrgetter(name), kept))) for name in NUMBER_COLUMNS},
            texts={name: _text_column(list(map(attrgetter(name), kept))) for name in TEXT_COLUMNS},
        )

    @classmethod
    def concatenate(cls, blocks: Sequence[Samples]) -> Samples:
        """Put the rows of one block after those of the other; no blocks give no rows."""
        return cls(
            numbers={
                name: np.concatenate([np.zeros(0), *(block.numbers[name] for block in blocks)])
                for name in NUMBER_COLUMNS
            },
            texts={name: TextColumn.concatenate([block.texts[name] for block in blocks]) for name in TEXT_COLUMNS},
        )

    def where(self, mask: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Samples:
        """Return the rows for which `mask` (one flag per row) is true, those at positions, or those of a slice.

        All rows are returned as they are: of a large run nothing is copied in vain.
        """
        if isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.all():
            return self
        return Samples(
            numbers={name: column[mask] for name, column in self.numbers.items()},
            texts={name: TextColumn(column.values, column.codes[mask]) for name, column in self.texts.items()},
        )


class SamplesBuilder:
    """Puts blocks one after the other without ever holding their rows twice, however many there are."""

    def __init__(self) -> None:
        self._rows = 0
        self._numbers = {name: np.empty(0) for name in NUMBER_COLUMNS}
        self._codes = {name: np.empty(0, dtype=np.int32) for name in TEXT_COLUMNS}
        self._values: dict[str, dict[str, int]] = {name: {} for name in TEXT_COLUMNS}

    def add(self, block: Samples) -> None:
        """Add the rows of a block, which is not held."""
        start, self._rows = self._rows, self._rows + len(block)
        if self._rows > len(self._numbers["index"]):
            self._grow()
        for name, column in block.numbers.items():
            self._numbers[name][start : self._rows] = column
        for name, text in block.texts.items():
            self._codes[name][start : self._rows] = _recoded(text, self._values[name])

    def _grow(self) -> None:
        """Double the room, one column at a time; what is not yet written takes no memory."""
        room = max(_FIRST_ROOM, 2 * self._rows)
        for name, column in self._numbers.items():
            self._numbers[name] = _roomier(column, room)
        for name, codes in self._codes.items():
            self._codes[name] = _roomier(codes, room)

    def samples(self) -> Samples:
        """Return the rows so far."""
        return Samples(
            numbers={name: column[: self._rows] for name, column in self._numbers.items()},
            texts={
                name: TextColumn(tuple(self._values[name]), codes[: self._rows]) for name, codes in self._codes.items()
            },
        )


def _roomier(column: NDArray[Cell], room: int) -> NDArray[Cell]:
    larger = np.empty(room, dtype=column.dtype)
    larger[: len(column)] = column
    return larger


def _recoded(column: TextColumn, known: dict[str, int]) -> NDArray[np.int32]:
    """Return the codes of a column among the `known` values, to which new ones are added."""
    # The last entry answers the code -1, a missing value, by its position.
    recode = [*(known.setdefault(value, len(known)) for value in column.values), -1]
    return np.array(recode, dtype=np.int32)[column.codes]


def _number_column(values: list[float | None]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)  # numpy reads None as NaN


def _text_column(values: list[str | None]) -> TextColumn:
    codes: dict[str, int] = {}
    coded = [-1 if value is None else codes.setdefault(str(value), len(codes)) for value in values]
    return TextColumn(tuple(codes), np.array(coded, dtype=np.int32))


COLUMNS: Mapping[str, tuple[str, str]] = {
    "index": ("", "position in the schedule, counted from 0; also the key of the attempts"),
    "series": ("", "`provider/model` of the candidate: what is compared with what across the arms"),
    "provider": ("", "name of the provider in the configuration"),
    "model": ("", "model as requested"),
    "model_returned": ("", "model as the server named it in its answer"),
    "arm": ("", "`base` or `candidate`"),
    "pair": ("", "number of the pair with a request of each arm, or of the block with one of each compared model"),
    "slot": ("", "position inside the pair or block: 0 was due first"),
    "prompt_id": ("", "prompt in the configuration"),
    "draw": ("", "which values the variables of the prompt took"),
    "repetition": ("", "how often this prompt and draw came before, as far back as 65,536 other draws"),
    "phase": ("", "`warmup`, `measure` or `cooldown`; only `measure` counts"),
    "intended_ns": ("ns", "when it was due; response times count from here"),
    "sent_ns": ("ns", "when it was sent; service times count from here"),
    "headers_ns": ("ns", "when the head of the answer was read"),
    "first_byte_ns": ("ns", "when the first byte of the body was read"),
    "first_token_ns": ("ns", "when the first generated token of any kind was read"),
    "first_visible_ns": ("ns", "when the first token that a person would see was read"),
    "last_token_ns": ("ns", "when the last token was read"),
    "end_ns": ("ns", "when it was over, however it ended"),
    "connect_ns": ("ns, duration", "connecting, TLS included; missing on a reused connection"),
    "reused": ("", "whether the connection was open already: used before, or opened before the run began"),
    "input_tokens": ("tokens", "input as billed, cached ones included"),
    "output_tokens": ("tokens", "output as billed, reasoning included"),
    "reasoning_tokens": ("tokens", "the share of the output that is reasoning"),
    "cached_tokens": ("tokens", "the share of the input that came from the provider's cache"),
    "cache_write_tokens": ("tokens", "the share of the input that was written to the provider's cache"),
    "token_source": ("", "where the counts come from: `server`, `chunks`, `estimate` or `none`"),
    "prompt_hash": ("", "hash of what was sent; the text itself is not kept"),
    "prompt_characters": ("characters", "length of what was sent"),
    "answer_hash": ("", "hash of the visible answer"),
    "answer_characters": ("characters", "length of the visible answer"),
    "finish_reason": ("", "`stop`, `length`, `tool`, `refusal`, `other` or `none`"),
    "status": ("", "`ok`, `failed`, `throttled` (429, 529) or `shed` (never sent)"),
    "error_class": ("", "how it went wrong; `none` for a success"),
    "http_status": ("", "HTTP status of the last attempt"),
    "attempts": ("attempts", "tries, the first one included"),
    "chunk_count": ("chunks", "pieces of the stream that carried generated tokens"),
    "read_count": ("reads", "reads from the socket that carried the body"),
    "zero_gaps": ("gaps", "chunks that came in the same read as the one before: a buffered stream has many"),
    "largest_gap_ns": ("ns, duration", "longest wait between two chunks"),
    "gap_sketch": ("", "the waits between chunks, as a sketch from which their percentiles follow"),
    "cost_usd": ("USD", "price of the request"),
}
"""Unit and meaning of each field of Sample; where a column may be missing, that is said by its type."""

_TYPE_WORDS: Mapping[str, str] = {"int": "integer", "float": "number", "bool": "true or false"}


def columns_markdown() -> str:
    """Return the table of columns in docs/artifacts.md."""
    rows = [
        f"| `{name}` | {_type_words(SAMPLE_HINTS[name])} | {unit} | {text} |" for name, (unit, text) in COLUMNS.items()
    ]
    return "\n".join(["| column | type | unit | meaning |", "| --- | --- | --- | --- |", *rows]) + "\n"


def _type_words(hint: object) -> str:
    names = [getattr(part, "__name__", str(part)) for part in get_args(hint) or (hint,)]
    plain = _TYPE_WORDS.get(names[0], "text")
    return f"{plain} or null" if "NoneType" in names else plain
