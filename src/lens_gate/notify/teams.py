"""Microsoft Teams: an Adaptive Card for the webhook of a workflow ("When a Teams webhook request is received").

Everything that is not ours stands in text runs, which Teams reads for no Markdown; no card names an entity, so that
`<at>` in a text is text.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from lens_gate.notify.letter import Letter, cut, json_letter
from lens_gate.vocabulary.notices import News, Notice

LARGEST: Final = 28 * 1024
"""Bytes of a message that Teams takes."""

TEXT: Final = 1500
SHOWN: Final = 10

_COLOURS = {
    News.OPENED: "attention",
    News.WORSE: "attention",
    News.FAILING: "attention",
    News.BETTER: "warning",
    News.RECOVERED: "good",
}


def letters(notice: Notice, webhook: str) -> tuple[Letter, ...]:
    """Return the message for a workflow's webhook."""
    return (json_letter(webhook, message(notice)),)


def message(notice: Notice) -> dict[str, Any]:
    """Return the body of the message; of many long lines only as many are shown as Teams takes."""
    for shown in range(SHOWN, -1, -1):
        body = _message(notice, shown)
        if len(orjson.dumps(body)) <= LARGEST:
            return body
    return _message(notice, 0)


def _message(notice: Notice, shown: int) -> dict[str, Any]:
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "fallbackText": "lens-gate: this client shows no adaptive cards",
        "body": [
            _block(f"{notice.suite}: {notice.headline}", weight="bolder", size="medium", color=_COLOURS[notice.news]),
            *([_block(notice.story)] if notice.story else []),
            *_listed(notice, shown),
            *([_block(_facts(notice), isSubtle=True)] if _facts(notice) else []),
        ],
    }
    if notice.url is not None:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "The run in its pipeline", "url": notice.url}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _listed(notice: Notice, shown: int) -> list[dict[str, Any]]:
    lines = [f"• {one.text}" for one in notice.troubles[:shown]]
    hidden = len(notice.troubles) - len(lines)
    return [_block(line) for line in (*lines, *([f"… and {hidden} more"] if hidden else []))]


def _facts(notice: Notice) -> str:
    return " · ".join(fact for fact in (notice.project, notice.where, notice.commit) if fact)


def _block(text: str, **style: str | bool) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": cut(text, TEXT), **style}]}
