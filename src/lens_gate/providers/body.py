"""Writing requests: addresses, headers and the parts of a body that the dialects share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

import orjson
from pydantic import JsonValue, SecretStr

from lens_gate.errors import ConfigProblem
from lens_gate.providers.base import ChatRequest, Endpoint, HttpRequest, Message
from lens_gate.providers.json_values import member, text

_API_ROOT = re.compile(r"(/v\d+\w*|/openai|/openai/deployments/[^/]+)$")


@dataclass(frozen=True, slots=True)
class Function:
    """A tool that the model may call; `parameters` is a JSON Schema."""

    name: str
    description: str
    parameters: JsonValue


def split_url(base_url: str) -> SplitResult:
    """Take an endpoint's address apart. Raises ConfigProblem; the address itself stays out of the message."""
    parts = _split(base_url.strip())
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigProblem(
            "the endpoint is not an http or https URL",
            place="providers[].endpoint",
            hint="Write it like https://api.openai.com/v1",
        )
    return parts


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


@lru_cache(maxsize=256)
def openai_url(base_url: str, operation: str) -> str:
    """Return the address of an OpenAI `operation` such as `/chat/completions`.

    An address that names the operation already is kept, and so is one with a query string unless its path ends at
    the root of an API (`/v1`, Azure's `/openai/deployments/NAME`): then the operation goes before the query.
    """
    parts = split_url(base_url)
    path = parts.path.rstrip("/")
    complete = path.endswith(operation) or (parts.query and not _API_ROOT.search(path))
    return parts._replace(path=path if complete else path + operation, fragment="").geturl()


def openai_auth(url: str, key: SecretStr | None) -> dict[str, str]:
    """Return the header that carries the key: `api-key` at Azure, a bearer token elsewhere."""
    if key is None:
        return {}
    secret = key.get_secret_value()
    return {"api-key": secret} if _is_azure(url) else {"authorization": f"Bearer {secret}"}


@lru_cache(maxsize=256)
def _is_azure(url: str) -> bool:
    parts = split_url(url)
    return (parts.hostname or "").endswith(".azure.com") or "/openai/deployments/" in parts.path


def post(
    url: str,
    body: Mapping[str, JsonValue],
    request: ChatRequest,
    endpoint: Endpoint,
    auth: Mapping[str, str],
) -> HttpRequest:
    """Return the request: `params` win over `body`, and the user's headers over everybody's."""
    return HttpRequest(
        method="POST",
        url=url,
        headers=headers(request, endpoint, {"content-type": "application/json", **auth}),
        body=orjson.dumps(merged(body, request.params)),
        tls=endpoint.tls,
        http2=endpoint.http2,
    )


def headers(request: ChatRequest, endpoint: Endpoint, own: Mapping[str, str]) -> dict[str, str]:
    """Return all headers with names in lower case; the request's win over the endpoint's, and those over ours.

    A compressed or cached stream says nothing about the model, so neither is asked for.
    """
    all_headers = {
        "accept": "text/event-stream" if request.stream else "application/json",
        "accept-encoding": "identity",
        "cache-control": "no-cache",
        **own,
    }
    for users in (endpoint.headers, request.headers):
        all_headers |= {name.lower(): value for name, value in users.items()}
    return all_headers


def merged(body: Mapping[str, JsonValue], params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return `body` overridden by `params`: objects are merged one level deep, and a null takes the key out."""
    result = dict(body)
    for key, value in params.items():
        mine = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(mine, dict) and isinstance(value, dict):
            result[key] = {**mine, **value}
        else:
            result[key] = value
    return result


def known(**values: JsonValue) -> dict[str, JsonValue]:
    """Return the values that are given."""
    return {key: value for key, value in values.items() if value is not None}


def messages_of(messages: Iterable[Message]) -> list[JsonValue]:
    """Return turns as most APIs write them."""
    return [{"role": message.role, "content": message.content} for message in messages]


def without_system(request: ChatRequest) -> tuple[list[JsonValue], list[Message]]:
    """Part the system's content, from `system` and from messages of that role, from the other turns."""
    system: list[JsonValue] = [request.system] if request.system else []
    turns = []
    for message in request.messages:
        if message.role in {"system", "developer"}:
            system.append(message.content)
        else:
            turns.append(message)
    return system, turns


def blocks_of(contents: Iterable[JsonValue], text_block: Mapping[str, str]) -> list[JsonValue]:
    """Flatten contents into blocks; a string becomes `text_block` with its text."""
    blocks: list[JsonValue] = []
    for content in contents:
        if isinstance(content, str):
            blocks.append({**text_block, "text": content})
        elif isinstance(content, list):
            blocks.extend(content)
        else:
            blocks.append(content)
    return blocks


def function_of(tool: JsonValue) -> Function | None:
    """Read a tool written in the way of OpenAI Chat, the one that every dialect translates; None for any other."""
    function = member(tool, "function")
    name = text(member(function, "name"))
    if not name:
        return None
    parameters = member(function, "parameters") or {"type": "object", "properties": {}}
    return Function(name, text(member(function, "description")), parameters)
