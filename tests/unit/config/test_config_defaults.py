from __future__ import annotations

import pytest

from lens_gate.config.defaults import resolve_api, resolve_endpoint
from lens_gate.config.model import GenericHttp, Model, Provider, ResponseMapping
from lens_gate.errors import ConfigProblem
from lens_gate.vocabulary.requests import Api


def provider(name: str, endpoint: str | None = None, api: Api | None = None) -> Provider:
    return Provider(name=name, endpoint=endpoint, api=api, models=(Model(id="m"),))


@pytest.mark.parametrize(
    ("name", "api", "endpoint"),
    [
        ("openai", Api.OPENAI_CHAT, "https://api.openai.com/v1"),
        ("anthropic", Api.ANTHROPIC, "https://api.anthropic.com"),
        ("google", Api.GOOGLE, "https://generativelanguage.googleapis.com"),
    ],
)
def test_a_known_name_brings_its_api_and_address(name: str, api: Api, endpoint: str) -> None:
    assert resolve_api(provider(name)) is api
    assert resolve_endpoint(provider(name)) == endpoint


def test_an_unknown_name_speaks_the_api_of_openai_unless_it_says_otherwise() -> None:
    assert resolve_api(provider("vllm")) is Api.OPENAI_CHAT
    assert resolve_api(provider("vllm", api=Api.ANTHROPIC)) is Api.ANTHROPIC
    generic = GenericHttp(response=ResponseMapping(text="$.text"))
    assert resolve_api(provider("own").model_copy(update={"generic": generic})) is Api.GENERIC


@pytest.mark.parametrize(
    ("name", "written", "expected"),
    [
        ("anthropic", "https://api.anthropic.com/v1", "https://api.anthropic.com"),
        ("anthropic", "https://api.anthropic.com/v1/", "https://api.anthropic.com"),
        ("anthropic", "http://localhost:1", "http://localhost:1"),
        ("google", "https://g.example/v1beta", "https://g.example"),
        ("openai", "http://localhost:1/v1/", "http://localhost:1/v1"),
        ("vllm", "http://localhost:1/v1", "http://localhost:1/v1"),
    ],
)
def test_an_endpoint_is_taken_with_or_without_the_version_that_the_api_adds(
    name: str, written: str, expected: str
) -> None:
    assert resolve_endpoint(provider(name, written)) == expected


def test_an_unknown_name_without_an_address_is_an_error_with_the_next_step() -> None:
    with pytest.raises(ConfigProblem, match="the provider `vllm` has no address") as caught:
        resolve_endpoint(provider("vllm"))
    assert "Add its `endpoint`" in str(caught.value)
