"""From the names of models on a command line to who is asked for them (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lens_gate.config.defaults import BUILT_IN, maker_of
from lens_gate.config.model import Config, Provider
from lens_gate.errors import UsageProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelName:
    """A model, and the provider that is asked for it."""

    provider: str
    model: str

    def __str__(self) -> str:
        """Return the name of its series."""
        return f"{self.provider}/{self.model}"


def named_models(names: Sequence[str], config: Config | None, provider: str | None) -> tuple[ModelName, ...]:
    """Return where each of these models is asked; without names, all models of the configuration.

    `config` is None where there is no configuration, `provider` the only one that may be asked. Raises UsageProblem for
    a name that does not tell who serves the model, and for a model that is named twice.
    """
    if config is None:
        found = tuple(_well_known(name, provider) for name in names)
    else:
        usable = _usable(config, provider)
        found = tuple(_found(name, usable) for name in names) or tuple(_models(usable))
    twice = next((one for one, times in Counter(found).items() if times > 1), None)
    if twice is not None:
        raise UsageProblem(f"{twice} is named twice", hint="Name each model once.")
    return found


def _well_known(name: str, provider: str | None) -> ModelName:
    head, _, rest = name.partition("/")
    if provider is None and rest and head in BUILT_IN:
        return ModelName(provider=head, model=rest)
    known = provider or maker_of(name)
    if known is None:
        raise UsageProblem(
            f"the name {name!r} does not tell who serves this model, and there is no configuration",
            hint=f"Write PROVIDER/MODEL with {_either(BUILT_IN)}, or a configuration that names its endpoint.",
        )
    return ModelName(provider=known, model=name)


def _found(name: str, usable: Sequence[Provider]) -> ModelName:
    """Find a model in the configuration, else who could serve it: it then borrows that provider's parameters."""
    configured = [one for one in _models(usable) if name in (one.model, str(one))]
    if len(configured) > 1:
        raise UsageProblem(
            f"more than one provider has the model {name}", hint=f"Write {_either(map(str, configured))}."
        )
    served = configured[0] if configured else _served(name, usable)
    if served is None:
        raise UsageProblem(
            f"no provider of the configuration has the model {name}",
            hint=f"Write PROVIDER/MODEL with {_either(one.name for one in usable)}, or add it to the configuration.",
        )
    return served


def _served(name: str, usable: Sequence[Provider]) -> ModelName | None:
    """Return the provider before the slash, else the maker of such models, else the only one that could serve it."""
    providers = {one.name: one for one in usable}
    head, _, rest = name.partition("/")
    if rest and head in providers:
        return ModelName(provider=head, model=rest)
    maker = maker_of(name)
    if maker in providers:
        return ModelName(provider=maker, model=name)
    (only, *others) = usable
    if others or (maker is not None and _serves_its_own_only(only)):
        return None
    return ModelName(provider=only.name, model=name)


def _serves_its_own_only(provider: Provider) -> bool:
    return provider.name in BUILT_IN and provider.endpoint is None


def _usable(config: Config, provider: str | None) -> tuple[Provider, ...]:
    usable = tuple(one for one in config.providers if one.enabled and provider in (None, one.name))
    if not usable:
        known = ", ".join(one.name for one in config.providers) or "none"
        raise UsageProblem(
            "no provider is enabled" if provider is None else f"no enabled provider is named {provider!r}",
            hint=f"The configuration has: {known}.",
        )
    return usable


def _models(providers: Iterable[Provider]) -> list[ModelName]:
    return [ModelName(provider=one.name, model=model.id) for one in providers for model in one.models]


def _either(names: Iterable[str]) -> str:
    return " or ".join(names)
