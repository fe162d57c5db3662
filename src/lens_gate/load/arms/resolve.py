"""An arm resolved: from a configuration to the models that are asked and the prompts that they are asked.

Pure: files that variables name are read by a function that is passed in, so that the same code resolves the work tree
and a commit.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypedDict, Unpack, assert_never

from pydantic import JsonValue

from lens_gate.config.defaults import resolve_api, resolve_endpoint
from lens_gate.config.model import Config, Model, Provider, Target
from lens_gate.config.problems import Collected
from lens_gate.config.tls import Tls
from lens_gate.config.workload import FileVariable, GeneratorVariable, Prompt, Variable
from lens_gate.errors import ConfigProblem
from lens_gate.load.arms.identity import requests_hash
from lens_gate.load.arms.pairing import same_name
from lens_gate.load.arms.plan import ArmPlan, PromptPlan, SeriesPlan
from lens_gate.load.arms.prompts import DEFAULT_PROMPT, require_variables
from lens_gate.load.arms.spread import length_of, time_of
from lens_gate.providers.base import Endpoint, TlsChoice
from lens_gate.providers.select import provider_for
from lens_gate.vocabulary.requests import Arm

ReadFile = Callable[[str], bytes]


class Naming(TypedDict):
    """What is known of an arm beside its configuration.

    `target_name` names the process that answers this arm and `target_endpoint` its address; both are None where the
    configured endpoints are asked.
    """

    arm: Arm
    label: str
    commit: str | None
    config_hash: str
    target_name: str | None
    target_endpoint: str | None


def resolve_arm(
    config: Config, *, read_file: ReadFile, base_series: Sequence[SeriesPlan] | None, **naming: Unpack[Naming]
) -> ArmPlan:
    """Resolve `config` to all that this arm would send.

    `base_series` are the series of the arm that was resolved before (the candidate, when this is the base), whose names
    this one's counterparts take over. `read_file` returns the content of a file that the configuration names, and
    raises OSError or ConfigProblem where there is none. Raises ConfigProblem where there is nothing to send.
    """
    series = tuple(_all_series(config, naming["target_endpoint"]))
    if base_series is not None:
        series = same_name(series, base_series)
    prompts = resolve_prompts(config.workload.prompts, read_file)
    return ArmPlan(
        arm=naming["arm"],
        label=naming["label"],
        commit=naming["commit"],
        config_hash=naming["config_hash"],
        requests_hash=requests_hash(series, prompts, shaping=config.workload.cache.model_dump(exclude_defaults=True)),
        target=naming["target_name"],
        series=series,
        prompts=prompts,
    )


def _all_series(config: Config, target_endpoint: str | None) -> list[SeriesPlan]:
    enabled = [(index, provider) for index, provider in enumerate(config.providers) if provider.enabled]
    if not enabled:
        raise ConfigProblem(
            "no provider is enabled" if config.providers else "no provider and no model is configured",
            place="providers",
            hint="Name at least one provider with a model under `providers`; `lens-gate init` writes an example.",
        )
    target = None if config.target is None or target_endpoint is None else (config.target, target_endpoint)
    if target is not None:
        _require_targeted(target[0], [provider for _, provider in enabled])
    series = [_series(provider, model, place, target) for place, provider, model in _models(enabled)]
    _refuse_twice((one.series for one in series), "providers", "Give one of the two providers another name.")
    return series


def _models(enabled: Iterable[tuple[int, Provider]]) -> Iterable[tuple[str, Provider, Model]]:
    for index, provider in enabled:
        for number, model in enumerate(provider.models):
            yield f"providers[{index}].models[{number}]", provider, model


def _require_targeted(target: Target, enabled: Sequence[Provider]) -> None:
    names = [provider.name for provider in enabled]
    if target.provider is not None and target.provider not in names:
        raise ConfigProblem(
            f"there is no enabled provider named {target.provider!r}",
            place="target.provider",
            hint=f"Name one of {', '.join(names)}, or leave it out to send all requests to the target.",
        )


def _series(provider: Provider, model: Model, place: str, target: tuple[Target, str] | None) -> SeriesPlan:
    through_target = target is not None and target[0].provider in {None, provider.name}
    if target is not None and through_target:
        provider = provider.model_copy(update={"endpoint": target[1]})
    _require_whole_price(model, place)
    return SeriesPlan(
        series=f"{provider.name}/{model.id}",
        provider_name=provider.name,
        api=resolve_api(provider),
        provider=provider_for(resolve_api(provider), provider.generic),
        endpoint=Endpoint(
            base_url=resolve_endpoint(provider),
            api_key=provider.api_key,
            headers=provider.headers,
            tls=None if provider.tls is None else tls_choice(provider.tls),
            http2=provider.http2,
        ),
        model=model.id,
        max_tokens=model.max_tokens,
        temperature=model.temperature,
        system=model.system,
        params=model.params,
        input_usd_per_million=model.input_usd_per_million,
        output_usd_per_million=model.output_usd_per_million,
        generic=provider.generic,
        through_target=through_target,
    )


def tls_choice(tls: Tls) -> TlsChoice:
    """Return what a configuration says about certificates."""
    return TlsChoice(
        ca_bundle=tls.ca_bundle,
        client_certificate=tls.client_certificate,
        client_key=tls.client_key,
        client_key_password=tls.client_key_password,
        server_name=tls.server_name,
    )


def _require_whole_price(model: Model, place: str) -> None:
    if (model.input_usd_per_million is None) != (model.output_usd_per_million is None):
        given = "output" if model.input_usd_per_million is None else "input"
        missing = "input" if given == "output" else "output"
        raise ConfigProblem(
            f"a price for {given} tokens stands without one for {missing} tokens",
            place=f"{place}.{given}_usd_per_million",
            hint=f"Set `{missing}_usd_per_million` as well (0 if it is free).",
        )


def resolve_prompts(prompts: Sequence[Prompt], read_file: ReadFile) -> tuple[PromptPlan, ...]:
    """Read every prompt with its variables and files; raises ConfigProblem for all that cannot be sent."""
    if not prompts:
        return (DEFAULT_PROMPT,)
    found = Collected()
    read = [found.of(partial(_prompt, prompt, index, read_file)) for index, prompt in enumerate(prompts)]
    found.tell()
    plans = tuple(plan for plan in read if plan is not None)
    _refuse_twice((plan.id for plan in plans), "workload.prompts", "Give each prompt an `id` of its own.")
    return plans


def _refuse_twice(names: Iterable[str], place: str, hint: str) -> None:
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise ConfigProblem(f"{name!r} occurs {times} times", place=place, hint=hint)


def _prompt(prompt: Prompt, index: int, read_file: ReadFile) -> PromptPlan:
    place = f"workload.prompts[{index}]"
    plan = PromptPlan(
        id=f"prompt-{index + 1}" if prompt.id is None else prompt.id,
        weight=prompt.weight,
        messages=_messages(prompt, place),
        system=prompt.system,
        tools=prompt.tools,
        params=prompt.params,
        headers=prompt.headers,
        variables={},
        max_tokens=None if prompt.max_tokens is None else length_of(prompt.max_tokens),
        turns=prompt.turns[1:] if prompt.turns else (),
        think=None if prompt.think_time is None else time_of(prompt.think_time),
    )
    for name, variable in prompt.variables.items():
        plan = _with_variable(plan, name, variable, lambda source: _read(read_file, source, place), place)
    require_variables(plan, place)
    return plan


def _messages(prompt: Prompt, place: str) -> tuple[tuple[str, JsonValue], ...]:
    if prompt.template is not None:
        return (("user", prompt.template),)
    if prompt.turns is not None:
        return (("user", prompt.turns[0]),)
    if not prompt.messages:
        raise ConfigProblem(
            "the prompt has no messages",
            place=place,
            hint="Write `template: …` for one user message, or a list of `messages` with role and content.",
        )
    return tuple((message.role, message.content) for message in prompt.messages)


def _with_variable(plan: PromptPlan, name: str, variable: Variable, read: ReadFile, place: str) -> PromptPlan:
    match variable:
        case FileVariable(source=source):
            values = _values(read(source), source)
        case GeneratorVariable(generator=generator, words=words):
            generators = {**plan.generators, name: (generator, length_of(words))}
            return replace(plan, variables={**plan.variables, name: ()}, generators=generators)
        case tuple():
            values = variable
        case unknown:
            assert_never(unknown)
    if not values:
        raise ConfigProblem(
            f"the variable {name!r} of prompt {plan.id!r} has no values",
            place=place,
            hint="List at least one value, or name a file with one value per line.",
        )
    return replace(plan, variables={**plan.variables, name: values})


def _read(read_file: ReadFile, source: str, place: str) -> bytes:
    try:
        return read_file(source)
    except OSError as error:
        raise ConfigProblem(
            f"the file {source!r} cannot be read: {error.strerror or error}",
            place=place,
            hint="Paths start from the folder that the command runs in; with --against-ref the file must be committed.",
        ) from error


def _values(content: bytes, source: str) -> tuple[str, ...]:
    """Return the items of a JSON list, objects as JSON text; any other file gives its lines that are not blank."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigProblem("the file is not UTF-8 text", place=source, hint="Save it as UTF-8.") from error
    if not text.lstrip().startswith("[") and not source.endswith(".json"):
        return tuple(line for line in text.splitlines() if line.strip())
    try:
        items = json.loads(text)
    except ValueError as error:
        raise ConfigProblem(
            f"the file is not a JSON list: {error}", place=source, hint="Write a list, or one value per line."
        ) from error
    if not isinstance(items, list):
        raise ConfigProblem("the file holds no JSON list", place=source, hint="Put its values in [ ].")
    return tuple(item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in items)
