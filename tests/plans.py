"""Minimal arms for the tests of planning: a test names what matters to it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue, SecretStr

from lens_gate.load.arms.plan import ArmPlan, PromptPlan, SeriesPlan
from lens_gate.providers.base import Endpoint
from lens_gate.providers.openai_chat import OpenAIChat
from lens_gate.vocabulary.requests import Api, Arm


def a_series(
    model: str = "m",
    *,
    provider: str = "p",
    max_tokens: int | None = 100,
    price: tuple[float, float] | None = (1.0, 4.0),
    base_url: str = "https://llm.example.org/v1",
) -> SeriesPlan:
    return SeriesPlan(
        series=f"{provider}/{model}",
        provider_name=provider,
        api=Api.OPENAI_CHAT,
        provider=OpenAIChat(),
        endpoint=Endpoint(base_url=base_url, api_key=SecretStr("sk-very-secret")),
        model=model,
        max_tokens=max_tokens,
        temperature=None,
        system=None,
        params={},
        input_usd_per_million=price and price[0],
        output_usd_per_million=price and price[1],
    )


def a_prompt(
    text: JsonValue = "Say hello.",
    *,
    id: str = "hello",  # noqa: A002 - the field's own name
    weight: float = 1.0,
    system: str | None = None,
    variables: Mapping[str, tuple[str, ...]] | None = None,
    generators: Mapping[str, tuple[str, int]] | None = None,
) -> PromptPlan:
    return PromptPlan(
        id=id,
        weight=weight,
        messages=(("user", text),),
        system=system,
        tools=(),
        params={},
        headers={},
        variables=variables or {},
        generators=generators or {},
    )


def an_arm(
    arm: Arm = Arm.CANDIDATE,
    *,
    series: tuple[SeriesPlan, ...] | None = None,
    prompts: tuple[PromptPlan, ...] | None = None,
    target: str | None = None,
) -> ArmPlan:
    return ArmPlan(
        arm=arm,
        label=arm.value,
        commit=None,
        config_hash="c",
        requests_hash="r",
        target=target,
        series=(a_series(),) if series is None else series,
        prompts=(a_prompt(),) if prompts is None else prompts,
    )
