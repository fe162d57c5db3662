"""What was measured goes to the stores that are named, after the local files are safe, and changes no verdict."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lens_gate.config.model import Config
from lens_gate.errors import PublishFailed
from lens_gate.steps.archive import keep, pack
from lens_gate.steps.line import attempted, publishing
from lens_gate.steps.store_address import upload_addresses
from lens_gate.steps.world import PLAIN_STORE, World
from lens_gate.stores.base import Store
from lens_gate.vocabulary.outcomes import Outcome


def stores_for(config: Config, named: Sequence[str], world: World) -> tuple[Store, ...]:
    """Open the stores that a run will go to, before anything is sent: a wrong address must cost nothing."""
    destinations = dict.fromkeys((*((address, PLAIN_STORE) for address in named), *upload_addresses(config)))
    return tuple(world.store(address, options) for address, options in destinations)


def upload(
    path: Path, stores: Sequence[Store], world: World, *, outcome: Outcome | None = None
) -> tuple[PublishFailed, ...]:
    """Put a run into the history of each store, and return how those failed that did."""
    return attempted(*(partial(_put, path, store, world, outcome) for store in stores))


def _put(path: Path, store: Store, world: World, outcome: Outcome | None) -> None:
    hint = f"It is safe in {path}; `lens-gate baseline sync` or another upload brings it there later."
    with publishing("the run could not be stored", hint=hint):
        key = keep(store, pack(path).judged(outcome))
    world.say(f"stored in {store.place} as {key}")
