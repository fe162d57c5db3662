"""Which variables bring in what must not be shown, judged by where they stand in a configuration (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lens_gate.config.index import key_index, pattern_of
from lens_gate.config.load import LoadedConfig
from lens_gate.config.tree import value_at
from lens_gate.config.variables import VariableUse, expanded
from lens_gate.vocabulary.secrets import holds_a_secret

_SHOWN = frozenset({"providers[].name", "providers[].api", "providers[].models[].id"})
"""What reports call a series by."""

_NEWS = "regression.notifications[]."

_MARK = "\0"


def confidential(loaded: LoadedConfig) -> frozenset[str]:
    """Return the names of the variables whose values must not be shown.

    These are all that `providers` reads, whatever their names, since it is only there that they are sent: but for
    numbers, for what a series is called, and for the host that it is found at, which every artifact tells. Elsewhere
    they are those with the name of a secret, and whatever stands in the secrets of a notification.
    """
    return frozenset(use.name for use in loaded.variables if _is_confidential(use, loaded))


def _is_confidential(use: VariableUse, loaded: LoadedConfig) -> bool:
    if holds_a_secret(use.name):
        return True
    pattern = pattern_of(use.path)
    info = key_index().get(pattern)
    if pattern.startswith(_NEWS) and info is not None and info.secret:
        return True
    if use.path[0] != "providers" or pattern in _SHOWN or (info is not None and info.numeric):
        return False
    return pattern != "providers[].endpoint" or use.name not in _in_origin(str(value_at(loaded.tree, use.path)))


def _in_origin(address: str) -> Iterator[str]:
    """Yield the variables that an address as it is written takes its scheme, host and port from, or all of itself."""
    marked = expanded(address, lambda name, _: f"{_MARK}{name}{_MARK}")
    scheme, found, rest = marked.rpartition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    yield from (scheme + found + host).split(_MARK)[1::2]
