"""What takes notifications, on loopback: each body is held against what the service documents."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from jsonschema import Draft202012Validator

from tests.fakes import serving

INTEGRATION_KEY = "0123456789abcdef0123456789abcdef"
SIGNING_SECRET = "a secret between two"
SLACK_PATH = "/services/T000/B000/slack-secret-path"
TEAMS_PATH = "/workflows/abc/triggers/manual/paths/invoke"
HOOK_PATH = "/hook"
HANG = 0
"""The status of a fault that answers nothing."""


def _text(kind: str, longest: int) -> dict[str, Any]:
    properties = {"type": {"const": kind}, "text": {"type": "string", "minLength": 1, "maxLength": longest}}
    properties["emoji" if kind == "plain_text" else "verbatim"] = {"type": "boolean"}
    return {"type": "object", "required": ["type", "text"], "additionalProperties": False, "properties": properties}


def _either(longest: int) -> dict[str, Any]:
    return {"anyOf": [_text("plain_text", longest), _text("mrkdwn", longest)]}


def _block(kind: str, required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", *required],
        "additionalProperties": False,
        "properties": {"type": {"const": kind}, **properties},
    }


SLACK = {
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {
        "text": {"type": "string", "minLength": 1, "maxLength": 4000},
        "mrkdwn": {"type": "boolean"},
        "parse": {"enum": ["none", "full"]},
        "link_names": {"type": "boolean"},
        "unfurl_links": {"type": "boolean"},
        "unfurl_media": {"type": "boolean"},
        "blocks": {
            "type": "array",
            "maxItems": 50,
            "items": {
                "anyOf": [
                    _block("header", ["text"], text=_text("plain_text", 150)),
                    _block("section", ["text"], text=_either(3000)),
                    _block(
                        "section",
                        ["fields"],
                        fields={"type": "array", "minItems": 1, "maxItems": 10, "items": _either(2000)},
                    ),
                    _block("context", ["elements"], elements={"type": "array", "maxItems": 10, "items": _either(3000)}),
                ]
            },
        },
    },
}
"""Slack's reference of blocks and text objects, as far as incoming webhooks take them."""

_RUN = {
    "type": "object",
    "required": ["type", "text"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "TextRun"},
        "text": {"type": "string", "minLength": 1},
        "weight": {"enum": ["lighter", "default", "bolder"]},
        "size": {"enum": ["small", "default", "medium", "large", "extraLarge"]},
        "color": {"enum": ["default", "dark", "light", "accent", "good", "warning", "attention"]},
        "isSubtle": {"type": "boolean"},
    },
}
_CARD = {
    "type": "object",
    "required": ["type", "version", "body"],
    "properties": {
        "type": {"const": "AdaptiveCard"},
        "version": {"enum": ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"]},
        "body": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "inlines"],
                "additionalProperties": False,
                "properties": {"type": {"const": "RichTextBlock"}, "inlines": {"type": "array", "items": _RUN}},
            },
        },
        "actions": {
            "type": "array",
            "maxItems": 6,
            "items": {
                "type": "object",
                "required": ["type", "title", "url"],
                "properties": {"type": {"const": "Action.OpenUrl"}, "url": {"pattern": "^https?://"}},
            },
        },
        "msteams": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"width": {"const": "Full"}},
        },
    },
}
TEAMS = {
    "type": "object",
    "required": ["type", "attachments"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "message"},
        "attachments": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["contentType", "content"],
                "additionalProperties": False,
                "properties": {
                    "contentType": {"const": "application/vnd.microsoft.card.adaptive"},
                    "contentUrl": {"type": "null"},
                    "content": _CARD,
                },
            },
        },
    },
}
"""The message that a workflow's webhook takes, and the schema of Adaptive Cards for the elements that we use."""

PAGERDUTY = {
    "type": "object",
    "required": ["routing_key", "event_action"],
    "additionalProperties": False,
    "properties": {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
        "client": {"type": "string"},
        "client_url": {"type": "string"},
        "links": {
            "type": "array",
            "items": {"type": "object", "required": ["href"], "properties": {"href": {"pattern": "^https?://"}}},
        },
        "payload": {
            "type": "object",
            "required": ["summary", "source", "severity"],
            "additionalProperties": False,
            "properties": {
                "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
                "source": {"type": "string", "minLength": 1},
                "severity": {"enum": ["critical", "error", "warning", "info"]},
                "timestamp": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T"},
                "component": {"type": "string"},
                "group": {"type": "string"},
                "class": {"type": "string"},
                "custom_details": {"type": "object"},
            },
        },
    },
    "if": {"properties": {"event_action": {"const": "trigger"}}},
    "then": {"required": ["payload"]},
    "else": {"required": ["dedup_key"]},
}
"""The Events API v2."""


@dataclass(frozen=True)
class Fault:
    """What happens instead of the answer to one request: a status (0: nothing comes), and headers."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    text: str = "no"


@dataclass
class Receivers:
    """All services in one server: what they took, the open incidents, and faults for the requests to come."""

    base_url: str = ""
    taken: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    tries: int = 0
    incidents: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def slack(self) -> str:
        return self.base_url + SLACK_PATH

    @property
    def teams(self) -> str:
        return self.base_url + TEAMS_PATH

    @property
    def hook(self) -> str:
        return self.base_url + HOOK_PATH

    def at(self, path: str) -> list[dict[str, Any]]:
        """Return the bodies that one service took."""
        return [body for where, body in self.taken if where == path]

    def answer(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Take a body, or refuse it as the service does."""
        if headers.get("content-type", "").partition(";")[0] != "application/json":
            return 415, "no json"
        document = json.loads(body)
        match path:
            case str() if path == SLACK_PATH:
                status, text = (200, "ok") if _fits(SLACK, document) else (400, "invalid_blocks")
            case str() if path == TEAMS_PATH:
                fits = _fits(TEAMS, document) and len(body) <= 28 * 1024
                status, text = (202, "") if fits else (400, "bad card")
            case "/v2/enqueue":
                status, text = self._enqueued(document)
            case str() if path == HOOK_PATH:
                status, text = _signed(body, headers)
            case _:
                return 404, "no_service"
        if status < 300:
            self.taken.append((path, document))
        return status, text

    def _enqueued(self, document: dict[str, Any]) -> tuple[int, str]:
        if not _fits(PAGERDUTY, document):
            return 400, '{"status":"invalid event"}'
        if document["routing_key"] != INTEGRATION_KEY:
            return 400, '{"status":"invalid event","errors":["Invalid routing key"]}'
        key = document.get("dedup_key", f"made-{len(self.incidents)}")
        if document["event_action"] == "trigger":
            self.incidents[key] = "triggered"
        elif key in self.incidents:
            self.incidents[key] = "resolved"
        return 202, '{"status":"success"}'


def _fits(schema: dict[str, Any], document: object) -> bool:
    return bool(Draft202012Validator(schema).is_valid(document))


def _signed(body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    """Check a signature as docs/notifications.md tells receivers to."""
    stamp = headers.get("x-lens-gate-timestamp", "")
    expected = hmac.new(SIGNING_SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    fits = hmac.compare_digest(headers.get("x-lens-gate-signature", ""), f"sha256={expected}")
    return (204, "") if fits else (401, "bad signature")


class _Handler(serving.Quiet, BaseHTTPRequestHandler):
    """One request to any of the services."""

    protocol_version = "HTTP/1.1"
    state: Receivers

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.state.tries += 1
        fault = self.state.faults.pop(0) if self.state.faults else None
        if fault is None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._say(*self.state.answer(self.path, body, headers), {})
        elif fault.status == HANG:
            self._drip()
        else:
            self._say(fault.status, fault.text, fault.headers)

    def _say(self, status: int, text: str, headers: dict[str, str]) -> None:
        data = b"" if status == 204 else text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _drip(self) -> None:
        """Say a little now and then, and never enough."""
        self.close_connection = True
        with suppress(OSError):
            for _ in range(100):
                self.wfile.write(b"H")
                if self.state.over.wait(0.05):
                    return


@contextmanager
def receivers() -> Iterator[Receivers]:
    """Serve all services until the context ends."""
    state = Receivers()
    with serving.served(type("Handler", (_Handler,), {"state": state})) as state.base_url:
        try:
            yield state
        finally:
            state.over.set()
