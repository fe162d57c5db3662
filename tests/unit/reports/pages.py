"""What is asked of every page: one file that needs nothing, and in which text is text."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """A page, read strictly: every element that is opened is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID and f"<{tag}" == (self.get_starttag_text() or "").lower()[: len(tag) + 1]:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((tuple(self._open), data.strip()))

    def text_of(self, tag: str) -> list[str]:
        """Return the texts that stand in elements of a kind."""
        return [text for path, text in self.texts if tag in path]


def require_self_contained(text: str) -> None:
    """Hold a page to its policy: its style sheet is the one that is allowed, and there is nothing else."""
    page = Page(text)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert (
        "meta",
        "content",
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
    ) in (page.attributes)
    assert page.tags["script"] == 0
    assert [row for row in page.attributes if row[1] == "style" or row[1].startswith("on")] == []
    places = [value for _, name, value in page.attributes if name in {"href", "src", "action", "xlink:href"}]
    assert [place for place in places if not place.startswith("#")] == []
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def without_style(text: str) -> str:
    """Return a page without its style sheet, which would hide what changed."""
    return re.sub(
        r"sha256-[A-Za-z0-9+/=]+", "sha256-…", re.sub(r"<style>.*?</style>", "<style>…</style>", text, flags=re.DOTALL)
    )
