"""What the proofs of the stores share: opening an address, and runs whose bytes and entries can be checked."""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lens_gate.stores.address import parse_address
from lens_gate.stores.base import Store
from lens_gate.stores.opening import open_store
from lens_gate.stores.settings import GitSettings, StoreSettings, Surroundings
from lens_gate.vocabulary.index import IndexEntry, MiddleRow, RunRow, SeriesRow

RUNS_A_DAY = 30
RUN_BYTES = 20_000
BASELINE = "baselines/main.json.gz"
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_METRICS = ("mean_latency", "p50_latency", "p95_latency", "p99_latency", "mean_ttft", "p95_ttft", "tokens_per_second")


@dataclass(frozen=True)
class Target:
    """A store that is opened anew in each process: its address, where relative paths start, and git's remote."""

    address: str
    directory: Path
    remote: str | None

    def open(self, seed: int | None = None) -> Store:
        around = Surroundings(
            directory=self.directory, environment=os.environ, rng=random.Random(seed), sleep=time.sleep
        )
        settings = StoreSettings(git=GitSettings(remote=self.remote, tries=200))
        return open_store(parse_address(self.address), settings, around)


def parser(description: str | None) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("address", help="of an empty store: results/, git:BRANCH, s3://bucket/prefix, ...")
    made.add_argument("--directory", type=Path, default=Path.cwd(), help="where relative paths and git start")
    made.add_argument("--remote", help="git: the remote, where it is not origin")
    made.add_argument("--seed", type=int, default=1)
    return made


def target(options: argparse.Namespace) -> Target:
    return Target(options.address, options.directory.resolve(), options.remote)


@dataclass(frozen=True)
class Made:
    """A run as it is stored: its bytes begin with the digest of the rest, which is also the id in the entry."""

    key: str
    data: bytes
    entry: IndexEntry


def made_run(number: int, rng: random.Random, *, key: str | None = None, size: int = RUN_BYTES) -> Made:
    """Make the run of a number: 30 of them to a day."""
    rest = rng.randbytes(size)
    digest = hashlib.sha256(rest).hexdigest()
    created = _FIRST + timedelta(days=number // RUNS_A_DAY, minutes=number % RUNS_A_DAY)
    stored = key or f"results/{created:%Y/%m/%d}/commit-{digest[:7]}-{digest[-8:]}.json.gz"
    return Made(stored, digest.encode() + rest, replace(_entry(created, rng), id=digest))


def is_whole(data: bytes) -> bool:
    """Say whether bytes are those of one run, from the first to the last."""
    return len(data) > 64 and hashlib.sha256(data[64:]).hexdigest().encode() == data[:64]


def speaks_of(entry: IndexEntry, data: bytes) -> bool:
    """Say whether an entry was put with these bytes."""
    return entry.id.encode() == data[:64]


def _entry(created: datetime, rng: random.Random) -> IndexEntry:
    at = created.isoformat().replace("+00:00", "Z")
    series = tuple(
        SeriesRow(
            provider="openai",
            model=model,
            returned=(f"{model}-2026-01-01",),
            requests=200,
            successful=199,
            failed=1,
            values={metric: rng.uniform(1, 2000) for metric in _METRICS},
            middles={
                name: MiddleRow(count=199, median_ms=rng.uniform(1, 900), p75_ms=950.0) for name in ("ttft", "total")
            },
        )
        for model in ("model-large", "model-small")
    )
    run = RunRow(
        start_time=at, end_time=at, duration_seconds=300.0, sent=f"{rng.getrandbits(256):064x}", runner="ubuntu-24.04",
        endpoints=("https://api.example.org/v1",), values={"total_cost_usd": rng.random()}, series=series,
    )  # fmt: skip
    return IndexEntry(
        kind="run", id="", name="support-bot", created_at=at, schema_version=1, branch="main", outcome="pass",
        commit=f"{rng.getrandbits(160):040x}", config_hash=f"{rng.getrandbits(256):064x}", run=run,
    )  # fmt: skip
