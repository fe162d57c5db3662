"""Who is asked for a model that a command line names."""

from __future__ import annotations

from typing import Any

import pytest

from lens_gate.config.defaults import maker_of
from lens_gate.config.model import Config
from lens_gate.errors import UsageProblem
from lens_gate.steps.resolving.model_names import named_models


def a_config(*providers: dict[str, Any]) -> Config:
    return Config.model_validate({"providers": providers})


def a_provider(name: str, *models: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, "endpoint": f"http://{name}.example.org", "models": models or ("m",), **keys}


def named(*names: str, config: Config | None = None, provider: str | None = None) -> list[str]:
    return [str(one) for one in named_models(names, config, provider)]


TWO = a_config(a_provider("p", "x", "org/y"), a_provider("q", "x", "z"))


@pytest.mark.parametrize(
    ("model", "maker"),
    [
        ("gpt-4-turbo-preview", "openai"), ("o3-mini", "openai"), ("o1", "openai"), ("ft:gpt-4o-mini:org", "openai"),
        ("claude-3-opus-20240229", "anthropic"), ("gemini-pro", "google"), ("models/gemini-1.5-pro", "google"),
        ("llama-3-70b", None), ("opus", None), ("gpt4all", None), ("o10x", None),
    ],
)  # fmt: skip
def test_the_name_of_a_model_tells_its_maker_where_it_is_well_known(model: str, maker: str | None) -> None:
    assert maker_of(model) == maker


def test_without_a_configuration_well_known_models_are_asked_at_their_makers() -> None:
    assert named("gpt-4-turbo-preview", "claude-3-opus-20240229", "gemini-pro") == [
        "openai/gpt-4-turbo-preview", "anthropic/claude-3-opus-20240229", "google/gemini-pro"
    ]  # fmt: skip
    assert named("openai/new-model", "google/other") == ["openai/new-model", "google/other"]
    assert named("a", "org/b", provider="openai") == ["openai/a", "openai/org/b"]


def test_without_a_configuration_an_unknown_name_says_how_to_write_it() -> None:
    with pytest.raises(UsageProblem, match="'llama'") as caught:
        named("llama")
    assert "PROVIDER/MODEL with openai or anthropic or google" in str(caught.value.hint)


def test_without_names_all_models_of_enabled_providers_are_meant() -> None:
    config = a_config(a_provider("p", "x", "y"), a_provider("q", "z", enabled=False), a_provider("r", "z"))
    assert named(config=config) == ["p/x", "p/y", "r/z"]
    assert named(config=config, provider="r") == ["r/z"]
    assert named() == []


def test_configured_models_are_found_by_model_or_by_provider_and_model() -> None:
    assert named("z", "p/x", "q/x", "org/y", config=TWO) == ["q/z", "p/x", "q/x", "p/org/y"]
    assert named("p/org/y", "x", config=TWO, provider="p") == ["p/org/y", "p/x"]


def test_a_model_of_two_providers_must_be_told_apart() -> None:
    with pytest.raises(UsageProblem, match="more than one provider has the model x") as caught:
        named("x", config=TWO)
    assert caught.value.hint == "Write p/x or q/x."


def test_a_model_that_is_not_configured_is_served_by_the_provider_before_the_slash() -> None:
    assert named("p/new", config=TWO) == ["p/new"]


def test_a_model_that_is_not_configured_is_served_by_its_maker_where_that_is_configured() -> None:
    config = a_config(a_provider("openai", "gpt-4"), a_provider("google", "gemini-pro"))
    assert named("gpt-5", "gemini-2", config=config) == ["openai/gpt-5", "google/gemini-2"]


def test_the_only_provider_serves_what_is_not_configured_unless_it_is_known_to_serve_others() -> None:
    gateway = a_config(a_provider("gateway", "m"))
    assert named("llama", "claude-3", "org/x", config=gateway) == ["gateway/llama", "gateway/claude-3", "gateway/org/x"]
    proxied = a_config(a_provider("openai", "gpt-4"))
    assert named("gpt-4", "claude-3", config=proxied) == ["openai/gpt-4", "openai/claude-3"]
    public = a_config({"name": "openai", "models": ["gpt-4"]})
    assert named("gpt-4", "new-model", config=public) == ["openai/gpt-4", "openai/new-model"]
    with pytest.raises(UsageProblem, match="no provider of the configuration has the model claude-3"):
        named("claude-3", config=public)


def test_a_model_that_nobody_is_known_to_serve_is_refused() -> None:
    with pytest.raises(UsageProblem, match="has the model llama") as caught:
        named("llama", config=TWO)
    assert "p or q" in str(caught.value.hint)


def test_a_model_that_is_named_twice_is_refused() -> None:
    with pytest.raises(UsageProblem, match="q/z is named twice"):
        named("z", "q/z", config=TWO)


@pytest.mark.parametrize(("provider", "words"), [(None, "no provider is enabled"), ("r", "is named 'r'")])
def test_a_provider_that_may_not_be_asked_is_refused(provider: str | None, words: str) -> None:
    config = a_config(a_provider("p", enabled=False))
    with pytest.raises(UsageProblem, match=words) as caught:
        named("x", config=config, provider=provider)
    assert caught.value.hint == "The configuration has: p."
    with pytest.raises(UsageProblem, match=words):
        named("x", config=a_config(), provider=provider)
