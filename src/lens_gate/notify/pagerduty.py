"""PagerDuty: events of the Events API v2, one incident for each series, resolved when it passes again."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from lens_gate.notify.letter import Letter, cut, json_letter
from lens_gate.vocabulary.notices import Notice, Trouble

ENQUEUE: Final = "/v2/enqueue"
SUMMARY: Final = 1024
DETAIL: Final = 1000
SHOWN: Final = 20

_SEVERITIES = {"error": "error", "warning": "warning", "info": "info"}


def letters(notice: Notice, integration_key: str, endpoint: str) -> tuple[Letter, ...]:
    """Return one event for each series that the notice tells of."""
    url = endpoint.rstrip("/") + ENQUEUE
    events = (event(notice, series, integration_key) for series in notice.series)
    return tuple(json_letter(url, one, secrets=(integration_key,)) for one in events)


def dedup_key(notice: Notice, series: str) -> str:
    """Return what an incident goes by: project, branch or change, suite and series."""
    parts = (notice.project or "", notice.where or "", notice.suite, series)
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"lens-gate/{digest}"


def event(notice: Notice, series: str, integration_key: str) -> dict[str, Any]:
    """Return the event that opens, updates or resolves the incident of a series."""
    fails = notice.series[series]
    told: dict[str, Any] = {
        "routing_key": integration_key,
        "event_action": "trigger" if fails else "resolve",
        "dedup_key": dedup_key(notice, series),
    }
    if not fails:
        return told
    links = [{"href": notice.url, "text": "The run in its pipeline"}] if notice.url else []
    return told | {"client": "lens-gate", "links": links, "payload": _payload(notice, series)}


def _payload(notice: Notice, series: str) -> dict[str, Any]:
    mine = [one for one in notice.troubles if (one.series or "") == series]
    what = mine[0].text if mine else notice.headline
    return {
        "summary": cut(f"{notice.suite}: {what}", SUMMARY),
        "source": cut(notice.project or notice.suite, DETAIL),
        "severity": _severity(mine),
        "timestamp": notice.moment,
        "component": cut(series, DETAIL) or "run",
        "group": notice.suite,
        "class": notice.outcome,
        "custom_details": {
            "branch": notice.where,
            "commit": notice.commit,
            "run": notice.source,
            "news": notice.news.value,
            "verdict": cut(notice.story, DETAIL),
            "checks": [cut(one.text, DETAIL) for one in mine[:SHOWN]],
        },
    }


def _severity(troubles: list[Trouble]) -> str:
    """Return the gravest severity; what is no check's failure is an error."""
    found = {one.severity for one in troubles}
    return next((mine for theirs, mine in _SEVERITIES.items() if theirs in found), "error")
