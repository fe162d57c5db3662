"""What the steps need of the outside, as parameters: built once by `cli.wiring`, faked in tests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np

from lens_gate.artifacts.envelope import Fingerprint, Provenance
from lens_gate.ci.repository import ChangePlace, Repository
from lens_gate.load.engine.contract import StopSignal
from lens_gate.load.wire.choice import TransportOrder
from lens_gate.load.wire.proxies import Proxies
from lens_gate.load.wire.transport import Transport
from lens_gate.notify.delivery import Messenger
from lens_gate.reports.template_job import TemplateJob
from lens_gate.secrets.keyring import Keyring
from lens_gate.steps.log import SILENT, Log
from lens_gate.steps.wire import Assignment
from lens_gate.stores.base import Store
from lens_gate.stores.settings import StoreSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """The machine that we run on, for the fingerprint of every artifact, and the pipeline that runs us.

    `event` is what that pipeline runs for, in the words of its platform; `actor` is who started it, `branch` what it
    checked out: git knows no branch of a commit that is checked out by itself. `change` names the pull or merge request
    (`pull/12`), `fork` says that it comes from another repository, `project` names this one, and `place` says where the
    change stands.
    """

    name: str
    platform: str
    python: str
    region: str | None
    ci_run: str | None
    event: str | None = None
    actor: str | None = None
    branch: str | None = None
    change: str | None = None
    project: str | None = None
    fork: bool = False
    place: ChangePlace = field(default_factory=ChangePlace)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """What one destination says beside its address; it wins over the settings of its kind."""

    region: str | None = None
    table_prefix: str | None = None

    def over(self, settings: StoreSettings) -> StoreSettings:
        """Return the settings with what this one says."""
        s3 = settings.s3 if self.region is None else replace(settings.s3, region=self.region)
        sql = settings.sql if self.table_prefix is None else replace(settings.sql, table_prefix=self.table_prefix)
        return replace(settings, s3=s3, sql=sql)


PLAIN_STORE = StoreOptions()


class Spawned(Protocol):
    """A process that was started, and ends by itself."""

    def exited(self, within_s: float) -> int | None:
        """Wait for its end, so long at most; return its exit code (minus the signal that killed it)."""
        ...

    def kill(self) -> None:
        """End it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Clock, randomness, environment, git and network of one invocation; `say` writes a line for people on stderr.

    `log` writes what happens, where anybody asked for a log. `now_ns` is the clock that the transport stamps with,
    `trusted_ref` the branch that a pipeline's change goes to.
    `executor` is where arithmetic goes that must not hold up that clock, `spawn` starts a process that sends a share of
    a run for whoever holds the other end of a socket. `open_store` opens the store at an address as `store_settings`
    say, `keyring` fetches from secret managers, and `messenger` sends notifications. `proxies` say which endpoints are
    asked through one. `machine` is a fingerprint of this machine and its Python, `data_folder` where things are kept
    for the next invocation (None: nowhere).
    """

    version: str
    environment: Mapping[str, str]
    directory: Path
    repository: Repository | None
    trusted_ref: str | None
    runner: Runner
    now: Callable[[], datetime]
    now_ns: Callable[[], int]
    new_id: Callable[[], str]
    rng: Callable[[int], np.random.Generator]
    transport: Callable[[TransportOrder], Transport]
    stop: StopSignal
    say: Callable[[str], None]
    executor: Callable[[], Executor]
    spawn: Callable[[socket.socket, Assignment], Spawned]
    open_store: Callable[[str, StoreSettings], Store]
    keyring: Keyring
    messenger: Messenger
    render_template: Callable[[TemplateJob], str]
    new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    proxies: Proxies = field(default_factory=Proxies)
    store_settings: StoreSettings = field(default_factory=StoreSettings)
    machine: str = "unknown"
    data_folder: Path | None = None
    log: Log = SILENT

    def provenance(self) -> Provenance:
        """Say who writes an artifact now, and for which commit."""
        repository = self.repository
        return Provenance(
            tool_version=self.version,
            created_at=rfc3339(self.now()),
            commit=repository.head() if repository and repository.knows("HEAD") else None,
            branch=self.runner.branch or (repository.branch() if repository else None),
            ci_run=self.runner.ci_run,
            event=self.runner.event,
        )

    def author(self) -> str:
        """Say who decides here: whoever started the pipeline, else who commits in this repository."""
        named = self.repository.author() if self.repository else None
        return self.runner.actor or named or "somebody unknown"

    def store(self, address: str, options: StoreOptions = PLAIN_STORE) -> Store:
        """Open a store."""
        return self.open_store(address, options.over(self.store_settings))

    def fingerprint(self, config_hash: str) -> Fingerprint:
        """Describe the environment of a measurement."""
        return Fingerprint(
            runner=self.runner.name,
            platform=self.runner.platform,
            python=self.runner.python,
            region=self.runner.region,
            config_hash=config_hash,
        )


def rfc3339(moment: datetime) -> str:
    """Write a moment in UTC with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
