"""An explanation as text for a terminal, and as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from lens_gate.reports.escape import ascii_text, bare_words, markdown_code, markdown_text, markdown_words, plain
from lens_gate.reports.page import Explanation

_NARROWEST = 40
_WIDEST = 100


def story_text(story: Explanation, *, width: int, unicode: bool) -> str:
    """Return the text in lines of at most `width` columns (40 to 100), without a line break at its end."""
    columns = min(max(width, _NARROWEST), _WIDEST)
    text = "\n".join(line for block in _blocks(story, columns) for line in block).rstrip()
    return text if unicode else ascii_text(text)


def _blocks(story: Explanation, columns: int) -> Iterator[list[str]]:
    yield [*_wrapped(story.title, columns), ""]
    for section in story.sections:
        lines = [line for text in section.texts for line in _wrapped(text, columns, indent="  ")]
        command = ["", f"    {plain(section.command)}"] if section.command else []
        title = _wrapped(section.title, columns) if section.title else []
        yield [*title, *lines, *command, ""]


def _wrapped(text: str, columns: int, *, indent: str = "") -> list[str]:
    lines = textwrap.wrap(
        plain(bare_words(text)), columns, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
    return [line.replace("\u00a0", " ") for line in lines]


def story_markdown(story: Explanation) -> str:
    """Return the story as Markdown for GitHub and GitLab."""
    lines = [f"# {markdown_text(story.title)}"]
    for section in story.sections:
        lines += ["", f"## {markdown_text(section.title)}", ""] if section.title else [""]
        lines += "\n\n".join(map(markdown_words, section.texts)).split("\n")
        if section.command:
            lines += ["", markdown_code(section.command)]
    return "\n".join(lines) + "\n"
