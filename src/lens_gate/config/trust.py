"""Whether a candidate's configuration could carry a key to a place that the trusted one does not name (pure).

In a pipeline the candidate is whatever a pull request says. It may read only variables that the trusted configuration
reads, at the same kind of key, and what it sends them to must be an address that the trusted configuration, or the
built-in table, gives for that variable. Everything is judged on the texts as written, before any variable is known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from lens_gate.config.defaults import BUILT_IN
from lens_gate.config.index import KeyPath, dotted, pattern_of
from lens_gate.config.load import LoadedConfig, load_config
from lens_gate.config.tree import leaves, value_at
from lens_gate.config.types import origin_of
from lens_gate.config.variables import VariableUse, literal_parts
from lens_gate.errors import SecurityRefusal

_MERGE_FIRST = "Bring this change into the trusted branch first; a candidate cannot vouch for itself."
_NO_FILE = re.compile(r"[/\\~]|[A-Za-z]:|(?:.*[/\\])?\.\.(?:[/\\]|$)|.*\$\{", re.DOTALL)

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+]*:")

_FILES: Mapping[str, str] = {
    "workload.prompts[].variables.*.source": "send",
    "workload.replay.source": "send",
    "output.files[].path": "write",
}

_NEWS: KeyPath = ("regression", "notifications")
_FREE_OF_NEWS = frozenset({"name", "conditions", "when", "strict"})

Destinations = Mapping[str, KeyPath]
"""Where requests go (an origin, or the text as written where it holds variables), and the key that says so."""


def check_keys_stay_home(candidate: LoadedConfig, trusted: LoadedConfig) -> None:
    """Raise SecurityRefusal where the candidate could send a variable to a new place, or leave the repository."""
    for use in _read_at_once(candidate):
        _check_read(use, candidate, trusted)
        if use.path[0] == "providers":
            _check_destinations(use, candidate, trusted)
    _check_certificates(candidate, trusted)
    _check_target(candidate, trusted)
    _check_files(candidate, trusted)
    _check_stores(candidate, trusted)
    _check_managers(candidate, trusted)


def check_stores_stay_home(candidate: LoadedConfig, trusted: LoadedConfig) -> None:
    """Raise SecurityRefusal where judging by the candidate's rules would open a store, or read a variable, of its own.

    Who judges sends no request, so that what stands under `providers` does not matter.
    """
    for use in _read_at_once(candidate):
        if use.path[0] != "providers":
            _check_read(use, candidate, trusted)
    _check_stores(candidate, trusted)
    _check_managers(candidate, trusted)


def trusted_notifications(candidate: LoadedConfig, trusted: LoadedConfig) -> frozenset[int]:
    """Return the numbers of the candidate's notifications that go where one of the trusted configuration goes.

    The others are left unsent, and their variables unread: news of a change need not stop its verdict. Names,
    conditions and `when` may differ; that forks may send is the trusted configuration's word alone.
    """
    known = {text for _, text in _destinations_of_news(trusted)}
    return frozenset(index for index, text in _destinations_of_news(candidate) if text in known)


def _destinations_of_news(loaded: LoadedConfig) -> Iterator[tuple[int, str]]:
    """Yield the number of each notification, and all that says where and by whose leave it goes, as it is written."""
    written = value_at(loaded.tree, _NEWS)
    for index, one in enumerate(written if isinstance(written, list) else ()):
        if isinstance(one, dict):
            yield index, _canonical({name: value for name, value in one.items() if not _is_free(name, value)})


def _is_free(name: str, value: JsonValue) -> bool:
    """Whether a key of a notification is anybody's to change: it neither says where it goes nor reads a variable."""
    return name in _FREE_OF_NEWS and "${" not in json.dumps(value)


def _read_at_once(loaded: LoadedConfig) -> Iterator[VariableUse]:
    """Yield the uses of variables but for those of notifications, which are read only when one is sent."""
    return (use for use in loaded.variables if use.path[: len(_NEWS)] != _NEWS)


def check_keys_go_to_public_addresses(candidate: LoadedConfig) -> None:
    """Raise SecurityRefusal where a key would go anywhere but to the built-in address of its provider.

    For a candidate of which no trusted version is known: then nobody vouches for any other place.
    """
    for use in _read_at_once(candidate):
        built_in = BUILT_IN.get(_name(candidate, int(use.path[1]))) if use.path[0] == "providers" else None
        public = {_destination(built_in.endpoint)} if built_in else set()
        if built_in is None or not set(_destinations(candidate, int(use.path[1]))) <= public:
            raise SecurityRefusal(
                f"`{dotted(use.path)}` reads the variable {use.name}, no trusted configuration is known, and this is "
                "not the public address of a built-in provider",
                place=use.place,
                hint="Check out the target branch too (fetch-depth: 0), or bring the configuration into it first.",
            )
    nobody = load_config([])
    _check_certificates(candidate, nobody)
    _check_target(candidate, nobody)
    _check_files(candidate, nobody)
    _check_stores(candidate, nobody)
    _check_managers(candidate, nobody)


def _check_certificates(candidate: LoadedConfig, trusted: LoadedConfig) -> None:
    """Refuse certificates that the trusted configuration does not name for an address.

    A client's certificate opens what is behind it, like a key. Leaving out what the trusted configuration names is
    refused too: the server would be checked by more than the one issuer.
    """
    known = {pair for _, pair in _certificates(trusted)}
    secured = {destination for destination, _ in known}
    for index, (destination, section) in _certificates(candidate):
        named = section != _canonical(None)
        if (destination, section) not in known and (named or destination in secured):
            raise SecurityRefusal(
                f"the provider `{_name(candidate, index)}` would reach {destination} with another `tls` section than "
                "the trusted configuration names for it",
                place=candidate.place(("providers", index, "tls")),
                hint=_MERGE_FIRST,
            )


def _certificates(loaded: LoadedConfig) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yield each provider's number with each of its addresses and its `tls` section, as comparable text."""
    providers = value_at(loaded.tree, ("providers",))
    for index in range(len(providers) if isinstance(providers, list) else 0):
        section = _canonical(value_at(loaded.tree, ("providers", index, "tls")))
        for destination in _destinations(loaded, index):
            yield index, (destination, section)


def _canonical(section: JsonValue) -> str:
    return json.dumps(section or None, sort_keys=True)


def _check_target(candidate: LoadedConfig, trusted: LoadedConfig) -> None:
    """Refuse to hand a variable to a target, whose code is the candidate's own, that the trusted one does not get."""
    allowed = _target_variables(trusted)
    for index, name in enumerate(_target_variables(candidate)):
        if name not in allowed:
            raise SecurityRefusal(
                f"`target.environment` hands over the variable {name}, which the trusted configuration does not",
                place=candidate.place(("target", "environment", index)),
                hint=_MERGE_FIRST,
            )


def _target_variables(loaded: LoadedConfig) -> tuple[str, ...]:
    target = loaded.config.target
    return target.environment if target else ()


def _check_read(use: VariableUse, candidate: LoadedConfig, trusted: LoadedConfig) -> None:
    """Refuse a variable that the trusted configuration does not read, or reads somewhere else only."""
    same_name = [other for other in trusted.variables if other.name == use.name]
    if not same_name:
        raise SecurityRefusal(
            f"`{dotted(use.path)}` reads the variable {use.name}, which the trusted configuration does not name",
            place=use.place,
            hint=_MERGE_FIRST,
        )
    same_key = [other for other in same_name if pattern_of(other.path) == pattern_of(use.path)]
    if not same_key:
        raise SecurityRefusal(
            f"`{dotted(use.path)}` reads the variable {use.name}, which the trusted configuration reads only at "
            f"`{dotted(same_name[0].path)}`",
            place=use.place,
            hint=_MERGE_FIRST,
        )
    text = _text(candidate, use.path)
    if "://" in literal_parts(text) and all(_text(trusted, other.path) != text for other in same_key):
        raise SecurityRefusal(
            f"`{dotted(use.path)}` puts the variable {use.name} into an address that the trusted configuration does "
            "not name",
            place=use.place,
            hint=_MERGE_FIRST,
        )


def _check_destinations(use: VariableUse, candidate: LoadedConfig, trusted: LoadedConfig) -> None:
    """Refuse an address of the variable's provider that the trusted configuration does not give that variable."""
    allowed = _allowed(use.name, trusted)
    index = int(use.path[1])
    for destination, path in _destinations(candidate, index).items():
        if destination not in allowed:
            place = candidate.place(path)
            raise SecurityRefusal(
                f"the provider `{_name(candidate, index)}` would send the variable {use.name} to {destination}; the "
                f"trusted configuration sends it to {' and '.join(sorted(allowed)) or 'no address'} only",
                place=place,
                hint=_MERGE_FIRST,
            )


def _allowed(variable: str, trusted: LoadedConfig) -> set[str]:
    """Return the destinations of the trusted providers that read the variable, and their built-in ones."""
    allowed: set[str] = set()
    for use in trusted.variables:
        if use.name != variable or use.path[0] != "providers":
            continue
        index = int(use.path[1])
        allowed.update(_destinations(trusted, index))
        built_in = BUILT_IN.get(_name(trusted, index))
        allowed.update([_destination(built_in.endpoint)] if built_in else [])
    return allowed


def _destinations(loaded: LoadedConfig, index: int) -> Destinations:
    """Return where a provider's requests may go: its endpoint, and the target where one stands in for it."""
    written = value_at(loaded.tree, ("providers", index, "endpoint"))
    built_in = BUILT_IN.get(_name(loaded, index))
    endpoint = written if isinstance(written, str) else built_in.endpoint if built_in else "no address"
    found: dict[str, KeyPath] = {_destination(endpoint): ("providers", index, "endpoint")}
    target = value_at(loaded.tree, ("target",))
    if isinstance(target, dict) and target.get("provider") in {None, _name(loaded, index)}:
        key = "endpoint" if target.get("endpoint") is not None else "ready_url"
        found.setdefault(_destination(str(target[key])), ("target", key))
    return found


def _destination(address: str) -> str:
    """Return an address' origin, or the whole text where variables or its form leave the host open."""
    return address if "${" in address else origin_of(address) or address


def _check_stores(candidate: LoadedConfig, trusted: LoadedConfig) -> None:
    """Refuse stores that the trusted configuration does not name: the pipeline's own credentials open them.

    A folder inside the repository opens to anybody.
    """
    known = {value for _, value in _stores(trusted)}
    for path, value in _stores(candidate):
        if value not in known:
            raise SecurityRefusal(
                f"`{dotted(path)}` is a store that the trusted configuration does not name",
                place=candidate.place(path),
                hint=_MERGE_FIRST,
            )


_STORES: tuple[KeyPath, ...] = (
    ("output", "database"),
    ("output", "remote"),
    ("regression", "baseline", "source"),
    ("stores",),
)


def _stores(loaded: LoadedConfig) -> Iterator[tuple[KeyPath, str]]:
    """Yield the key of each store that a configuration names, and what it says there, as comparable text."""
    for path in _STORES:
        value = value_at(loaded.tree, path)
        each = (
            [((*path, index), one) for index, one in enumerate(value)] if isinstance(value, list) else [(path, value)]
        )
        for where, one in each:
            is_folder = isinstance(one, str) and _ADDRESS.match(one) is None and _NO_FILE.match(one) is None
            if one is not None and not is_folder:
                yield where, _canonical(one)


def _check_managers(candidate: LoadedConfig, trusted: LoadedConfig) -> None:
    """Refuse secrets, and managers to fetch them from, that the trusted configuration does not name.

    Who names the manager is shown the pipeline's identity, and who names the secret may send it on.
    """
    known = {value for _, value in _managed(trusted)}
    for path, value in _managed(candidate):
        if value not in known:
            raise SecurityRefusal(
                f"`{dotted(path)}` names another secret, or another secret manager, than the trusted configuration",
                place=candidate.place(path),
                hint=_MERGE_FIRST,
            )


def _managed(loaded: LoadedConfig) -> Iterator[tuple[KeyPath, str]]:
    """Yield each secret that a manager holds, and the manager itself, as comparable text."""
    section = value_at(loaded.tree, ("secrets",))
    if not isinstance(section, dict):
        return
    yield ("secrets",), _canonical({name: value for name, value in section.items() if name != "keys"})
    keys = section.get("keys")
    for index, key in enumerate(keys if isinstance(keys, list) else ()):
        yield ("secrets", "keys", index), _canonical(key)


def _check_files(candidate: LoadedConfig, trusted: LoadedConfig) -> None:
    """Refuse files outside the repository: a process' environment is one to read, its runner's commands one to write.

    A path that the trusted configuration names at the same kind of key is trusted as written.
    """
    known = set(_files(trusted).values())
    for path, (pattern, value) in _files(candidate).items():
        if _NO_FILE.match(value) and (pattern, value) not in known:
            raise SecurityRefusal(
                f"`{dotted(path)}` would {_FILES[pattern]} a file outside the repository",
                place=candidate.place(path),
                hint="Name a file by its path inside the repository.",
            )


def _files(loaded: LoadedConfig) -> Mapping[KeyPath, tuple[str, str]]:
    """Return the paths of files that a run reads or writes, with the patterns of their keys."""
    written = ((path, pattern_of(path), value) for path, value in leaves(loaded.tree))
    return {path: (pattern, str(value)) for path, pattern, value in written if pattern in _FILES}


def _name(loaded: LoadedConfig, index: int) -> str:
    return str(value_at(loaded.tree, ("providers", index, "name")))


def _text(loaded: LoadedConfig, path: KeyPath) -> str:
    return str(value_at(loaded.tree, path))
