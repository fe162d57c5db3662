"""Which provider speaks which API."""

from __future__ import annotations

from typing import assert_never

from lens_gate.config.model import GenericHttp
from lens_gate.errors import ConfigProblem
from lens_gate.providers.anthropic import Anthropic
from lens_gate.providers.base import Provider
from lens_gate.providers.google import Google
from lens_gate.providers.openai_chat import OpenAIChat
from lens_gate.providers.openai_responses import OpenAIResponses
from lens_gate.vocabulary.requests import Api


def provider_for(api: Api, generic: GenericHttp | None = None) -> Provider:
    """Return the provider of `api`; `generic` describes the endpoint of Api.GENERIC. Raises ConfigProblem."""
    match api:
        case Api.OPENAI_CHAT:
            return OpenAIChat()
        case Api.OPENAI_RESPONSES:
            return OpenAIResponses()
        case Api.ANTHROPIC:
            return Anthropic()
        case Api.GOOGLE:
            return Google()
        case Api.GENERIC:
            return _generic(generic)
        case _:
            assert_never(api)


def _generic(settings: GenericHttp | None) -> Provider:
    if settings is None:
        raise ConfigProblem(
            "an endpoint with `api: generic` needs a section `generic`",
            place="providers[].generic",
            hint="Say at least where the text is: generic: {response: {text: $.text}}",
        )
    from lens_gate.providers.generic import GenericProvider  # noqa: PLC0415 - JSON paths are not for everybody

    return GenericProvider(settings)
