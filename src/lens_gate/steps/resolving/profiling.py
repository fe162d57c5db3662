"""What `profile` measures: any URL with a payload, as a configuration of one generic endpoint (pure)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import JsonValue

from lens_gate.config.load import NO_FILE, Source
from lens_gate.errors import UsageProblem
from lens_gate.vocabulary.secrets import names_a_secret

BEARER = "bearer "

_QUOTED = (
    "Write its value as '${VARIABLE}' in single quotes: lens-gate reads it from the environment and keeps it secret."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileOrder:
    """A URL as it is to be asked; `mapping` holds the JSON paths of the answer's parts, by name.

    Texts may hold `${VARIABLES}`, but for the `payload`, which is sent as it is with its `{{placeholders}}` filled.
    """

    url: str
    method: str | None = None
    auth: str | None = field(default=None, repr=False)
    headers: tuple[str, ...] = field(default=(), repr=False)
    payload: JsonValue = None
    stream_format: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    prompt: str | None = None
    model: str | None = None
    max_tokens: int | None = None


def profile_source(order: ProfileOrder) -> Source:
    """Return the configuration that asks the URL. Raises UsageProblem for a secret that is written out."""
    parts = _address(order.url)
    config: dict[str, JsonValue] = {"providers": [_provider(order, parts)]}
    if order.prompt is not None:
        config["workload"] = {"prompts": [{"id": "prompt", "template": order.prompt}]}
    return Source(NO_FILE, json.dumps(config))


def is_written_out(order: ProfileOrder) -> bool:
    """Say whether the key was given itself, and not by the name of a variable."""
    return order.auth is not None and "${" not in order.auth


def _address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UsageProblem(f"this is no URL: {error}", place="--url") from error
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise UsageProblem("this is no http or https URL", place="--url", hint="Write it like https://host/v1/chat.")
    for name, value in parse_qsl(parts.query):
        if names_a_secret(name) and "${" not in value:
            raise UsageProblem(f"`{name}` in the URL holds a secret that is written out", place="--url", hint=_QUOTED)
    return parts


def _provider(order: ProfileOrder, parts: SplitResult) -> dict[str, JsonValue]:
    provider: dict[str, JsonValue] = {
        "name": parts.netloc,
        "api": "generic",
        "endpoint": f"{parts.scheme}://{parts.netloc}",
        "headers": _headers(order),
        "models": [_model(order, parts)],
        "generic": _generic(order, parts),
    }
    if order.auth is not None and order.auth.lower().startswith(BEARER):
        provider["api_key"] = order.auth[len(BEARER) :].strip()
    return provider


def _headers(order: ProfileOrder) -> dict[str, JsonValue]:
    headers: dict[str, JsonValue] = {}
    for header in order.headers:
        name, colon, value = (part.strip() for part in header.partition(":"))
        if not name or not colon:
            raise UsageProblem("a header is written `Name: value`", place="--header")
        if names_a_secret(name) and "${" not in value:
            raise UsageProblem(f"the header {name} holds a secret that is written out", place="--header", hint=_QUOTED)
        headers[name] = value
    if order.auth is not None and not order.auth.lower().startswith(BEARER):
        headers["Authorization"] = order.auth
    return headers


def _model(order: ProfileOrder, parts: SplitResult) -> dict[str, JsonValue]:
    named = order.payload.get("model") if isinstance(order.payload, dict) else None
    written = named if isinstance(named, str) and "{{" not in named else None
    name = order.model or written or parts.path.rstrip("/").rpartition("/")[2] or "endpoint"
    return {"id": name, **({} if order.max_tokens is None else {"max_tokens": order.max_tokens})}


def _generic(order: ProfileOrder, parts: SplitResult) -> dict[str, JsonValue]:
    path = parts._replace(scheme="", netloc="", fragment="").geturl()
    generic: dict[str, JsonValue] = {
        "path": path if path.startswith("/") else f"/{path}",
        "method": order.method or ("GET" if order.payload is None else "POST"),
        "body": _literal(order.payload),
    }
    if order.stream_format is not None:
        generic["format"] = order.stream_format
    if order.mapping:
        generic["response"] = dict(order.mapping)
    return generic


def _literal(payload: JsonValue) -> JsonValue:
    """Return the payload with every `${` taken for text: what is sent reads nothing from the environment."""
    match payload:
        case str():
            return payload.replace("${", "$${")
        case dict():
            return {name: _literal(value) for name, value in payload.items()}
        case list():
            return [_literal(value) for value in payload]
        case _:
            return payload
