"""Lists of models, in the style of the API that asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from lens_gate.simulator.routes import Listing

HEALTHY = b'{"status":"ok"}'


def listing(page: Listing, models: Sequence[str], headers: Mapping[str, str]) -> bytes:
    """Write a page that needs no model; three APIs list their models at `/v1/models`, their headers tell them apart."""
    if page is Listing.HEALTH:
        return HEALTHY
    if page is Listing.GOOGLE_MODELS or "x-goog-api-key" in headers:
        return orjson.dumps({"models": [_google(name) for name in models]})
    if "anthropic-version" in headers:
        page_of_all = {"has_more": False, "first_id": models[0], "last_id": models[-1]}
        return orjson.dumps({"data": [_anthropic(name) for name in models], **page_of_all})
    return orjson.dumps({"object": "list", "data": [_openai(name) for name in models]})


def _google(name: str) -> dict[str, object]:
    methods = ["generateContent", "streamGenerateContent"]
    return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": methods}


def _anthropic(name: str) -> dict[str, object]:
    return {"type": "model", "id": name, "display_name": name, "created_at": "2025-01-01T00:00:00Z"}


def _openai(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "lens-gate"}
