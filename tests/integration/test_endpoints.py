"""Servers that speak a known API elsewhere than its maker does, or no known API: `endpoint` and `generic`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import KEY, Invoke
from tests.measuring import samples_in

MODEL, LIMIT, THOUGHTS = "sim-thinker", 40, 32
ENDPOINTS = {
    "native": "/v1",
    "prefixed": "/openai/v1",
    "complete": "/v1/chat/completions",
    "azure": f"/openai/deployments/{MODEL}?api-version=2024-10-21",
}
GENERIC = {
    "format": "sse",
    "path": "/chat/completions",
    "body": {
        "model": "{{model}}",
        "messages": "{{messages}}",
        "max_tokens": "{{max_tokens}}",
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    "response": {
        "text": "$.choices[0].delta.content",
        "reasoning": "$.choices[0].delta.reasoning_content",
        "input_tokens": "$.usage.prompt_tokens",
        "output_tokens": "$.usage.completion_tokens",
        "cached_tokens": "$.usage.prompt_tokens_details.cached_tokens",
        "finish_reason": "$.choices[0].finish_reason",
        "model": "$.model",
    },
}
NUMBERS = ("input_tokens", "output_tokens", "cached_tokens", "chunk_count", "http_status")
TEXTS = ("status", "error_class", "finish_reason", "model_returned", "token_source")


@pytest.fixture
def seen(invoke: Invoke, configure: Callable[..., Path], simulator: str) -> Mapping[str, Mapping[str, set[object]]]:
    """The different values of each column, by provider, of one run over all these endpoints."""
    common: dict[str, Any] = {"api_key": KEY, "models": [{"id": MODEL, "max_tokens": LIMIT}]}
    providers = [
        {"name": name, "api": "openai-chat", "endpoint": simulator + path, **common} for name, path in ENDPOINTS.items()
    ]
    generic = {"name": "generic", "api": "generic", "endpoint": f"{simulator}/v1", "generic": GENERIC, **common}
    configure(providers=[*providers, generic])
    answer = invoke("run", "--requests", "20", "--output", "run.json")
    assert "Written to run.json" in answer.out, answer.err
    samples = samples_in(Path("run.json"))
    rows = {name: samples.where(samples.texts["provider"].equals(name)) for name in (*ENDPOINTS, "generic")}
    return {
        name: {column: set(found.numbers[column].tolist()) for column in NUMBERS}
        | {column: set(found.texts[column].strings()) for column in TEXTS}
        for name, found in rows.items()
    }


def test_every_way_to_the_same_model_counts_the_same(seen: Mapping[str, Mapping[str, set[object]]]) -> None:
    native = seen["native"]
    assert native["output_tokens"] == native["chunk_count"] == {LIMIT}
    assert native["status"] == {"ok"}
    assert native["finish_reason"] == {"length"}
    assert native["token_source"] == {"server"}
    assert seen == dict.fromkeys(seen, native)
