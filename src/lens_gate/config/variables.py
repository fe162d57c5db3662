"""`${VAR}`, `${VAR:-default}` and `$${` in the texts of a configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lens_gate.config.index import KeyPath, pattern_of

_TOKEN = re.compile(r"\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?")
_PROMPTS = re.compile(r"workload\.prompts\b.*|providers\[\]\.models\[\]\.system")


@dataclass(frozen=True, slots=True)
class VariableUse:
    """One `${name}` in the configuration; `default` is what stands after `:-`."""

    name: str
    default: str | None = field(repr=False)
    path: KeyPath
    file: str
    line: int

    @property
    def place(self) -> str:
        """Return `file:line`."""
        return f"{self.file}:{self.line}"


def is_prompt(pattern: str) -> bool:
    """Whether a key belongs to what is sent as a prompt, which stays as written."""
    return _PROMPTS.fullmatch(pattern) is not None


def substitutable(path: KeyPath) -> bool:
    """Whether variables count here: everywhere but in prompts."""
    return not is_prompt(pattern_of(path))


def waits(path: KeyPath, value: object) -> bool:
    """Whether this value is only known once variables are substituted."""
    return isinstance(value, str) and substitutable(path) and any(True for _ in references(value))


def references(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield each variable of a text with its default."""
    for match in _TOKEN.finditer(text):
        if match[1]:
            yield match[1], match[2]


def is_malformed(text: str) -> bool:
    """Whether a `${` begins something that is no variable."""
    return any(match[0] == "${" for match in _TOKEN.finditer(text))


def expanded(text: str, value_of: Callable[[str, str | None], str]) -> str:
    """Replace each variable by `value_of(name, default)`, and `$${` by `${`."""
    return _TOKEN.sub(lambda match: value_of(match[1], match[2]) if match[1] else "${", text)


def literal_parts(text: str) -> str:
    """Return what a text says without its variables and their defaults."""
    return expanded(text, lambda _name, _default: "")
