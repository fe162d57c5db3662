"""What was measured goes to the stores that are named, after the local files are safe, and changes no verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from lens_gate.artifacts.verdict import Verdict
from lens_gate.baselines.keys import report_key
from lens_gate.config.model import Config
from lens_gate.errors import PublishFailed
from lens_gate.steps.archived.archive import Packed, keep, pack
from lens_gate.steps.archived.store_address import report_addresses, upload_addresses
from lens_gate.steps.line import attempted, publishing
from lens_gate.steps.world import PLAIN_STORE, World
from lens_gate.stores.base import Store
from lens_gate.stores.files import read_file


@dataclass(frozen=True)
class Parcel:
    """A run on its way to stores, with what was judged of it: read and compressed once, when the first one asks."""

    path: Path
    verdict: Verdict | None = None

    @cached_property
    def packed(self) -> Packed:
        """The run as it goes into a store; raises ArtifactProblem as `pack` does."""
        return pack(self.path).judged(self.verdict)


def stores_for(config: Config, named: Sequence[str], world: World) -> tuple[Store, ...]:
    """Open the stores that a run will go to, before anything is sent: a wrong address must cost nothing."""
    destinations = dict.fromkeys((*((address, PLAIN_STORE) for address in named), *upload_addresses(config)))
    return tuple(world.store(address, options) for address, options in destinations)


def report_stores(config: Config, world: World) -> tuple[Store, ...]:
    """Open the stores that are to hold the reports on the runs as well."""
    return tuple(world.store(address, options) for address, options in report_addresses(config))


def upload(parcel: Parcel, stores: Sequence[Store], world: World) -> tuple[PublishFailed, ...]:
    """Put a run into the history of each store, and return how those failed that did."""
    return attempted(*(partial(_put, parcel, store, world) for store in stores))


def upload_report(parcel: Parcel, page: Path, stores: Sequence[Store], world: World) -> tuple[PublishFailed, ...]:
    """Put the page on a run that was judged into each store, and return how those failed that did."""
    return attempted(*(partial(_put_report, parcel, page, store, world) for store in stores))


def _put_report(parcel: Parcel, page: Path, store: Store, world: World) -> None:
    with publishing("the report could not be stored", hint=f"`lens-gate report` makes it again of {parcel.path}."):
        key = report_key(parcel.packed.key)
        store.put(key, read_file(page))
    world.say(f"the report is stored in {store.place} as {key}")


def _put(parcel: Parcel, store: Store, world: World) -> None:
    hint = f"It is safe in {parcel.path}; `lens-gate baseline sync` or another upload brings it there later."
    with publishing("the run could not be stored", hint=hint):
        key = keep(store, parcel.packed)
    world.say(f"stored in {store.place} as {key}")
