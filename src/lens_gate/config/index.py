"""Every key that the schema knows, by its pattern: `[]` stands for a list's items, `*` for a map's names.

`providers[].models[].max_tokens` is the pattern of the key path `("providers", 0, "models", 2, "max_tokens")`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator, JsonValue, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from lens_gate.config.model import Config
from lens_gate.config.section import Section
from lens_gate.config.types import Bytes, Seconds, parse_duration, parse_size

KeyPath = tuple[str | int, ...]
"""Where a value lies in a configuration: names of keys and indices of lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """One key: what may stand there, and for which `type` of its section it exists (empty: for all)."""

    pattern: str
    kind: str
    default: JsonValue
    required: bool
    secret: bool = False
    numeric: bool = False
    variants: frozenset[str] = frozenset()


@cache
def key_index() -> Mapping[str, KeyInfo]:
    """Return every key of the schema by its pattern, sections included, in the schema's order."""
    found: dict[str, KeyInfo] = {}
    for info in _section_keys(Config, "", None):
        known = found.get(info.pattern)
        found[info.pattern] = info if known is None else _joined(known, info)
    return found


def pattern_of(path: KeyPath) -> str:
    """Return the pattern that a key path falls under, whether the schema knows it or not."""
    index, pattern = key_index(), ""
    for step in path:
        named = f"{pattern}.{step}".lstrip(".")
        if isinstance(step, int):
            pattern += "[]"
        else:
            pattern = f"{pattern}.*" if named not in index and f"{pattern}.*" in index else named
    return pattern


def known_names(path: KeyPath, variant: object) -> tuple[str, ...]:
    """Return the keys that may stand in the section at `path`, which says `type: variant` (None: it has no type)."""
    prefix = pattern_of(path)
    start = f"{prefix}." if prefix else ""
    rest = [(pattern[len(start) :], info) for pattern, info in key_index().items() if pattern.startswith(start)]
    return tuple(
        name
        for name, info in rest
        if name and not set(".[*") & set(name) and (not info.variants or variant in info.variants)
    )


def dotted(path: KeyPath) -> str:
    """Return `providers[0].models[1].id`, the form in which messages name a key."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.lstrip(".")


def path_of(text: str) -> KeyPath | None:
    """Return the key path that `dotted` wrote; None where the text is no key that the schema knows."""
    steps = re.findall(r"[^.\[\]]+", text)
    path: KeyPath = tuple(int(step) if step.isdigit() else step for step in steps)
    known = bool(path) and dotted(path) == text and pattern_of(path).removesuffix("[]") in key_index()
    return path if known else None


def options_of(annotation: object) -> tuple[object, ...]:
    """Return what a value of this annotation may be: without `Annotated` and None, with unions taken apart."""
    origin = get_origin(annotation)
    if origin is Annotated and annotation not in {Seconds, Bytes}:
        return options_of(get_args(annotation)[0])
    if origin is Union or origin is UnionType:
        return tuple(option for member in get_args(annotation) for option in options_of(member))
    return () if annotation is NoneType else (annotation,)


def _joined(one: KeyInfo, other: KeyInfo) -> KeyInfo:
    between = ", " if one.kind.startswith("`") else " or "
    kinds = one.kind if other.kind in one.kind else f"{one.kind}{between}{other.kind}"
    return replace(one, kind=kinds, required=one.required and other.required, variants=one.variants | other.variants)


def _section_keys(section: type[Section], prefix: str, variant: str | None) -> Iterator[KeyInfo]:
    for name, field in section.model_fields.items():
        pattern = f"{prefix}.{field.alias or name}".lstrip(".")
        info = _described(pattern, _annotation(field), field)
        yield replace(info, variants=frozenset({variant} if variant else ()))
        yield from _inner_keys(_annotation(field), pattern)


def _inner_keys(annotation: object, pattern: str) -> Iterator[KeyInfo]:
    options = options_of(annotation)
    sections = [option for option in options if isinstance(option, type) and issubclass(option, Section)]
    for section in sections:
        yield from _section_keys(section, pattern, _variant(section))
    for option in options:
        arguments = get_args(option)
        if get_origin(option) is tuple:
            yield from _inner_keys(arguments[0], f"{pattern}[]")
        elif get_origin(option) is dict and arguments[1] is not JsonValue:
            yield replace(_described(f"{pattern}.*", arguments[1], None), required=False)
            yield from _inner_keys(arguments[1], f"{pattern}.*")


def _variant(section: type[Section]) -> str | None:
    """Return the one word that `type` may be in a section that is one of several."""
    field = section.model_fields.get("type")
    words = get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()
    return str(words[0]) if len(words) == 1 else None


def _annotation(field: FieldInfo) -> object:
    """Return a field's annotation, with the name of the scalar whose metadata pydantic took off it."""
    for validator in field.metadata:
        match validator:
            case BeforeValidator(func=func) if func is parse_duration:
                return Seconds
            case BeforeValidator(func=func) if func is parse_size:
                return Bytes
            case _:
                continue
    return field.annotation


def _described(pattern: str, annotation: object, field: FieldInfo | None) -> KeyInfo:
    options = options_of(annotation)
    return KeyInfo(
        pattern=pattern,
        kind=" or ".join(dict.fromkeys(_kind(option) for option in options)),
        default=_default(field),
        required=field is not None and field.is_required(),
        secret=any(option is SecretStr for option in options),
        numeric=any(_is_numeric(option) for option in options),
    )


def _is_numeric(option: object) -> bool:
    """Whether a number may stand here, or as an item of the list that stands here."""
    items = get_args(option) if get_origin(option) is tuple else (option,)
    return any(inner in {int, float, Seconds, Bytes} for item in items for inner in options_of(item))


def _default(field: FieldInfo | None) -> JsonValue:
    value = None if field is None or field.default is PydanticUndefined else field.default
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return list(value)
    return None if isinstance(value, Section) else value


_KINDS: Mapping[object, str] = {
    str: "text",
    SecretStr: "secret",
    int: "whole number",
    float: "number",
    bool: "true, false",
    Seconds: "duration",
    Bytes: "size",
    JsonValue: "any",
}


def _kind(option: object) -> str:
    if option in _KINDS:
        return _KINDS[option]
    if get_origin(option) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(option))
    if get_origin(option) is tuple:
        return "list of " + " or ".join(dict.fromkeys(_kind(inner) for inner in options_of(get_args(option)[0])))
    if isinstance(option, type) and issubclass(option, Enum):
        return ", ".join(f"`{word.value}`" for word in option)
    return "section" if isinstance(option, type) and issubclass(option, Section) else "map"
