"""Which request line means which API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, unquote

from lens_gate.vocabulary.requests import Api


class Listing(StrEnum):
    """The pages that need no model."""

    HEALTH = "health"
    MODELS = "models"
    GOOGLE_MODELS = "google-models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An API's address: `model` and `stream` where the URL says them; `json_array` for a Gemini stream without SSE."""

    api: Api
    model: str = ""
    stream: bool = False
    json_array: bool = False


_CHAT = re.compile(r"/(?:openai/)?v1/chat/completions")
_RESPONSES = re.compile(r"/(?:openai/)?v1/responses|/openai/responses")
_AZURE = re.compile(r"/openai/deployments/(?P<model>[^/]+)/chat/completions")
_GOOGLE = re.compile(r"/v1(?:beta|alpha)?/models/(?P<model>[^/]+):(?P<verb>generateContent|streamGenerateContent)")
_LISTINGS = {
    "/health": Listing.HEALTH,
    "/v1/models": Listing.MODELS,
    "/v1beta/models": Listing.GOOGLE_MODELS,
}


def find_route(method: str, target: str) -> Route | Listing | None:
    """Return what a request line asks for, or None; paths are exact, so that a wrong base URL is not hidden."""
    path, _, query = target.partition("?")
    match method:
        case "GET":
            return _LISTINGS.get(path)
        case "POST":
            return _find_api(path, query)
        case _:
            return None


def _find_api(path: str, query: str) -> Route | None:
    if _CHAT.fullmatch(path):
        return Route(api=Api.OPENAI_CHAT)
    if path == "/v1/messages":
        return Route(api=Api.ANTHROPIC)
    if _RESPONSES.fullmatch(path):
        return Route(api=Api.OPENAI_RESPONSES)
    return _find_model_in(path, query)


def _find_model_in(path: str, query: str) -> Route | None:
    """Read the paths that hold the model's name."""
    decoded = unquote(path)
    if azure := _AZURE.fullmatch(decoded):
        return Route(api=Api.OPENAI_CHAT, model=azure["model"])
    if google := _GOOGLE.fullmatch(decoded):
        stream = google["verb"] == "streamGenerateContent"
        json_array = stream and parse_qs(query).get("alt") != ["sse"]
        return Route(api=Api.GOOGLE, model=google["model"], stream=stream, json_array=json_array)
    return None
