"""How true a measurement is: what lens-gate stamped, held against what the simulator logged that it wrote, and when.

The simulator runs as a process of its own and logs on the same monotonic clock. TTFT error is the measured time to
first token minus the server's (first token written minus request received), so it includes the loopback both ways; gap
error is a measured gap between token-bearing chunks minus the gap between the writes of the same chunks.

    python benchmarks/truth.py --rates 20 100 --seconds 10
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from lens_gate.analysis.selftest import Errors
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.config.load import Source, load_config
from lens_gate.config.model import Config
from lens_gate.config.substitute import substitute
from lens_gate.load.arms.plan import ArmPlan
from lens_gate.load.arms.resolve import resolve_arm
from lens_gate.load.engine.contract import RunnerSettings, StopSignal
from lens_gate.load.engine.runner import play
from lens_gate.load.money.pricing import PriceList
from lens_gate.load.money.purse import Purse
from lens_gate.load.schedule.settings import schedule_settings
from lens_gate.load.schedule.workload import schedule
from lens_gate.load.wire.fast.transport import FastTransport
from lens_gate.load.wire.on_httpx.transport import HttpxTransport
from lens_gate.load.wire.transport import Transport
from lens_gate.simulator.log import RequestRecord, read_log
from lens_gate.steps.simulated import simulated
from lens_gate.steps.truth import by_index, tagged
from lens_gate.steps.truth import compared as against_truth
from lens_gate.vocabulary.requests import Arm

PATHS = {"openai-chat": "/v1", "openai-responses": "/v1", "anthropic": "/v1", "google": "/v1beta"}
TRANSPORTS: Mapping[str, Callable[[], Transport]] = {"fast": FastTransport, "httpx": HttpxTransport}


@dataclass(frozen=True)
class Taken:
    """What one run stamped, and what the simulator says of the same requests; keyed by the request's index."""

    samples: dict[int, Sample] = field(default_factory=dict)
    chunks: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    truth: dict[int, RequestRecord] = field(default_factory=dict)
    anchor_ns: list[int] = field(default_factory=list)


def provider(base_url: str, api: str, models: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the configuration of one wire format of the simulator."""
    return {"name": api, "api": api, "endpoint": base_url + PATHS[api], "models": list(models)}


def resolved(config_text: str) -> tuple[Config, ArmPlan]:
    """Read a configuration that names no variable, and resolve what it sends."""
    config = substitute(load_config([Source("benchmark.yaml", config_text)]), {}, used=None)
    arm = resolve_arm(
        config,
        read_file=lambda name: Path(name).read_bytes(),
        base_series=None,
        arm=Arm.CANDIDATE,
        label="benchmark",
        commit=None,
        config_hash="",
        target_name=None,
        target_endpoint=None,
    )
    return config, arm


async def played(config_text: str, transport: Transport) -> Taken:
    """Send what the configuration says on `transport`, keeping every chunk's time."""
    config, arm = resolved(config_text)
    taken = Taken()
    try:
        await play(
            tagged(schedule(arm, None, schedule_settings(config), np.random.default_rng(0))),
            transport=transport,
            settings=RunnerSettings(on_chunks=taken.chunks.__setitem__, on_anchor=taken.anchor_ns.append),
            money=Purse(PriceList({}, ()), None),
            on_sample=lambda sample: taken.samples.__setitem__(sample.index, sample),
            stop=StopSignal(),
        )
    finally:
        await transport.aclose()
    return taken


def against_log(
    config: Mapping[str, Any],
    apis: Mapping[str, Iterable[Mapping[str, Any]]],
    folder: Path,
    transport: str = "fast",
) -> Taken:
    """Run `config` with these models of each wire format on a fresh simulator, and read its log."""
    log = folder / "log.jsonl"
    with simulated(log) as base_url:
        providers = [provider(base_url, api, models) for api, models in apis.items()]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            taken = runner.run(played(json.dumps({**config, "providers": providers}), TRANSPORTS[transport]()))
    return replace(taken, truth=by_index(read_log(log)))


def compared(taken: Taken) -> Errors:
    """Compare the times of every stream that was a success."""
    return against_truth(Samples.of(taken.samples.values()), taken.chunks, taken.truth, taken.anchor_ns[0])


def measured(rate: float, seconds: float, api: str, model: str, transport: str) -> Errors:
    """Run once against a fresh simulator."""
    config = {"profiler": {"duration": seconds}, "workload": {"fixed": {"requests_per_second": rate}}}
    with tempfile.TemporaryDirectory() as folder:
        return compared(against_log(config, {api: [{"id": model}]}, Path(folder), transport))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", type=float, nargs="+", default=[20.0], help="requests per second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--api", choices=PATHS, default="openai-chat")
    parser.add_argument("--model", default="sim-small")
    parser.add_argument("--transport", choices=TRANSPORTS, default="fast")
    options = parser.parse_args()
    print("rate/s  requests  TTFT error p50/p99 ms  |gap error| p50/p99 ms  send lateness p50/p99 ms")
    for rate in options.rates:
        found = measured(rate, options.seconds, options.api, options.model, options.transport)
        ttft, gaps, late = (np.percentile(x, [50, 99]) for x in (found.ttft, np.abs(found.gaps), found.send))
        print(
            f"{rate:6.0f}  {len(found.ttft):8d}  {ttft[0]:9.3f} / {ttft[1]:.3f}    "
            f"{gaps[0]:9.3f} / {gaps[1]:.3f} (n={len(found.gaps)}, {found.unmatched} streams unmatched)    "
            f"{late[0]:9.3f} / {late[1]:.3f}"
        )


if __name__ == "__main__":
    main()
