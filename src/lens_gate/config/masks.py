"""The configuration as artifacts may show it: variables by name, literal secrets as `***`."""

from __future__ import annotations

import re

from pydantic import JsonValue

from lens_gate.config.index import KeyPath, key_index, pattern_of
from lens_gate.config.tree import Tree
from lens_gate.config.variables import expanded
from lens_gate.vocabulary.secrets import names_a_secret

_HIDDEN = "***"
_USER_IN_ADDRESS = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_IN_A_QUERY = re.compile(r"(?<=[?&])([^\s?&=#]+)=([^\s&#]+)")
_PLAIN_WORDS = ("", "Bearer ", "Basic ", "Token ")


def masked(tree: Tree) -> Tree:
    """Return the tree without any literal secret; `${VAR}` stays, a default of a secret does not."""
    return {name: _masked(value, (name,)) for name, value in tree.items()}


def is_secret(path: KeyPath) -> bool:
    """Whether a key holds a secret: by its type, or in an open map (headers, parameters) by its name."""
    info = key_index().get(pattern_of(path))
    if info is not None and not info.pattern.endswith(".*"):
        return info.secret
    return any(names_a_secret(str(step)) for step in path[-1:])


def _masked(value: JsonValue, path: KeyPath) -> JsonValue:
    match value:
        case dict():
            return {name: _masked(inner, (*path, name)) for name, inner in value.items()}
        case list():
            return [_masked(item, (*path, index)) for index, item in enumerate(value)]
        case str() if is_secret(path):
            return _masked_secret(value)
        case str():
            return _IN_A_QUERY.sub(_masked_item, _USER_IN_ADDRESS.sub(_HIDDEN, value))
        case _:
            return value


def _masked_item(item: re.Match[str]) -> str:
    """Hide the value of an item of a query that is named like a secret."""
    name, value = item.groups()
    return f"{name}={_masked_secret(value)}" if names_a_secret(name) else item[0]


def _masked_secret(text: str) -> str:
    """Keep the variables of a secret and the name of its scheme; hide all that is written out."""
    references: list[str] = []

    def noted(name: str, default: str | None) -> str:
        references.append(f"${{{name}:-{_HIDDEN}}}" if default else f"${{{name}}}")
        return ""

    literal = expanded(text, noted)
    if not references:
        return _HIDDEN
    return (literal if literal in _PLAIN_WORDS else _HIDDEN) + "".join(references)
