"""Any address that takes JSON: the verdict in numbers and words, signed so that the receiver knows who sent it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import Any, Final

from lens_gate.notify.letter import Letter, json_letter
from lens_gate.vocabulary.notices import Notice, Trouble

SCHEMA_VERSION: Final = 1
EVENT: Final = "X-Lens-Gate-Event"
DELIVERY: Final = "X-Lens-Gate-Delivery"
TIMESTAMP: Final = "X-Lens-Gate-Timestamp"
SIGNATURE: Final = "X-Lens-Gate-Signature"


def letters(notice: Notice, webhook: str, secret: str | None, *, now_s: int) -> tuple[Letter, ...]:
    """Return the message, with the second in which it is sent; a delivery that is repeated keeps its name."""
    letter = json_letter(webhook, message(notice), secrets=(secret,) if secret else ())
    headers = {**letter.headers, EVENT: notice.news.value, DELIVERY: _delivery(letter.body), TIMESTAMP: str(now_s)}
    if secret:
        headers[SIGNATURE] = signature(letter.body, secret, now_s=now_s)
    return (replace(letter, headers=headers),)


def signature(body: bytes, secret: str, *, now_s: int) -> str:
    """Return `sha256=` and the HMAC of `TIMESTAMP.BODY`: an old message cannot be sent again as a new one."""
    signed = str(now_s).encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode("utf-8"), signed, hashlib.sha256).hexdigest()


def message(notice: Notice) -> dict[str, Any]:
    """Return the document."""
    return {
        "schema_version": SCHEMA_VERSION,
        "event": notice.news.value,
        "suite": notice.suite,
        "verdict": notice.outcome,
        "exit_code": notice.exit_code,
        "headline": notice.headline,
        "story": notice.story,
        "project": notice.project,
        "branch": notice.where,
        "commit": notice.commit,
        "run": notice.source,
        "created_at": notice.moment,
        "url": notice.url,
        "tool": notice.tool,
        "series": [{"series": series or None, "failing": fails} for series, fails in notice.series.items()],
        "failing": [_check(one) for one in notice.troubles],
    }


def _check(trouble: Trouble) -> dict[str, Any]:
    return {
        "check": trouble.check,
        "series": trouble.series,
        "metric": trouble.metric,
        "severity": trouble.severity,
        "text": trouble.text,
        "value": trouble.value,
        "limit": trouble.limit,
        "unit": trouble.unit,
    }


def _delivery(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]
