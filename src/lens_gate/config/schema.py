"""The JSON Schema of the configuration, for completion and checks in editors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from lens_gate.config.model import Config
from lens_gate.config.table import status_of, status_text
from lens_gate.config.variables import is_prompt

_VARIABLE = {"type": "string", "pattern": r"\$\{[A-Za-z_]", "description": "A variable: ${NAME} or ${NAME:-default}."}


def json_schema() -> dict[str, Any]:
    """Return the schema: every key with its meaning, and `${VAR}` allowed where a number or a word is expected."""
    schema = Config.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = schema.pop("$defs")
    _Walk(definitions).section(schema, "")
    schema["properties"]["version"]["enum"] = [schema["properties"]["version"].pop("const"), 1.0]
    del schema["properties"]["version"]["type"]
    for definition in definitions.values():
        definition.pop("title", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lens-gate configuration",
        "description": "lens-gate.yaml or lens-gate.toml; docs/configuration.md explains it.",
        "type": "object",
        "properties": schema["properties"],
        "additionalProperties": False,
        "$defs": {"Variable": _VARIABLE, **definitions},
    }


def schema_text() -> str:
    """Return the schema as the text of docs/lens-gate.schema.json."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


@dataclass(slots=True)
class _Walk:
    """One pass over the schema's sections, each definition once."""

    definitions: dict[str, Any]
    seen: set[str] = field(default_factory=set)

    def section(self, schema: dict[str, Any], prefix: str) -> None:
        for name, key in schema.get("properties", {}).items():
            pattern = f"{prefix}.{name}".lstrip(".")
            _tidy(key)
            for reference, inner in _references(key, pattern):
                if reference not in self.seen:
                    self.seen.add(reference)
                    self.section(self.definitions[reference], inner)
            if name != "version" and "const" not in key and not is_prompt(pattern):
                self._open(key)
            with suppress(KeyError):
                key["description"] = status_text(status_of(pattern))

    def _open(self, key: dict[str, Any]) -> None:
        """Let a key, or the items of its list, be a variable where they are not text anyway."""
        if isinstance(key.get("items"), dict):
            self._open(key["items"])
        options = key.get("anyOf", [key])
        if any(self._is_closed(option) for option in options):
            outer: dict[str, Any] = {name: key.pop(name) for name in ("default", "description") if name in key}
            core = key.pop("anyOf", None) or [dict(key)]
            key.clear()
            key.update({"anyOf": [*core, {"$ref": "#/$defs/Variable"}], **outer})

    def _is_closed(self, option: dict[str, Any]) -> bool:
        target = self.definitions.get(_name(option), option)
        return "enum" in target or target.get("type") in {"integer", "number", "boolean"}


def _tidy(key: dict[str, Any]) -> None:
    """Take out what pydantic says for itself: titles, defaults of whole sections, and names of its own checks."""
    key.pop("title", None)
    if isinstance(key.get("default"), dict):
        del key["default"]
    for option in (key, *key.get("anyOf", ())):
        option.pop("ge", None)


def _references(key: dict[str, Any], pattern: str) -> Iterator[tuple[str, str]]:
    """Yield each definition that a key's value may have, with the pattern that it lies at."""
    if "$ref" in key:
        yield _name(key), pattern
    for option in (*key.get("anyOf", ()), *key.get("oneOf", ())):
        yield from _references(option, pattern)
    if isinstance(key.get("items"), dict):
        yield from _references(key["items"], f"{pattern}[]")
    if isinstance(key.get("additionalProperties"), dict):
        yield from _references(key["additionalProperties"], f"{pattern}.*")


def _name(key: dict[str, Any]) -> str:
    return str(key.get("$ref", "")).removeprefix("#/$defs/")
