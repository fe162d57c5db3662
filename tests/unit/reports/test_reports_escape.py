from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from lens_gate.reports.escape import (
    bare_words,
    csv_text,
    markdown_code,
    markdown_text,
    markdown_words,
    plain,
    shell_word,
    shortened,
    xml_text,
)

ANY_TEXT = st.text(max_size=60) | st.text(alphabet="<>|`*_[]()!@#&;:$~\\=+- \n.1aw/\x1b\u202e", max_size=30)
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ZERO_WIDTH_SPACE = "\u200b"


def inline_tokens(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield from token.children or ()


def read(tokens: list[Token]) -> str:
    return "".join(token.content for token in inline_tokens(tokens)).replace(ZERO_WIDTH_SPACE, "")


@given(text=ANY_TEXT)
@example(text="\x1b[31mred\x1b[0m")
@example(text="\x1b]8;;http://evil\x07click\x1b]8;;\x07")
def test_plain_text_has_no_control_character_and_stands_on_one_line(text: str) -> None:
    clean = plain(text)
    assert not [c for c in clean if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert clean == clean.strip(" ")
    assert plain(clean) == clean
    clean.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07shown", "shown"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1;2q#stuff\x1b\\after", "after"),
        ("\x9b1mbold", "bold"),
        ("\x1bc reset", "reset"),
        ("a\r\nb\tc", "a b c"),
        ("safe\u202etxt.exe", "safetxt.exe"),
        ("10\u00a0%", "10\u00a0%"),
        ("\ud800", ""),
    ],
)
def test_terminal_sequences_vanish_with_their_arguments(text: str, clean: str) -> None:
    assert plain(text) == clean


@given(text=ANY_TEXT)
@example(text="| a | b |")
@example(text="<img src=x onerror=alert(1)>")
@example(text="[x](http://evil) ![y](z) `code` **b** _i_ ~~s~~ &lt; \\*")
@example(text="# head")
@example(text="1. item")
@example(text="- - -")
@example(text="===")
def test_a_markdown_renderer_reads_the_text_and_nothing_else(text: str) -> None:
    tokens = MARKDOWN.parse(markdown_text(text))
    assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    assert {token.type for token in inline_tokens(tokens)} <= {"text", "text_special"}
    assert read(tokens).strip() == plain(text).strip()


@given(text=ANY_TEXT)
def test_no_character_that_begins_markup_stays_raw(text: str) -> None:
    escaped = markdown_text(text)
    assert not set("<>|`[]@") & set(escaped.replace("&#", ""))


@given(text=ANY_TEXT)
def test_a_table_cell_stays_one_cell(text: str) -> None:
    tokens = MARKDOWN.parse(f"| a | b |\n| --- | --- |\n| {markdown_text(text)} | end |\n")
    cells = [token.content for token in tokens if token.type == "inline"]
    assert len(cells) == 4
    assert cells[-1] == "end"


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("@octocat", "&#64;&#8203;octocat"),
        ("see #12", "see #&#8203;12"),
        ("GH-7", "GH-&#8203;7"),
        ("https://evil.example", "https:&#8203;//evil.example"),
        ("www.evil.example", "www&#8203;.evil.example"),
        (":rocket:", ":&#8203;rocket:"),
        ("$x^2$", "$&#8203;x^2$&#8203;"),
    ],
)
def test_mentions_links_issues_emoji_and_formulas_are_broken(text: str, broken: str) -> None:
    assert markdown_text(text) == broken


@pytest.mark.parametrize("text", ["10:05:01", "$1.20 of $5.00", "+14.8 %", "4.2 %", "gpt-4o", "llama:8b"])
def test_what_is_harmless_stays_legible(text: str) -> None:
    assert markdown_text(text) == text


@given(text=ANY_TEXT)
@example(text="a `` b ` c")
@example(text="`")
@example(text="")
def test_a_code_span_holds_exactly_the_text(text: str) -> None:
    tokens = list(inline_tokens(MARKDOWN.parse(markdown_code(text))))
    assert [token.type for token in tokens] == ["code_inline"]
    assert tokens[0].content.strip() == plain(text).strip()


@given(text=st.text(max_size=200), limit=st.integers(3, 100))
def test_xml_text_parses_and_keeps_to_its_size(text: str, limit: int) -> None:
    clean = xml_text(text, limit_bytes=limit)
    assert len(clean.encode("utf-8")) <= limit
    element = ET.Element("a")
    element.text = clean
    assert (ET.fromstring(ET.tostring(element)).text or "") == clean


def test_xml_text_keeps_its_lines_and_marks_a_cut() -> None:
    assert xml_text("one\x00\ntwo") == "one\ntwo"
    assert xml_text("ä" * 10, limit_bytes=10) == "äää…"


@given(text=ANY_TEXT)
def test_no_csv_cell_is_a_formula(text: str) -> None:
    assert not csv_text(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_formula_is_shown_as_text_and_other_text_is_left_alone() -> None:
    assert csv_text("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert csv_text("gpt-4o") == "gpt-4o"


@given(text=ANY_TEXT)
def test_a_shell_word_is_one_word(text: str) -> None:
    assert shlex.split(shell_word(text)) == [plain(text)]


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("abcd", 4) == "abcd"


def test_code_in_a_sentence_is_marked_as_each_place_does_and_everything_stays_escaped() -> None:
    text = "set `a*b` or `c` <now>, @all"
    assert markdown_words(text) == f"set `a*b` or `c` {markdown_text('<now>, @all')}"
    assert bare_words(text) == "set a*b or c <now>, @all"
    assert bare_words("a ` alone") == "a ` alone"


@given(text=ANY_TEXT)
def test_nothing_but_code_is_markup_in_a_sentence(text: str) -> None:
    kinds = {token.type for token in inline_tokens(MARKDOWN.parse(f"it says {markdown_words(text)}"))}
    assert kinds <= {"text", "code_inline", "text_special"}
