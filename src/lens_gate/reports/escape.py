"""Text from a model, a branch or a configuration, made harmless for the place where it is shown."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from lens_gate.artifacts.csv_columns import FORMULA_STARTS

_NO_BREAK_SPACE = "\u00a0"
_ZERO_WIDTH_SPACE = "\u200b"
_TERMINAL_SEQUENCE = re.compile(
    r"(?:\x1b\]|\x9d).*?(?:\x07|\x1b\\|\x9c|$)"  # operating system commands: titles, links
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f]).*?(?:\x1b\\|\x9c|$)"  # device control and other strings
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours and cursor movement
    r"|\x1b[ -/]*[0-~]",
    re.DOTALL,
)
_MARKDOWN = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "|": "&#124;",
        "`": "&#96;",
        "[": "&#91;",
        "]": "&#93;",
        "\\": "&#92;",
        "*": "\\*",
        "_": "\\_",
        "~": "\\~",
        "@": "&#64;&#8203;",
        _ZERO_WIDTH_SPACE: "&#8203;",
    }
)
_ASCII = str.maketrans({
    "−": "-", "–": "-", "±": "+/-", "…": "...", "·": "/", "×": "x", "’": "'", "\u00a0": " ",
    "▁": ".", "▂": ":", "▃": "-", "▄": "=", "▅": "+", "▆": "*", "▇": "%", "█": "@", "√": "sqrt ", "≤": "<=", "≥": ">=",
    "─": "-", "◆": "#", "○": "o", "✓": ".", "▲": "^", "△": "i", "┊": ":", "│": "|",
})  # fmt: skip
_REFERENCE = re.compile(
    r":(?=//)|\bwww(?=\.)"  # links
    r"|#(?=[0-9])|\bGH-(?=[0-9])"  # issues
    r"|:(?=[a-z0-9_+-]{1,40}:)(?![0-9]+:)"  # emoji
    r"|\$(?![0-9])",  # mathematics: a price is none
    re.IGNORECASE,
)
_BLOCK_START = re.compile(r"^([0-9]{1,9}(?=[.)](?: |$))|(?=(?:[+-]|#+|=+|-+)(?: |$)|/[a-z]))", re.IGNORECASE)
_CUT = "…"

_CODE = re.compile(r"`([^`\n]+)`")


def plain(text: str) -> str:
    """Return the text on one line, without terminal sequences, control characters and direction marks."""
    if text.isprintable():
        return text.strip(" ")
    visible = _TERMINAL_SEQUENCE.sub("", text)
    spaced = (" " if character.isspace() and character != _NO_BREAK_SPACE else character for character in visible)
    shown = (character for character in spaced if character.isprintable() or character == _NO_BREAK_SPACE)
    return re.sub(" {2,}", " ", "".join(shown)).strip(" ")


def ascii_text(text: str) -> str:
    """Return our own text in the characters of a terminal without Unicode."""
    return text.translate(_ASCII).encode("ascii", errors="replace").decode("ascii")


def shortened(text: str, limit: int) -> str:
    """Return the text, cut to `limit` characters with an ellipsis where it is longer."""
    return text if len(text) <= limit else text[: limit - len(_CUT)] + _CUT


def size(text: str) -> int:
    """Return how many bytes of UTF-8 a text takes."""
    return len(text.encode("utf-8"))


def cut_to(text: str, limit: int) -> str:
    """Return the text, cut to `limit` bytes of UTF-8 with an ellipsis where it is longer."""
    data = text.encode("utf-8")
    if len(data) <= limit:
        return text
    room = max(0, limit - len(_CUT.encode("utf-8")))
    return data[:room].decode("utf-8", errors="ignore") + _CUT


def markdown_text(text: str) -> str:
    """Escape for running text and table cells of GitHub and GitLab Markdown.

    Nothing in it is markup, HTML, a mention, a link, a reference to an issue, an emoji or a formula.
    """
    broken = _REFERENCE.sub(rf"\g<0>{_ZERO_WIDTH_SPACE}", plain(text))
    return _BLOCK_START.sub(r"\1\\", broken.translate(_MARKDOWN))


def markdown_code(text: str) -> str:
    """Return the text as a code span, fenced by more backticks than it holds in a row."""
    inside = plain(text)
    longest = max((len(run) for run in re.findall("`+", inside)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if inside.startswith("`") or inside.endswith("`") or not inside else ""
    return f"{fence}{padding}{inside}{padding}{fence}"


def with_code(text: str, *, words: Callable[[str], str], code: Callable[[str], str]) -> str:
    """Return a sentence of ours with its words, and what stands between backticks, each as its place takes it."""
    parts = enumerate(_CODE.split(text))
    return "".join(code(part) if number % 2 else _spaced(part, words) for number, part in parts if part)


def _spaced(part: str, words: Callable[[str], str]) -> str:
    """Keep the blanks around words, which escaping takes away."""
    before, after = (" " if blank.isspace() else "" for blank in (part[:1], part[-1:]))
    return f"{before}{words(part)}{after}" if part.strip() else " "


def markdown_words(text: str) -> str:
    """Escape a sentence for running text, no table, of Markdown; what stands between backticks is a code span."""
    return with_code(text, words=markdown_text, code=markdown_code)


def bare_words(text: str) -> str:
    """Return a sentence without the backticks around code, for places that know no markup."""
    return _CODE.sub(r"\1", text)


def xml_text(text: str, *, limit_bytes: int = 65_536) -> str:
    """Strip what XML 1.0 forbids or readers choke on, keep line breaks, and cut to a number of UTF-8 bytes.

    The characters `<`, `>`, `&` and quotes stay: the XML writer escapes them.
    """
    return cut_to("\n".join(plain(line) for line in text.splitlines()), limit_bytes)


def csv_text(text: str) -> str:
    """Return the text for a CSV cell; a leading apostrophe keeps spreadsheets from reading it as a formula."""
    inside = plain(text)
    return f"'{inside}" if inside.startswith(FORMULA_STARTS) else inside


def shell_command(*words: str) -> str:
    """Return a POSIX shell command that may be copied."""
    return " ".join(map(shell_word, words))


def shell_word(text: str) -> str:
    """Return the text as one word of a POSIX shell command that may be copied."""
    return shlex.quote(plain(text))
