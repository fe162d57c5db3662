"""From the texts of configuration files to one checked configuration, before any variable is known (pure)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from lens_gate.config.check import checked
from lens_gate.config.index import KeyPath, dotted
from lens_gate.config.masks import masked
from lens_gate.config.merge import Merged, merge
from lens_gate.config.model import Config
from lens_gate.config.problems import Problem
from lens_gate.config.read_toml import read_toml
from lens_gate.config.read_yaml import read_yaml
from lens_gate.config.remarks import Remark, find_remarks
from lens_gate.config.tree import Parsed, Tree, leaves
from lens_gate.config.variables import VariableUse, is_malformed, references, substitutable, waits

NO_FILE = "what the command line names"
"""The name of a configuration that options alone make up."""


@dataclass(frozen=True, slots=True)
class Source:
    """One configuration file: `name` is its path for messages (with `@commit` where it was read from one)."""

    name: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """A configuration whose keys and types are right, with variables not yet substituted.

    `config` lacks the keys whose number or word is still a `${VAR}`; `substitute` returns the whole one. `tree` is the
    merged data as written, which may hold a literal key: artifacts take `snapshot()`.
    """

    config: Config = field(repr=False)
    tree: Tree = field(repr=False)
    positions: Mapping[KeyPath, tuple[str, int]] = field(repr=False)
    remarks: tuple[Remark, ...]
    variables: tuple[VariableUse, ...]
    config_hash: str

    def place(self, path: KeyPath) -> str:
        """Return `file:line` of a key, or of the nearest section around it that was written."""
        return Merged(positions=dict(self.positions)).place(path)

    def snapshot(self) -> JsonValue:
        """Return the tree for artifacts: variables by name, literal secrets replaced by `***`."""
        return masked(self.tree)


def load_config(sources: Sequence[Source]) -> LoadedConfig:
    """Read, merge and check configuration files; raise one ConfigProblem that lists everything wrong with them."""
    merged = merge([read(source) for source in sources])
    uses = _variables(merged)
    texts = [(path, value) for path, value in leaves(merged.tree) if isinstance(value, str)]
    waiting = {path for path, value in texts if waits(path, value)}
    found = [*merged.problems, *_bad_variables(merged, texts)]
    config = checked(merged.tree, waiting=waiting, hidden=(), place=merged.place, found=found)
    canonical = json.dumps(masked(merged.tree), sort_keys=True, separators=(",", ":"))
    return LoadedConfig(
        config=config,
        tree=merged.tree,
        positions=merged.positions,
        remarks=find_remarks(merged.tree, merged.positions),
        variables=uses,
        config_hash=hashlib.sha256(canonical.encode()).hexdigest(),
    )


def read(source: Source) -> Parsed:
    """Read by the file's ending; anything but `.toml` is YAML, of which JSON is a part."""
    text = source.text.removeprefix("\ufeff")
    ending = re.sub(r"@[^/]*$", "", source.name).lower()
    return read_toml(text, source.name) if ending.endswith(".toml") else read_yaml(text, source.name)


def _variables(merged: Merged) -> tuple[VariableUse, ...]:
    return tuple(
        VariableUse(name, default, path, *merged.position(path))
        for path, value in leaves(merged.tree)
        if isinstance(value, str) and substitutable(path)
        for name, default in references(value)
    )


def _bad_variables(merged: Merged, texts: Sequence[tuple[KeyPath, str]]) -> list[Problem]:
    problems = []
    for path, text in texts:
        if substitutable(path) and is_malformed(text):
            message = f"`{dotted(path)}`: `${{` begins no variable"
            hint = "Write ${NAME} or ${NAME:-default}, and $${ for the characters themselves."
            problems.append(Problem(merged.place(path), message, hint))
        if path[:2] == ("workload", "prompts") and "headers" in path and "${" in text:
            message = f"`{dotted(path)}`: prompts substitute no variables"
            problems.append(Problem(merged.place(path), message, "Put this header under the provider's `headers`."))
    return problems
