"""Our own CSV, and any table with the columns of the spec: one line a request.

`ttft_ms` and `total_latency_ms` count from `timestamp`. The further columns of our export, where they are there, hold
every instant to the nanosecond; without them nothing is known of the send and of the last token.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import floor
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from lens_gate.artifacts.csv_columns import FORMULA_STARTS, SPEC_COLUMNS
from lens_gate.artifacts.foreign.failures import class_of
from lens_gate.artifacts.foreign.reading import NS_PER_MS, Count, Lenient, Milliseconds, problem
from lens_gate.artifacts.foreign.recording import DAMAGED, Names, Recording, Source, a_plan, blank, recorded
from lens_gate.artifacts.samples import Sample
from lens_gate.errors import ArtifactCorrupt, ArtifactProblem
from lens_gate.vocabulary.requests import Arm, ErrorClass, FinishReason, Phase, TokenSource, status_of

TOOL = "csv"
MARKS = (b"timestamp", b"total_latency_ms")
"""What the beginning of such a file holds."""

_OPTIONAL = ("request_id", "cost_usd", "error_type")
_NEEDED = tuple(name for name in SPEC_COLUMNS if name not in _OPTIONAL)
_WRITE_IT = "`lens-gate report run.json --format csv` writes such a table; docs/importing.md lists its columns."
_BARE = "they hold no instants but the first token and the end, so there is no time per token"
_FITS = timedelta(milliseconds=2)
_LONGEST = timedelta(days=50)


def _in_utc(moment: datetime) -> datetime:
    """Take a time without a zone for UTC."""
    if not 1990 <= moment.year <= 2200:
        msg = f"the year {moment.year} is none of a measurement"
        raise ValueError(msg)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class _Row(Lenient):
    timestamp: Annotated[datetime, AfterValidator(_in_utc)]
    provider: str
    model: str
    ttft_ms: Milliseconds | None = None
    total_latency_ms: Milliseconds | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost_usd: Annotated[float, Field(ge=0)] | None = None
    status: Literal["success", "failed"]
    error_type: str | None = None
    arm: Arm = Arm.CANDIDATE
    pair: Count | None = None
    slot: Count | None = None
    phase: Phase = Phase.MEASURE
    intended_ms: Milliseconds | None = None
    sent_ms: Milliseconds | None = None
    first_token_ms: Milliseconds | None = None
    first_visible_ms: Milliseconds | None = None
    last_token_ms: Milliseconds | None = None
    end_ms: Milliseconds | None = None
    cached_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    chunk_count: Count = 0
    http_status: Count | None = None
    token_source: TokenSource | None = None
    finish_reason: FinishReason = FinishReason.NONE
    series: str | None = None
    prompt_id: str = ""
    draw: str = ""
    prompt_hash: str = ""


def read(source: Source, names: Names) -> Recording:
    """Translate one table. Raises ArtifactCorrupt, and ArtifactProblem where it holds more series than can be named."""
    rows = _rows(source)
    _require_one_series(rows, names, source)
    with_instants = bool(rows) and all(row.intended_ms is not None for _, row in rows)
    begun = _begun([row for _, row in rows], with_instants=with_instants)
    return Recording(
        source=source.name,
        tool=TOOL,
        requests=tuple(recorded(_sample(row, names, _due(row, begun, place)), place=place) for place, row in rows),
        plan=a_plan(requests=len(rows)),
        started=begun,
        remarks=() if with_instants else (_BARE,),
    )


def _rows(source: Source) -> list[tuple[str, _Row]]:
    """Return the lines with their places; the head must have the columns of the spec."""
    text = _text(source)
    head = text.partition("\n")[0]
    delimiter = max(",;\t|", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    found = []
    try:
        missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
        if missing:
            raise ArtifactCorrupt(f"there is no column {', '.join(missing)}", place=source.name, hint=_WRITE_IT)
        for cells in reader:
            place = f"{source.name}:{reader.line_num}"
            found.append((place, _row(cells, place)))
    except csv.Error as error:
        raise ArtifactCorrupt(f"this is no table: {error}", place=source.name, hint=DAMAGED) from error
    return found


def _text(source: Source) -> str:
    try:
        return source.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ArtifactCorrupt("the file is not UTF-8 text", place=source.name, hint="Save it as UTF-8.") from error


def _row(cells: dict[str | None, str | list[str] | None], place: str) -> _Row:
    if None in cells:
        raise ArtifactCorrupt("the line has more cells than the head", place=place, hint=DAMAGED)
    known = {name: _unquoted(cell) for name, cell in cells.items() if isinstance(cell, str) and cell}
    try:
        row = _Row.model_validate(known)
    except ValidationError as error:
        raise problem(error, place=place, lacking=DAMAGED) from error
    if row.status == "success" and row.error_type is not None:
        raise ArtifactCorrupt("a success has an `error_type`", place=place, hint=DAMAGED)
    return row


def _unquoted(text: str) -> str:
    """Undo what keeps a spreadsheet from reading a text as a formula."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text


def _require_one_series(rows: Sequence[tuple[str, _Row]], names: Names, source: Source) -> None:
    series = {(row.provider, row.model) for _, row in rows}
    if len(series) > 1 and (names.provider or names.model):
        raise ArtifactProblem(
            f"--provider and --model name one series, and the table holds {len(series)}",
            place=source.name,
            hint="Leave them out: the table has its own names.",
        )


def _begun(rows: Sequence[_Row], *, with_instants: bool) -> datetime:
    """Return the time of day at 0: what the instants count from, else the first time stamp."""
    if with_instants:
        # Time stamps are cut to milliseconds, and so is the start of a run.
        return rows[0].timestamp - timedelta(milliseconds=floor(rows[0].intended_ms or 0.0))
    return min((row.timestamp for row in rows), default=datetime.fromtimestamp(0, UTC))


def _due(row: _Row, begun: datetime, place: str) -> int:
    """Return when the request was due, in nanoseconds from `begun`."""
    passed = row.timestamp - begun
    if passed > _LONGEST:
        raise ArtifactCorrupt("the table spans more than 50 days", place=place, hint="Give the rows of one run.")
    if row.intended_ms is None:
        return passed // timedelta(microseconds=1) * 1000
    if abs(timedelta(milliseconds=row.intended_ms) - passed) > _FITS:
        raise ArtifactCorrupt(
            "`intended_ms` does not fit `timestamp`: are several runs in one table?",
            place=place,
            hint="Import each run on its own.",
        )
    return round(row.intended_ms * NS_PER_MS)


def _sample(row: _Row, names: Names, due: int) -> Sample:
    error = _error(row)
    good = error is ErrorClass.NONE

    def instant(exact_ms: float | None, after_ms: float | None = None) -> int | None:
        if exact_ms is not None:
            return round(exact_ms * NS_PER_MS)
        return None if after_ms is None else due + round(after_ms * NS_PER_MS)

    known = blank(names, provider=row.provider, model=row.model)
    return replace(
        _counted(known, row, good=good),
        series=row.series or known.series,
        arm=row.arm,
        pair=row.pair,
        slot=row.slot,
        prompt_id=row.prompt_id,
        draw=row.draw,
        prompt_hash=row.prompt_hash,
        phase=row.phase,
        intended_ns=due,
        sent_ns=instant(row.sent_ms),
        first_token_ns=instant(row.first_token_ms, row.ttft_ms),
        first_visible_ns=instant(row.first_visible_ms),
        last_token_ns=instant(row.last_token_ms),
        end_ns=instant(row.end_ms, row.total_latency_ms),
        finish_reason=row.finish_reason,
        status=status_of(error, row.http_status),
        error_class=error,
        http_status=row.http_status,
    )


def _counted(known: Sample, row: _Row, *, good: bool) -> Sample:
    """Add tokens and money; the spec writes 0 for a failure of which nothing is known."""
    unsaid = TokenSource.ESTIMATE if row.output_tokens else TokenSource.NONE
    return replace(
        known,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens if good else row.output_tokens or None,
        reasoning_tokens=row.reasoning_tokens,
        cached_tokens=row.cached_tokens,
        token_source=row.token_source or unsaid,
        chunk_count=row.chunk_count,
        cost_usd=row.cost_usd if good else row.cost_usd or None,
    )


def _error(row: _Row) -> ErrorClass:
    if row.status == "success":
        return ErrorClass.NONE
    words = row.error_type or ""
    return ErrorClass(words) if words in set(ErrorClass) - {ErrorClass.NONE} else class_of(row.http_status, words)
