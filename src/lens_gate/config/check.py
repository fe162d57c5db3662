"""The schema applied to a tree: every error with its place, in words, and without any secret."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence

from pydantic import JsonValue, ValidationError
from pydantic_core import ErrorDetails

from lens_gate.config.index import KeyPath, dotted, key_index, known_names, pattern_of
from lens_gate.config.masks import is_secret
from lens_gate.config.model import Config
from lens_gate.config.problems import Problem, raise_problems
from lens_gate.config.tree import Tree, leaves, value_at

_WORD = re.compile(r"[\w.-]{1,60}")

_EXPECTED: Mapping[str, str] = {
    "string_type": "text (in quotes)",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "dict_type": "a map of names to values",
    "model_type": "a section of keys",
    "enum": "one of {expected}",
    "literal_error": "one of {expected}",
    "union_tag_invalid": "a `type` out of {expected_tags}",
    "union_tag_not_found": "a list, or a section with a `type` that is known here",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "too_short": "at least {min_length} item",
    "string_too_short": "at least {min_length} character",
    "string_too_long": "at most {max_length} character",
}
_NEVER_BY_VARIABLE = {"tuple_type", "dict_type", "model_type", "union_tag_invalid", "union_tag_not_found"}


def checked(
    tree: Tree,
    *,
    waiting: Collection[KeyPath],
    hidden: Collection[KeyPath],
    place: Callable[[KeyPath], str],
    found: Sequence[Problem] = (),
) -> Config:
    """Apply the schema to `tree`; raise one ConfigProblem for what is wrong and for what was `found` before.

    Values at `waiting` paths are not known yet: what only they get wrong is no error, and a key whose number or word is
    not known yet is left out of the Config (with its section, where the section cannot be without it). Values at
    `hidden` paths come from the environment and are never shown.
    """
    truths = [
        Problem(place(path), f"`{dotted(path)}`: expected a number, got {json.dumps(value)}")
        for path, value in leaves(tree)
        if isinstance(value, bool) and (info := key_index().get(pattern_of(path).removesuffix("[]"))) and info.numeric
    ]
    left_out: set[KeyPath] = set()
    while True:
        kept = _without(tree, left_out)
        try:
            config = Config.model_validate(kept, by_alias=True, by_name=False)
        except ValidationError as error:
            details = _own(error.errors(include_url=False))
        else:
            raise_problems([*found, *truths])
            return config
        excuses = [(detail, _excused(kept, detail, waiting, left_out)) for detail in details]
        wrong = [_worded(kept, detail, hidden, place) for detail, excuse in excuses if excuse is None]
        if wrong:
            raise_problems([*found, *truths, *wrong])
        left_out.update(excuse for _, excuse in excuses if excuse)


def _own(details: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out what only follows from another error: a list is also called too short where its items are wrong."""
    around = {one["loc"][:end] for one in details for end in range(len(one["loc"]))}
    return [one for one in details if one["type"] != "too_short" or one["loc"] not in around]


def _excused(tree: Tree, detail: ErrorDetails, waiting: Collection[KeyPath], left_out: set[KeyPath]) -> KeyPath | None:
    """Return what to leave out of the tree because this error may go away once variables are known."""
    path = _tree_path(tree, detail)
    if detail["type"] == "missing" and path in left_out:
        return _leavable(path[:-1])
    return _leavable(path) if path in waiting and detail["type"] not in _NEVER_BY_VARIABLE else None


def _leavable(path: KeyPath) -> KeyPath:
    """Return the innermost key at or around `path`: leaving out a list's item would move the others."""
    while isinstance(path[-1], int):
        path = path[:-1]
    return path


def _without(value: Tree, left_out: Collection[KeyPath]) -> Tree:
    def kept(inner: JsonValue, path: KeyPath) -> JsonValue:
        match inner:
            case dict():
                return {k: kept(v, (*path, k)) for k, v in inner.items() if (*path, k) not in left_out}
            case list():
                return [kept(item, (*path, index)) for index, item in enumerate(inner)]
            case _:
                return inner

    return {name: kept(inner, (name,)) for name, inner in value.items() if (name,) not in left_out}


def _tree_path(tree: Tree, detail: ErrorDetails) -> KeyPath:
    """Return the error's key path; pydantic's own also names the variant of a union, which is no key."""
    path: KeyPath = ()
    node: JsonValue = tree
    for step in detail["loc"]:
        match node:
            case dict() if step in node:
                node = node[str(step)]
            case list() if isinstance(step, int):
                node = node[step]
            case _ if detail["type"] == "missing" and step == detail["loc"][-1]:
                pass
            case _:
                continue
        path = (*path, step)
    return path


def _worded(tree: Tree, detail: ErrorDetails, hidden: Collection[KeyPath], place: Callable[[KeyPath], str]) -> Problem:
    path = _tree_path(tree, detail)
    name = _name(path)
    match detail["type"]:
        case "extra_forbidden":
            return _unknown_key(tree, path, place(path))
        case "missing":
            return Problem(place(path), f"`{name}` is missing", f"Add `{path[-1]}` here.")
        case _ if path in hidden:
            return Problem(place(path), f"`{name}`: the value of its variable is not {expected(detail)}")
        case "value_error":
            return Problem(place(path), f"`{name}`: {detail['ctx']['error']}".removeprefix("``: "))
        case _:
            got = shown(detail["input"], secret=any(is_secret(path[:end]) for end in range(1, len(path) + 1)))
            return Problem(place(path), f"`{name}`: expected {expected(detail)}, got {got}", _nearest(detail))


def _unknown_key(tree: Tree, path: KeyPath, place: str) -> Problem:
    """Name the nearest keys that may stand beside this one."""
    section, name = path[:-1], str(path[-1])
    names = known_names(section, _variant(tree, section))
    lowered = {known.lower(): known for known in names}
    near = [lowered[word] for word in difflib.get_close_matches(name.lower(), lowered, n=2, cutoff=0.5)]
    hint = did_you_mean(near) or f"Known here: {', '.join(names) or 'nothing'}."
    return Problem(place, f"unknown key `{_name((*section, name))}`", hint)


def _name(path: KeyPath) -> str:
    return dotted(tuple(_plain(step) if isinstance(step, str) else step for step in path))


def _plain(name: str) -> str:
    """Return a key's name as far as it is a word: where a file is damaged, a value can end up in a key."""
    word = _WORD.match(name)
    start = word[0] if word else ""
    return start if start == name else f"{start}…"


def _variant(tree: Tree, section: KeyPath) -> JsonValue:
    node = value_at(tree, section)
    return node.get("type") if isinstance(node, dict) else None


def expected(detail: ErrorDetails) -> str:
    """Say in words what the schema wants where this error is."""
    wanted = _EXPECTED.get(detail["type"])
    return wanted.format_map(detail.get("ctx", {})) if wanted else "what may stand here"


def _nearest(detail: ErrorDetails) -> str | None:
    context = detail.get("ctx", {})
    words = str(context.get("expected") or context.get("expected_tags") or "").replace(" or ", ", ").split(", ")
    found = detail["input"]
    word = found.get("type") if isinstance(found, dict) else found
    return did_you_mean(difflib.get_close_matches(str(word), [w.strip("'") for w in words], n=1, cutoff=0.5))


def did_you_mean(words: list[str]) -> str | None:
    """Return the hint that names the nearest known words, None where none is near."""
    return f"Did you mean {' or '.join(f'`{word}`' for word in words)}?" if words else None


def shown(value: object, *, secret: bool) -> str:
    """Return what was written there, as far as a message may show it."""
    if secret:
        return "something else"
    match value:
        case None:
            return "nothing (null)"
        case dict():
            return "a section"
        case list():
            return "a list" if value else "an empty list"
        case _:
            text = json.dumps(value)
            return text if len(text) <= 60 else f"{text[:60]}…"
