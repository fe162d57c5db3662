"""The way to the configured endpoints: measured for nothing, and, where it may cost something, by one request each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Samples
from lens_gate.artifacts.selftest import Network, Streaming
from lens_gate.load.engine.contract import StopSignal
from lens_gate.load.wire.network import Way, way_to
from lens_gate.load.wire.proxies import Proxies
from lens_gate.load.wire.tls import Contexts
from lens_gate.providers.base import TlsChoice
from lens_gate.steps.resolving.arms import Arms, RunOrder, resolve
from lens_gate.steps.running.measure import measure
from lens_gate.steps.running.watcher import Watcher
from lens_gate.steps.world import World
from lens_gate.vocabulary.requests import ErrorClass, Status
from lens_gate.vocabulary.secrets import address_of

TRIES = 5
_MS = 1e6


class Address(NamedTuple):
    """Where requests go, and by which certificates."""

    url: str
    tls: TlsChoice | None = None


def ways(addresses: Sequence[Address], world: World) -> tuple[Network, ...]:
    """Measure the way to each address, one connection after the other."""
    contexts = Contexts(world.environment)
    with asyncio.Runner(loop_factory=world.new_loop) as runner:
        return tuple(runner.run(_network(one, contexts, world.proxies)) for one in dict.fromkeys(addresses))


def addresses_of(arms: Arms) -> tuple[Address, ...]:
    """Return where the requests of a configuration go, targets that would have to be started left out."""
    endpoints = (series.endpoint for series in arms.candidate.series if not series.through_target)
    return tuple(Address(endpoint.base_url, endpoint.tls) for endpoint in endpoints)


async def _network(there: Address, contexts: Contexts, proxies: Proxies) -> Network:
    address, taken = there.url, list[Way]()
    for _ in range(TRIES):
        taken.append(await way_to(address, contexts, tls=there.tls))
        if taken[-1].failure:
            break
    last = taken[-1]
    return Network(
        endpoint=address_of(address),
        tries=len(taken),
        dns_ms=_median([way.dns_ns for way in taken]),
        connect_ms=_median([way.connect_ns for way in taken]),
        tls_ms=_median([way.tls_ns for way in taken]),
        tls_version=last.tls_version,
        answer_ms=_median([way.answer_ns for way in taken]),
        status=last.status,
        through_proxy=proxies.of_url(address) is not None,
        failure=last.failure,
    )


def _median(times_ns: Sequence[int | None]) -> float | None:
    known = [one for one in times_ns if one is not None]
    return median(known) / _MS if known else None


def streams(order: RunOrder, world: World, watcher: Watcher) -> tuple[Streaming, ...]:
    """Send one request to each series, inside the cap of `order`, and say whether its stream arrived as it was written.

    Raises ConfigProblem where the cap cannot hold.
    """
    several = len(resolve(order, world).candidate.series)
    asked = replace(order, overrides=replace(order.overrides, requests=several, duration_s=None, rps=1.0))
    with TemporaryDirectory(prefix="lens-gate-selftest-") as folder:
        alone = replace(world, stop=StopSignal())
        measured = measure(resolve(asked, world), Path(folder) / "run.json", alone, watcher)
    return tuple(_streaming(measured.run, measured.samples, number) for number in range(len(measured.samples)))


def _streaming(run: Run, samples: Samples, number: int) -> Streaming:
    row = samples.where(np.array([number]))
    numbers, texts = row.numbers, {name: column.strings()[0] for name, column in row.texts.items()}
    series, error = str(texts["series"]), str(texts["error_class"])
    ttft_ms, cost = (numbers["first_token_ns"][0] - numbers["sent_ns"][0]) / _MS, numbers["cost_usd"][0]
    failed = texts["status"] != Status.OK and error != ErrorClass.BUFFERED
    return Streaming(
        series=series,
        buffered=error == ErrorClass.BUFFERED,
        chunks=int(np.nan_to_num(numbers["chunk_count"][0])),
        reads=int(np.nan_to_num(numbers["read_count"][0])),
        ttft_ms=None if np.isnan(ttft_ms) else float(ttft_ms),
        cost_usd=None if np.isnan(cost) else float(cost),
        error=(_example(run, series, error) or error) if failed else None,
    )


def _example(run: Run, series: str, error: str) -> str | None:
    """Return what was said of an error, without secrets."""
    said = {
        (f"{provider.name}/{model.id}", one.type): one.example
        for provider in run.providers
        for model in provider.models
        for one in model.errors
    }
    return said.get((series, error))
