"""What was told of a suite before, kept in the store that holds its history, so that only changes are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from lens_gate.baselines.keys import NOTIFICATIONS, segment
from lens_gate.config.load import LoadedConfig
from lens_gate.config.model import Config
from lens_gate.config.substitute import substitute
from lens_gate.errors import LensGateError, NotStored
from lens_gate.steps.archived.store_address import Destination, is_store, named_file, reaching, upload_addresses
from lens_gate.steps.resolving.fetching import with_secrets
from lens_gate.steps.world import PLAIN_STORE, World
from lens_gate.stores.base import Condition, ETag, Store

_STORES = (("output", "remote"), ("output", "database"), ("regression", "baseline"), ("stores",))
SCHEMA_VERSION = 1


class Told(BaseModel):
    """What one notification told last: the checks that failed, with their series, and when that run began."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    failing: dict[str, str]
    moment: str


class _Memory(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: int
    told: dict[str, Told]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What was told of a suite on a branch, by the names of the notifications, and how the store calls that."""

    told: Mapping[str, Told]
    etag: ETag | None


NOTHING_TOLD = Remembered(told={}, etag=None)


def memory_key(suite: str, where: str) -> str:
    """Return the key of what was told of a suite on a branch, or for a change."""
    return f"{NOTIFICATIONS}/{segment(suite)}/{segment(where)}.json"


def memory_of(loaded: LoadedConfig, world: World) -> Store | None:
    """Open the store that the configuration names for its runs, else for its baseline; None, and a word why, without.

    A store of a pull request is one that its target branch names too: see `keep_stores_home`.
    """
    try:
        config = substitute(loaded, with_secrets(loaded, _STORES, world), used=_STORES)
        for address, options in (*upload_addresses(config), *_of_baseline(config, world)):
            return reaching(world, config).store(address, options)
    except LensGateError as error:
        world.say(f"warning: the store that remembers what was told cannot be opened: {error}")
    return None


def _of_baseline(config: Config, world: World) -> tuple[Destination, ...]:
    chosen = config.regression.baseline
    source = chosen.source if chosen else None
    if source is None or named_file(source) is not None or not is_store(source, world.directory):
        return ()
    return ((source, PLAIN_STORE),)


def remembered(store: Store, key: str) -> Remembered:
    """Read what was told before; what cannot be read was nothing. Raises PublishFailed."""
    try:
        stored = store.read(key)
    except NotStored:
        return NOTHING_TOLD
    try:
        memory = _Memory.model_validate_json(stored.data)
    except ValidationError:
        return Remembered(told={}, etag=stored.etag)
    return Remembered(told=memory.told, etag=stored.etag)


def remember(store: Store, key: str, before: Remembered, told: Mapping[str, Told]) -> None:
    """Write what was told now. Raises ConditionFailed where somebody else told of this suite in between."""
    memory = _Memory(schema_version=SCHEMA_VERSION, told={**before.told, **told})
    condition: Condition = "absent" if before.etag is None else before.etag
    store.put(key, memory.model_dump_json(indent=2).encode() + b"\n", condition=condition)
