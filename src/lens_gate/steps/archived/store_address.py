"""Which addresses name stores, and which stores the configuration names."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from lens_gate.baselines.keys import BASELINES, NOTIFICATIONS, RESULTS
from lens_gate.config.model import BaselineChoice, Config
from lens_gate.config.output import Database, Remote
from lens_gate.config.types import parse_frequency
from lens_gate.errors import UsageProblem
from lens_gate.steps.world import StoreOptions, World
from lens_gate.stores.address import parse_address
from lens_gate.stores.index_file import INDEX
from lens_gate.stores.settings import GcsSettings, GitSettings, S3Settings, SqlSettings, StoreSettings

STORE_FOLDER = "lens-gate-store"
"""Where baselines lie when nobody says where."""

_SCHEMED = re.compile(r"(git:|[a-z][a-z0-9+]*://)", re.IGNORECASE)
_FILE = re.compile(r"(?P<store>.+/)(?P<key>[^/]+\.json(\.gz)?)")
_SCHEMES = {"s3": "s3", "gcs": "gs"}


def is_store(address: str, directory: Path) -> bool:
    """Say whether a baseline's source is a store: an address with a scheme, or a folder that was written as one.

    A folder that is still empty is one where its name ends with a slash. Any other folder, and a file, is what it
    holds.
    """
    if _SCHEMED.match(address):
        return True
    folder = directory / address
    if _has_runs_of_a_store(folder):
        return True
    return address.endswith("/") and not (folder.is_dir() and any(folder.iterdir()))


def _has_runs_of_a_store(folder: Path) -> bool:
    kept = ((folder / BASELINES / INDEX).is_file(), (folder / NOTIFICATIONS).is_dir())
    return any(kept) or next((folder / RESULTS).glob(f"*/*/*/{INDEX}"), None) is not None


def shown(address: str) -> str:
    """Return the address of a store as people may see it: without a password. Raises UsageProblem where it is none."""
    return str(parse_address(address))


def named_file(address: str) -> tuple[str, str] | None:
    """Part the address of one stored run (`s3://bucket/baseline/main.json`) into its store and key; None for others."""
    found = _FILE.fullmatch(address) if _SCHEMED.match(address) else None
    return (found["store"], found["key"]) if found else None


def renewed_every(chosen: BaselineChoice) -> float | None:
    """Return how often a baseline is renewed, in seconds; None where nobody but a person does."""
    return None if chosen.update_frequency is None else parse_frequency(chosen.update_frequency)


def reaching(world: World, config: Config) -> World:
    """Return a world that reaches stores as a configuration says."""
    stores = config.stores
    settings = StoreSettings(
        git=GitSettings(remote=stores.git.remote, author=stores.git.author),
        s3=S3Settings(
            region=stores.s3.region,
            endpoint_url=stores.s3.endpoint,
            path_style=stores.s3.path_style,
            profile=stores.s3.profile,
        ),
        gcs=GcsSettings(project=stores.gcs.project, endpoint_url=stores.gcs.endpoint),
        sql=SqlSettings(table_prefix=stores.sql.table_prefix),
    )
    return replace(world, store_settings=settings)


def configured_store(config: Config, directory: Path) -> str:
    """Return the store that baselines are saved in: that of `regression.baseline.source`, else a folder here.

    Raises UsageProblem where that names plain files: what is saved elsewhere would never be compared with.
    """
    chosen = config.regression.baseline
    source = chosen.source if chosen else None
    if source is None:
        return STORE_FOLDER
    if named_file(source) is None and (is_store(source, directory) or not (directory / source).exists()):
        return source
    raise UsageProblem(
        "`regression.baseline.source` names plain files, and no store",
        place=shown(source),
        hint="Name a store with --store, or put the run among these files yourself.",
    )


Destination: TypeAlias = tuple[str, StoreOptions]
"""An address, and what opens it beside that."""


def upload_addresses(config: Config) -> tuple[Destination, ...]:
    """Return the stores that `output.remote` and `output.database` name, in the order of the configuration."""
    remotes = [_remote(one) for one in config.output.remote if one.enabled]
    database = config.output.database
    return (*remotes, *([_database(database)] if database and database.enabled else []))


def report_addresses(config: Config) -> tuple[Destination, ...]:
    """Return the stores among them that are to hold the reports on the runs as well."""
    return tuple(_remote(one) for one in config.output.remote if one.enabled and one.reports)


def _remote(remote: Remote) -> Destination:
    """Return where a bucket is; `results/` at the end of a prefix is where a store keeps its history anyway."""
    folders = [folder for folder in remote.prefix.split("/") if folder]
    kept = folders[:-1] if folders[-1:] == [RESULTS] else folders
    address = "/".join((f"{_SCHEMES[remote.type]}://{remote.bucket}", *kept))
    return address, StoreOptions(region=remote.region)


def _database(database: Database) -> Destination:
    plain = database.type == "sqlite" and "://" not in database.connection
    address = f"sqlite:///{database.connection}" if plain else database.connection
    named = "table_prefix" in database.model_fields_set
    return address, StoreOptions(table_prefix=database.table_prefix if named else None)
