"""The shifts of a history as an Atom feed (RFC 4287), for readers that tell of what is new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from uuid import NAMESPACE_URL, uuid5

from lens_gate.reports.escape import plain
from lens_gate.reports.html.history import ShiftRow

MOST_ENTRIES = 50


def feed(name: str, shifts: Sequence[ShiftRow], updated: str) -> str:
    """Return the feed of a history called `name`; the newest shift comes first, `updated` is RFC 3339.

    A shift keeps its id while it begins at the same run, so that a reader tells of it once.
    """
    entries = "".join(part for shift in shifts[:MOST_ENTRIES] for part in _entry(name, shift))
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>{_urn(name)}</id><title>{_text(name or 'lens-gate')}: shifts</title><updated>{escape(updated)}</updated>"
        '<author><name>lens-gate</name></author><link rel="self" href="feed.xml"/><link href="index.html"/>\n'
        f"{entries}</feed>\n"
    )


def _entry(name: str, shift: ShiftRow) -> Iterator[str]:
    told = f"{shift.before} → {shift.after}, {shift.change}; first commit {shift.commit}."
    certain = "It stays." if shift.stays else "It may fade as runs come in."
    yield f"<entry><id>{_urn(f'{name} {shift.slug} {shift.time}')}</id><title>{_text(shift.told)}</title>"
    yield f'<updated>{escape(shift.time)}</updated><link href="s/{shift.slug}.html"/>'
    yield f"<summary>{_text(f'{told} {certain}')}</summary></entry>\n"


def _urn(text: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'lens-gate:{text}')}"


def _text(text: str) -> str:
    return escape(plain(text))
