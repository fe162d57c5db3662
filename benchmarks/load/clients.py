"""The clients that are measured and can be matched with the server's log request by request.

`lens-gate run` is the whole command with its journal and artifact; the C client is the limit of the machine; aiohttp on
uvloop is the best that its users could write by hand.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from benchmarks.load.figures import Load, Told
from benchmarks.load.logs import Truth, read_records
from benchmarks.load.native import built
from benchmarks.load.server import PATHS, Script, Serving

from lens_gate.artifacts.assemble import samples_of
from lens_gate.artifacts.codec import loads
from lens_gate.artifacts.run import Run
from lens_gate.vocabulary.requests import Phase, Status

SPARE_CONNECTIONS = 50
START_UP_S = 180.0


@dataclass(frozen=True)
class Order:
    """What is run for a client."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Kind(StrEnum):
    """What a client is to the comparison."""

    LIMIT = "limit"
    OURS = "ours"
    BY_HAND = "by hand"
    PEER = "peer"


class Client(Protocol):
    """One tool that sends and measures."""

    @property
    def kind(self) -> Kind:
        """What it is to the comparison."""
        ...

    @property
    def name(self) -> str:
        """What it is called in tables."""
        ...

    def order(self, load: Load, script: Script, serving: Serving, folder: Path) -> Order:
        """Return the command that sends `load`; files may be put into `folder`, where it runs."""
        ...

    def told(self, load: Load, truth: Truth, folder: Path) -> Told:
        """Read what it measured."""
        ...


@dataclass(frozen=True)
class LimitClient:
    """The C client; it takes the connections that it will need before it begins."""

    name: str = "C client"
    kind: Kind = Kind.LIMIT

    def order(self, load: Load, script: Script, serving: Serving, folder: Path) -> Order:
        """Return its command line."""
        program = built("limit_client")
        if program is None:
            raise RuntimeError("the C client is the measure of all others, and there is no C compiler for it")
        body = folder / "body.json"
        body.write_text(json.dumps(BODIES[load.api]))
        connections = ceil(load.rate * script.answer_s * 1.5) + SPARE_CONNECTIONS
        log, path = str(folder / "limit.bin"), serving.path(load.api)
        amounts = [str(load.rate), str(load.requests), str(connections)]
        command = [str(program.path), log, str(serving.port), path, str(body), *amounts]
        return Order([*command, "tls"] if serving.tls else command)

    def told(self, load: Load, truth: Truth, folder: Path) -> Told:
        """Match by the id that it sent."""
        return told_by_id(load, truth, folder / "limit.bin")


def told_by_id(load: Load, truth: Truth, log: Path) -> Told:
    """Read a log in the C client's format."""
    records, _, _ = read_records(log)
    kept = records[(records[:, 0] > load.skipped) & (records[:, 6] == 1)]
    identifier, intended, sent, first, last = kept[:, :5].T
    order = np.argsort(truth.ids)
    rows = order[np.searchsorted(truth.ids[order], identifier)]
    return Told(
        ttft_ms=(first - sent) / 1e6,
        rows=rows,
        slip_ms=(sent - intended) / 1e6,
        first_ns=first.astype(np.float64),
        last_ns=last.astype(np.float64),
    )


MESSAGES = [{"role": "user", "content": "Say hello to the tide."}]
BODIES: Mapping[str, dict[str, Any]] = {
    "openai-chat": {"model": "truth", "stream": True, "stream_options": {"include_usage": True}, "messages": MESSAGES},
    "anthropic": {"model": "truth", "stream": True, "max_tokens": 64, "messages": MESSAGES},
    "google": {"contents": [{"role": "user", "parts": [{"text": "Say hello to the tide."}]}]},
}


@dataclass(frozen=True)
class AiohttpClient:
    """aiohttp on uvloop, in the environment that `install_peers` makes for it."""

    python: Path
    name: str = "aiohttp + uvloop"
    kind: Kind = Kind.BY_HAND
    apis: frozenset[str] = frozenset(PATHS)

    def order(self, load: Load, script: Script, serving: Serving, folder: Path) -> Order:
        """Return its command line."""
        del script
        body = folder / "body.json"
        body.write_text(json.dumps(BODIES[load.api]))
        program = Path(__file__).with_name("aiohttp_client.py")
        amounts = [str(load.rate), str(load.requests)]
        url = serving.origin + serving.path(load.api)
        return Order([str(self.python), str(program), str(folder / "aiohttp.bin"), url, str(body), *amounts])

    def told(self, load: Load, truth: Truth, folder: Path) -> Told:
        """Match by the id that it sent."""
        return told_by_id(load, truth, folder / "aiohttp.bin")


@dataclass(frozen=True)
class LensGate:
    """`lens-gate run`: with a price, a cost cap, the journal and the artifact, or with decoding put off."""

    name: str = "lens-gate run"
    kind: Kind = Kind.OURS
    capped: bool = True
    options: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def order(self, load: Load, script: Script, serving: Serving, folder: Path) -> Order:
        """Write its configuration, and return its command line."""
        config = self.configuration(load, script, serving)
        (folder / "lens-gate.yaml").write_text(json.dumps(config))
        environment = {"SSL_CERT_FILE": str(serving.tls.certificate)} if serving.tls else {}
        command = [sys.executable, "-m", "lens_gate", "run", "--output", "run.json", *self.options]
        return Order(command, environment)

    def configuration(self, load: Load, script: Script, serving: Serving) -> dict[str, Any]:
        """Return the configuration of a run."""
        prices = {"input_usd_per_million": 1e-6, "output_usd_per_million": 1e-6} if self.capped else {}
        model = {"id": "truth", "max_tokens": 2 * script.tokens, **prices}
        provider = {"name": "truth", "api": load.api, "endpoint": serving.base_url(load.api), "api_key": "none"}
        total_s = load.warmup_s + load.seconds
        return {
            "profiler": {
                "duration": total_s,
                "warmup": load.warmup_s,
                **({"max_cost_usd": 1000} if self.capped else {}),
            },
            "providers": [{**provider, "models": [model]}],
            "workload": {
                "fixed": {"requests_per_second": load.rate},
                "prompts": [{"id": "p", "template": MESSAGES[0]["content"]}],
            },
            **self.extra,
        }

    def told(self, load: Load, truth: Truth, folder: Path) -> Told:
        """Match by the input tokens, which are the server's number of the request."""
        del load, truth
        run = run_in(folder / "run.json")
        samples = samples_of(run, lambda name: (folder / name).read_bytes())
        measured = samples.where(samples.texts["phase"].equals(Phase.MEASURE))
        kept = measured.where(measured.texts["status"].equals(Status.OK))
        numbers, rows = kept.numbers, kept.numbers["input_tokens"].astype(np.int64) - 1
        assert run.anchor_ns is not None
        return Told(
            ttft_ms=(numbers["first_token_ns"] - numbers["sent_ns"]) / 1e6,
            rows=rows,
            slip_ms=(numbers["sent_ns"] - numbers["intended_ns"]) / 1e6,
            first_ns=run.anchor_ns + numbers["first_token_ns"],
            last_ns=run.anchor_ns + numbers["last_token_ns"],
        )


def run_in(path: Path) -> Run:
    """Read a run artifact."""
    run = loads(path.read_bytes(), name=path.name)
    assert isinstance(run, Run)
    return run


@functools.cache
def lens_gate_takes(option: str) -> bool:
    """Whether `lens-gate run` knows an option."""
    command = [sys.executable, "-m", "lens_gate", "run", "--help"]
    return option in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def our_clients() -> list[Client]:
    """Return the ways of lens-gate that this version has."""
    ways: list[Client] = [LensGate()]
    if lens_gate_takes("--defer-decoding"):
        ways.append(LensGate(name="lens-gate run, decoding deferred", capped=False, options=("--defer-decoding",)))
    return ways
