"""Markdown for pull request comments and job summaries: a verdict on one screen, the rest folded."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from lens_gate.reports.compare import ComparisonView, MetricTable
from lens_gate.reports.escape import cut_to, markdown_code, markdown_text, markdown_words, size
from lens_gate.reports.numbers import count, plural
from lens_gate.reports.page import CostRow, ErrorRow, Gap, ModelRow, ReportView, Row, RunView
from lens_gate.reports.trend_page import TrendRow, TrendView
from lens_gate.vocabulary.outcomes import Outcome

LIMIT = 60_000
"""Bytes; GitHub refuses comments above 65,536 characters, and the text of a check above 65,535 bytes."""

_OPEN_ROWS = 10


def markdown(view: ReportView, *, limit: int = LIMIT) -> str:
    """Return a verdict in at most `limit` bytes of UTF-8; what does not fit is named, worst rows are kept."""
    head = "\n".join(_head(view))
    foot = f"\n{markdown_text(view.tool)}, {markdown_text(view.written)}\n"
    return _fitted(head, [_folded(title, lines) for title, lines in _sections(view)], foot, limit)


def run_markdown(view: RunView) -> str:
    """Return a run that was not judged: summary, one row a model, and how the times are spread."""
    head = [
        "# LLM Benchmark Report",
        "",
        f"**Generated:** {markdown_text(view.generated)}  ",
        f"**Duration:** {view.duration}",
        "",
        f"{markdown_text(view.compared)} {markdown_text(view.validity)} {markdown_text(view.spend)}",
        "",
        "## Executive Summary",
        "",
        *(f"- {name}: {value}" for name, value in view.summary),
        "",
    ]
    spread = _table(("Model", "Time", *view.percentiles), _distribution(view.models))
    told = (*view.notes, *view.prices)
    parts = [
        _headed("## Model Comparison", _model_table(view.models)),
        _headed("## Latency Distribution", spread),
        *([_headed("## Errors", _error_table(view.errors))] if view.errors else []),
        *([_headed("## Notes", _bullets(told))] if told else []),
    ]
    onward = f"\n**{view.onward.head}:** {markdown_code(view.onward.command)}\n" if view.onward else ""
    foot = f"{onward}\n{markdown_text(view.tool)}\n"
    return _fitted("\n".join(head), parts, foot)


def comparison_markdown(view: ComparisonView) -> str:
    """Return a comparison of several models: who comes first, a table for each metric, and every pair folded."""
    facts = (f"{view.headline}.", view.compared, view.validity, view.spend)
    head = [
        f"## {markdown_text(_title(view))}",
        "",
        *_bullets(view.leaders),
        "",
        " ".join(map(markdown_text, facts)),
        "",
        *((markdown_text(view.need), "") if view.need else ()),
        *(line for note in view.notes for line in (f"> {markdown_text(note)}", "")),
    ]
    tables = [_headed(f"### {table.label.capitalize()}", _standings(table)) for table in view.tables]
    folded = [
        _folded("Every two of them", _pair_table(view.tables)),
        _folded(
            "Measurement, coverage, how to read this",
            _bullets((*view.reading, *view.coverage, *view.validity_checks, *view.prices)),
        ),
    ]
    return _fitted("\n".join(head), [*tables, *folded], f"\n{markdown_text(view.tool)}\n")


def _title(view: ComparisonView) -> str:
    return f"{view.name}: comparison" if view.name else "Comparison"


def _standings(table: MetricTable) -> list[str]:
    head = ("model", table.figure, "against first", "interval", "place", "group")
    rows = (
        (markdown_text(row.subject), row.value, markdown_text(row.change), row.interval, row.place, row.groups)
        for row in table.rows
    )
    unranked = ["", markdown_text(table.unranked)] if table.unranked else []
    return [*_table(head, rows, aligned="--- --: --: :-: :-: ---"), *unranked]


def _pair_table(tables: Iterable[MetricTable]) -> list[str]:
    return _table(
        ("metric", "finding", "", "adjusted p", "blocks"),
        (
            (row.metric, row.finding, markdown_text(row.story), row.adjusted_p, row.blocks)
            for table in tables
            for row in table.pairs
        ),
    )


def trend_markdown(view: TrendView) -> str:
    """Return a trend: the verdict, one row for each metric of each series, and what each rule says of it."""
    head = [
        f"## {view.mark.symbol} {markdown_text(view.headline)}",
        "",
        markdown_text(f"{view.name}: {view.about}" if view.name else view.about),
        "",
        *([f"**To confirm, with your other options:** {markdown_code(view.next_step)}", ""] if view.next_step else []),
    ]
    rows = _table(("", "series", "runs", "newest last", "now"), (_trend_row(row) for row in view.rows))
    said = [f"{row.title}, {answer.rule}: {answer.text}" for row in view.rows for answer in row.answers]
    said += [f"{row.title}: {text}" for row in view.rows for text in row.caveats]
    told = (*view.left_out, *view.notes)
    parts = [
        _Part(before=tuple(rows[:2]), items=tuple(rows[2:])),
        _Part(before=(), items=tuple(_bullets(said))),
        *([_folded("Left out, how to read this", _bullets(told))] if told else []),
    ]
    foot = f"\n{markdown_text(view.tool)}, {markdown_text(view.written)}\n"
    return _fitted("\n".join(head), parts, foot)


_COST_BY_MEANS = "These are plain means of all answers; the change of a check is that of a typical pair."


def _trend_row(row: TrendRow) -> tuple[str, ...]:
    return (f"{row.mark.symbol} {row.mark.word}", markdown_text(row.title), row.runs, row.drawing, row.now)


def _head(view: ReportView) -> Iterator[str]:
    yield f"## {view.mark.symbol} {markdown_text(view.headline)}"
    yield ""
    yield markdown_words(view.second)
    yield ""
    yield " ".join(markdown_words(text) for text in (view.compared, view.validity, view.spend))
    yield ""
    for caveat in view.caveats:
        yield f"> {markdown_words(caveat)}"
        yield ""
    if view.open_rows:
        yield from _check_table(view.open_rows[:_OPEN_ROWS], view.interval_title)
        yield ""
    if view.causes:
        yield from ("Where the change of the mean whole answer comes from:", "", *_bullets(view.causes), "")
    if view.gaps:
        yield from ("Not covered:", "", *(line for gap in view.gaps for line in _gap(gap)), "")
    if view.next_step:
        yield f"**{view.next_words}:** {markdown_code(view.next_step)}"
        yield ""


def _gap(gap: Gap) -> Iterator[str]:
    """List what a pass does not cover, with what would cover it below the last line of each."""
    yield from _bullets(gap.few)
    command = [markdown_code(gap.command)] if gap.command else []
    if gap.remedy:
        yield f"  - {' '.join([markdown_words(gap.remedy), *command])}"


def _sections(view: ReportView) -> Iterator[tuple[str, list[str]]]:
    more, passed = view.open_rows[_OPEN_ROWS:], view.passed_rows
    details = view.details
    if view.open_rows:
        yield "Why", _bullets(f"{ground.titles}: {ground.text}" for ground in view.grounds)
    if more:
        yield f"{plural(len(more), 'more check')} did not pass", _check_table(more, view.interval_title)
    if passed:
        yield f"{plural(len(passed), 'check')} passed", _check_table(passed, view.interval_title)
    if details.shown:
        yield "Shown, not gated", _check_table(details.shown, view.interval_title)
    if details.views:
        yield "The same changes by medians and means", _bullets(details.views)
    if details.errors:
        yield "Errors", _error_table(details.errors)
    if details.cost:
        yield "Cost of an answer", [*_cost_table(details.cost), "", _COST_BY_MEANS]
    yield (
        "Measurement, coverage, how to read this",
        [
            *_bullets((*details.coverage, *details.uncovered)),
            *_bullets(details.validity),
            *_bullets(details.notes),
            *_bullets(details.method),
        ],
    )


def _check_table(rows: Sequence[Row], interval_title: str) -> list[str]:
    head = ("", "check", "baseline", "change", interval_title, "allowed")
    return _table(head, (_check(row) for row in rows), aligned=":-: --- --: --: :-: --:")


def _check(row: Row) -> tuple[str, ...]:
    return (
        f"{row.mark.symbol} {row.mark.word}",
        markdown_text(row.title),
        markdown_text(row.baseline),
        f"**{markdown_text(row.change)}**" if row.outcome is Outcome.REGRESSION else markdown_text(row.change),
        row.interval,
        markdown_text(row.allowed),
    )


def _model_table(rows: Sequence[ModelRow]) -> list[str]:
    """Return one row a model, with its goodput where objectives were set."""
    head = ("Model", "Avg Latency", "P95 Latency", "Tokens/s", "Cost/1K Tokens", "Success Rate")
    by_objectives = any(row.goodput for row in rows)
    cells = (
        (_arm(row), row.latency, row.p95, row.tokens_per_second, row.cost_per_1k_tokens, row.success_rate, row.goodput)
        for row in rows
    )
    return _table((*head, "Goodput"), cells) if by_objectives else _table(head, (line[:-1] for line in cells))


def _arm(row: ModelRow) -> str:
    return markdown_text(f"{row.subject} ({row.arm})" if row.arm else row.subject)


def _distribution(models: Iterable[ModelRow]) -> Iterator[tuple[str, ...]]:
    for model in models:
        for name, values in model.distribution:
            yield (_arm(model), name, *values)


def _error_table(rows: Sequence[ErrorRow]) -> list[str]:
    compared = any(row.base is not None for row in rows)
    base_title = ("baseline",) if compared else ()
    return _table(
        ("model", "error", *base_title, "now", "example"),
        (
            (
                markdown_text(row.subject),
                markdown_text(row.error_class),
                *((row.base or "",) if compared else ()),
                row.candidate,
                markdown_text(row.example or ""),
            )
            for row in rows
        ),
    )


def _cost_table(rows: Sequence[CostRow]) -> list[str]:
    head = ("model", "baseline", "now", "all answers")
    return _table(head, ((markdown_text(row.subject), row.base, row.candidate, row.total) for row in rows))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, aligned: str | None = None) -> list[str]:
    rule = aligned.split() if aligned else ["---"] * len(head)
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def _bullets(texts: Iterable[str]) -> list[str]:
    return [f"- {markdown_words(text)}" for text in texts]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Lines that belong together; where not all fit, the first `items` stay, which are the worst."""

    before: tuple[str, ...]
    items: tuple[str, ...]
    after: tuple[str, ...] = ("",)

    def text(self, kept: int) -> str:
        """Return the part with so many items, and how many are missing."""
        missing = len(self.items) - kept
        said = ("", f"{count(missing)} more: the artifact has them.") if missing else ()
        return "\n".join(("", *self.before, *self.items[:kept], *said, *self.after))


def _folded(title: str, lines: Sequence[str]) -> _Part:
    head, items = _parted(lines)
    return _Part(before=(f"<details><summary>{title}</summary>", "", *head), items=items, after=("", "</details>", ""))


def _headed(title: str, lines: Sequence[str]) -> _Part:
    head, items = _parted(lines)
    return _Part(before=(title, "", *head), items=items)


def _parted(lines: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Part the head of a table from its rows; a list has none."""
    head = 2 if lines and lines[0].startswith("|") else 0
    return tuple(lines[:head]), tuple(lines[head:])


def _fitted(head: str, parts: Iterable[_Part], foot: str, limit: int = LIMIT) -> str:
    """Join head, parts and foot in `limit` bytes; what of a part is missing, and which have no room at all, is said.

    A part that does not fit as a whole takes half of the room that is left, so that those behind it have some.
    """
    room = limit - size(foot) - 100
    kept, dropped = [cut_to(head, room)], 0
    room -= size(kept[0])
    for part in parts:
        text = _fitting(part, room)
        if text is None:
            dropped += 1
            continue
        kept.append(text)
        room -= size(text)
    said = f"\n\n{plural(dropped, 'section')} left out: this report was too long. The artifact has them.\n"
    return "".join(kept) + (said if dropped else "") + foot


def _fitting(part: _Part, room: int) -> str | None:
    """Return all of a part, or the items that half of `room` can hold; None where not even one of them fits."""
    whole = part.text(len(part.items))
    if size(whole) <= room:
        return whole
    ends = list(accumulate(size(item) + 1 for item in part.items))
    kept = bisect_right(ends, room // 2 - size(part.text(0)))
    return part.text(kept) if kept else None
