"""Variables put in: from a loaded configuration and an environment to the Config that is used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from lens_gate.config.check import checked
from lens_gate.config.index import KeyPath, dotted
from lens_gate.config.load import LoadedConfig
from lens_gate.config.model import Config, Regression
from lens_gate.config.problems import Problem, raise_problems
from lens_gate.config.tree import Tree, value_at
from lens_gate.config.variables import VariableUse, expanded, substitutable, waits
from lens_gate.errors import MissingVariable, SecurityRefusal

_MEASURING: tuple[KeyPath, ...] = (
    ("version",),
    ("profiler",),
    ("workload",),
    ("metrics",),
    ("resilience",),
    ("target",),
    ("output", "console"),
    ("output", "files"),
    ("output", "remote"),
    ("output", "database"),
    ("publish",),
    ("stores",),
    ("logging",),
)


def substitute(
    loaded: LoadedConfig,
    environment: Mapping[str, str],
    *,
    used: Collection[KeyPath] | None,
    allowed: Collection[str] | None = None,
) -> Config:
    """Return the Config with every variable replaced by its value from `environment`, or by its default.

    `used` names the parts that are needed now (None: all; disabled providers never are): there a variable that is not
    set or empty raises MissingVariable, elsewhere its text stays as written. With `allowed`, only these variables are
    read; another one in a used part raises SecurityRefusal. Prompts are left as written.
    """
    work = _Substitution(loaded, environment, allowed, lambda path: is_used(loaded, path, used))
    tree = {name: work.value(inner, (name,)) for name, inner in loaded.tree.items()}
    if work.forbidden:
        use = work.forbidden[0]
        raise SecurityRefusal(
            f"`{dotted(use.path)}` reads the variable {use.name}, which the trusted configuration does not name",
            place=use.place,
            hint="Bring the variable into the trusted branch first.",
        )
    raise_problems([_missing_problem(use) for use in work.missing], MissingVariable)
    return checked(tree, waiting=work.untouched, hidden=work.replaced, place=loaded.place)


def missing_variables(loaded: LoadedConfig, environment: Mapping[str, str]) -> tuple[VariableUse, ...]:
    """Return each use of a variable that is neither set, nor a secret of a manager, nor has a default."""
    missing = (use for use in loaded.variables if not environment.get(use.name) and use.default is None)
    return tuple(use for use in missing if use.path[0] == "secrets" or use.name.lower() not in secret_names(loaded))


def secret_names(loaded: LoadedConfig) -> tuple[str, ...]:
    """Return the names of the secrets that a manager holds, in small letters and in their order."""
    keys = value_at(loaded.tree, ("secrets", "keys"))
    names = [entry.get("name") for entry in keys if isinstance(entry, dict)] if isinstance(keys, list) else []
    return tuple(str(name).lower() for name in names)


def secrets_needed(
    loaded: LoadedConfig, environment: Mapping[str, str], used: Collection[KeyPath] | None
) -> Mapping[str, int]:
    """Return the variables of the `used` parts that a manager answers for, each with the index of its key.

    A variable that is set is not asked for: the environment wins, so that a laptop needs no manager.
    """
    known = {name: index for index, name in enumerate(secret_names(loaded))}
    return {
        use.name: known[use.name.lower()]
        for use in loaded.variables
        if use.name.lower() in known
        and use.path[0] != "secrets"
        and not environment.get(use.name)
        and is_used(loaded, use.path, used)
    }


def measuring_paths(loaded: LoadedConfig, provider_names: Collection[str] | None = None) -> tuple[KeyPath, ...]:
    """Return the parts that a run needs, with only these providers (None: all that are enabled)."""
    providers = tuple(
        ("providers", index)
        for index, provider in enumerate(_providers(loaded.tree))
        if provider_names is None or provider.get("name") in provider_names
    )
    return (*_MEASURING, *providers)


def judging_paths() -> tuple[KeyPath, ...]:
    """Return the parts that a verdict, its log and its publication need; whom to notify is not among them."""
    rules = tuple(("regression", name) for name in Regression.model_fields if name != "notifications")
    used = (("stores",), ("budgets",), ("resilience",), ("profiler", "name"), ("publish",), ("logging",))
    return (*rules, *used)


def is_used(loaded: LoadedConfig, path: KeyPath, used: Collection[KeyPath] | None) -> bool:
    """Say whether a key belongs to the parts that are needed now: see `substitute`."""
    match path:
        case ("providers", int(index), *_) if _providers(loaded.tree)[index].get("enabled") is False:
            return False
        case ("output", "database", *_) if _is_off(loaded.tree, "database"):
            return False
        case _:
            return used is None or any(path[: len(part)] == part for part in used)


def _is_off(tree: Tree, name: str) -> bool:
    """Say whether a destination of results is switched off, as a database is unless it is switched on."""
    output = tree.get("output")
    section = output.get(name) if isinstance(output, dict) else None
    return isinstance(section, dict) and section.get("enabled", False) is False


def _providers(tree: Tree) -> list[dict[str, JsonValue]]:
    providers = tree.get("providers")
    return [entry for entry in providers if isinstance(entry, dict)] if isinstance(providers, list) else []


def _missing_problem(use: VariableUse) -> Problem:
    return Problem(
        use.place,
        f"`{dotted(use.path)}` needs the variable {use.name}, which is not set or empty",
        f"Set {use.name}, or give it a default: ${{{use.name}:-value}}.",
    )


@dataclass(slots=True)
class _Substitution:
    """One walk over the tree, and what it met."""

    loaded: LoadedConfig
    environment: Mapping[str, str] = field(repr=False)
    allowed: Collection[str] | None
    is_used: Callable[[KeyPath], bool]
    missing: list[VariableUse] = field(default_factory=list)
    forbidden: list[VariableUse] = field(default_factory=list)
    replaced: set[KeyPath] = field(default_factory=set)
    untouched: set[KeyPath] = field(default_factory=set)

    def value(self, value: JsonValue, path: KeyPath) -> JsonValue:
        match value:
            case dict():
                return {name: self.value(inner, (*path, name)) for name, inner in value.items()}
            case list():
                return [self.value(item, (*path, index)) for index, item in enumerate(value)]
            case str() if substitutable(path):
                return self._text(value, path)
            case _:
                return value

    def _text(self, text: str, path: KeyPath) -> str:
        uses = [use for use in self.loaded.variables if use.path == path]
        forbidden = [use for use in uses if self.allowed is not None and use.name not in self.allowed]
        missing = [use for use in uses if not self.environment.get(use.name) and use.default is None]
        if forbidden or missing:
            if self.is_used(path):
                self.forbidden += forbidden
                self.missing += missing
            self.untouched.add(path)
            return text
        if waits(path, text):
            self.replaced.add(path)
        return expanded(text, lambda name, default: self.environment.get(name) or default or "")
