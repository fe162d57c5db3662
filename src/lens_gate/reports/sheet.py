"""A report of paragraphs, tables and advice, for a terminal or as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lens_gate.reports.escape import markdown_text
from lens_gate.reports.terminal import NARROWEST, Terminal, aligned, brief


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text; the first column names the row."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a sheet: what is said before its table, the table, and points below it."""

    title: str
    text: tuple[str, ...] = ()
    table: Table | None = None
    points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A whole report."""

    title: str
    text: tuple[str, ...]
    sections: tuple[Section, ...]


def sheet_text(sheet: Sheet, *, width: int, unicode: bool) -> str:
    """Return the sheet for a terminal, without a line break at its end; tables may be wider than `width`."""
    screen = Terminal(colour=False, width=max(width, NARROWEST), unicode=unicode)
    lines = [*screen.wrapped(sheet.title), *(line for text in sheet.text for line in screen.wrapped(text))]
    for section in sheet.sections:
        lines.extend(["", *_section_lines(section, screen)])
    return "\n".join(line.rstrip() for line in lines)


def _section_lines(section: Section, screen: Terminal) -> Iterator[str]:
    yield from screen.wrapped(section.title)
    for text in section.text:
        yield from screen.wrapped(text, indent="  ")
    if section.table is not None:
        head = tuple(map(screen.text, section.table.head))
        rows = [
            (screen.text(name), *(brief(screen.text(cell)) for cell in cells)) for name, *cells in section.table.rows
        ]
        yield from (f"  {line}" for line in aligned([head, *rows], screen.width - 2))
    for point in section.points:
        yield from screen.wrapped(point, indent="  - ", further="    ")


def sheet_markdown(sheet: Sheet) -> str:
    """Return the sheet as Markdown."""
    blocks = [f"## {markdown_text(sheet.title)}", *map(markdown_text, sheet.text)]
    for section in sheet.sections:
        blocks.extend([f"### {markdown_text(section.title)}", *_section_blocks(section)])
    return "\n\n".join(blocks) + "\n"


def _section_blocks(section: Section) -> Iterator[str]:
    yield from map(markdown_text, section.text)
    if section.table is not None:
        rule = ("---", *("--:" for _ in section.table.head[1:]))
        rows = (section.table.head, *section.table.rows)
        lines = [tuple(map(markdown_text, row)) for row in rows]
        yield "\n".join(f"| {' | '.join(cells)} |" for cells in (lines[0], rule, *lines[1:]))
    if section.points:
        yield "\n".join(f"- {markdown_text(point)}" for point in section.points)
