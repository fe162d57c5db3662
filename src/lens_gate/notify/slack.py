"""Slack's incoming webhooks: a message of blocks (Slack's "Reference: blocks" and "Reference: text object").

Everything that is not ours stands in `plain_text` objects, in which Slack knows no mention, link, emoji or markup.
"""

from __future__ import annotations

from typing import Any, Final

from lens_gate.notify.letter import Letter, cut, json_letter
from lens_gate.vocabulary.notices import News, Notice, Trouble

HEADER: Final = 150
SECTION: Final = 3000
FIELD: Final = 2000
FALLBACK: Final = 500
SHOWN: Final = 10
"""Troubles that a message shows; the others are counted."""

_SIGNS = {
    News.OPENED: "🔴",
    News.WORSE: "🔴",
    News.FAILING: "🔴",
    News.BETTER: "🟡",
    News.RECOVERED: "🟢",
}
_ZERO_WIDTH_SPACE = "\u200b"


def letters(notice: Notice, webhook: str) -> tuple[Letter, ...]:
    """Return the message for an incoming webhook."""
    return (json_letter(webhook, message(notice)),)


def message(notice: Notice) -> dict[str, Any]:
    """Return the body of the message."""
    headline = f"{_SIGNS[notice.news]} {notice.suite}: {notice.headline}"
    blocks = [
        {"type": "header", "text": _plain(headline, HEADER)},
        _section(notice.headline if len(headline) > HEADER else "", notice.story),
        *_listed(notice.troubles),
        *_facts(notice),
        *_link(notice.url),
    ]
    return {
        "text": escaped(cut(headline, FALLBACK)),
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [block for block in blocks if block],
    }


def escaped(text: str) -> str:
    """Escape for a text that Slack reads for markup: no mention of a person, a group or a channel, and no link."""
    marked = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return marked.replace("@", f"@{_ZERO_WIDTH_SPACE}").replace("://", f":{_ZERO_WIDTH_SPACE}//")


def _section(*texts: str) -> dict[str, Any]:
    told = "\n".join(text for text in texts if text)
    return {"type": "section", "text": _plain(told, SECTION)} if told else {}


def _listed(troubles: tuple[Trouble, ...]) -> list[dict[str, Any]]:
    lines = [f"• {one.text}" for one in troubles[:SHOWN]]
    more = [f"… and {len(troubles) - SHOWN} more"] if len(troubles) > SHOWN else []
    return [_section(line) for line in (*lines, *more)]


def _facts(notice: Notice) -> list[dict[str, Any]]:
    facts = (("Where", notice.where), ("Commit", notice.commit), ("Project", notice.project))
    known = [_plain(f"{name}\n{value}", FIELD) for name, value in facts if value]
    return [{"type": "section", "fields": known}] if known else []


def _link(url: str | None) -> list[dict[str, Any]]:
    """Return the only markup of the message: a link to an address of plain characters."""
    if url is None:
        return []
    text = {"type": "mrkdwn", "text": f"<{url}|The run in its pipeline>", "verbatim": True}
    return [{"type": "context", "elements": [text]}]


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": cut(text, limit), "emoji": False}
