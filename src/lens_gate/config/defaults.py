"""What a provider's name stands for: its wire format and its public address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lens_gate.config.model import Provider
from lens_gate.errors import ConfigProblem
from lens_gate.vocabulary.requests import Api


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A provider that is known by name; `endpoint` is the base that its paths are appended to.

    `models` matches the beginning of the names that it gives to its models.
    """

    api: Api
    endpoint: str
    models: re.Pattern[str]


BUILT_IN: Mapping[str, BuiltIn] = {
    "openai": BuiltIn(
        Api.OPENAI_CHAT, "https://api.openai.com/v1", re.compile(r"(ft:)?(gpt|chatgpt|o[1-9]|davinci|babbage)(-|$)")
    ),
    "anthropic": BuiltIn(Api.ANTHROPIC, "https://api.anthropic.com", re.compile(r"claude-")),
    "google": BuiltIn(
        Api.GOOGLE, "https://generativelanguage.googleapis.com", re.compile(r"(models/)?(gemini|gemma)-")
    ),
}

CONFIG_NAMES = (
    "lens-gate.yaml",
    "lens-gate.yml",
    "lens-gate.toml",
    "llm-lens.yaml",
    "llm-lens.yml",
    "llm-lens.toml",
)
"""The configuration that is read where none is named: the first of these that exists."""

_VERSIONS: Mapping[Api, tuple[str, ...]] = {Api.ANTHROPIC: ("/v1",), Api.GOOGLE: ("/v1beta", "/v1")}
"""Versions that belong to the path of these APIs; people write them into the endpoint as well."""


def maker_of(model: str) -> str | None:
    """Return the built-in provider whose model this is by its name; None where that does not tell."""
    return next((name for name, known in BUILT_IN.items() if known.models.match(model)), None)


def resolve_api(provider: Provider) -> Api:
    """Return the wire format: the configured one, the name's, generic where mapped, else OpenAI-compatible."""
    if provider.api is not None:
        return provider.api
    if provider.generic is not None:
        return Api.GENERIC
    known = BUILT_IN.get(provider.name)
    return known.api if known else Api.OPENAI_CHAT


def resolve_endpoint(provider: Provider) -> str:
    """Return the address without a trailing slash, and without the version where the API's own paths begin with it.

    Raises ConfigProblem where neither the configuration nor the name gives an address.
    """
    known = BUILT_IN.get(provider.name)
    if provider.endpoint is None and known is None:
        raise ConfigProblem(
            f"the provider `{provider.name}` has no address",
            place="providers",
            hint=f"Add its `endpoint`, or use one of the names {', '.join(BUILT_IN)}.",
        )
    endpoint = (provider.endpoint or (known.endpoint if known else "")).rstrip("/")
    for version in _VERSIONS.get(resolve_api(provider), ()):
        if endpoint.endswith(version):
            return endpoint.removesuffix(version)
    return endpoint
