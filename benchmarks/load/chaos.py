"""Is every request accounted for under chaos? `python -m benchmarks.load.chaos [--rate 200] [--seconds 60]`.

The simulator, a process of its own, resets, stalls, cuts streams, answers with 500 and damages frames, 1 % of the
requests each, and logs what it did to which request. Held against that log: each request that was scheduled has exactly
one sample and one line, and its error class is that of the fault. Exit code 1 where that fails.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import uvloop
from benchmarks.truth import PATHS, TRANSPORTS, provider, resolved

from lens_gate.artifacts.samples import Sample
from lens_gate.load.engine.contract import RunnerSettings, StopSignal
from lens_gate.load.engine.runner import play
from lens_gate.load.money.pricing import PriceList
from lens_gate.load.money.purse import Purse
from lens_gate.load.schedule.settings import schedule_settings
from lens_gate.load.schedule.workload import schedule
from lens_gate.load.wire.transport import Timeouts, Transport
from lens_gate.simulator.effects import Fault
from lens_gate.simulator.log import RequestRecord, read_log
from lens_gate.steps.simulated import simulated
from lens_gate.steps.truth import tagged
from lens_gate.vocabulary.requests import ErrorClass

CLASSES: Mapping[Fault | None, ErrorClass] = {
    None: ErrorClass.NONE,
    Fault.RESET: ErrorClass.RESET,
    Fault.STALL: ErrorClass.IDLE_TIMEOUT,
    Fault.CUT: ErrorClass.CUT_STREAM,
    Fault.SERVER_ERROR: ErrorClass.API_ERROR,
    Fault.MALFORMED: ErrorClass.MALFORMED,
}
FAULTS = [fault for fault in CLASSES if fault is not None]
LIMITS = Timeouts(connect_s=10.0, request_s=60.0, idle_s=10.0)


@dataclass(frozen=True)
class Account:
    """Samples beside log lines, by request; `pairs` counts (fault, class) of those that have one each."""

    requests: int
    without_sample: Sequence[int]
    sampled_twice: Sequence[int]
    without_line: Sequence[int]
    logged_twice: Sequence[int]
    pairs: Counter[tuple[Fault | None, ErrorClass]]

    @property
    def wrong(self) -> dict[tuple[Fault | None, ErrorClass], int]:
        """The requests that landed in another class than that of their fault."""
        return {pair: number for pair, number in self.pairs.items() if CLASSES[pair[0]] is not pair[1]}

    @property
    def exact(self) -> bool:
        """Whether each request has one sample and one line."""
        return not (self.without_sample or self.sampled_twice or self.without_line or self.logged_twice)


def account(requests: int, samples: Sequence[Sample], lines: Sequence[RequestRecord]) -> Account:
    """Hold the samples of requests 0 to `requests` - 1 against the log."""
    sampled = Counter(sample.index for sample in samples)
    logged = Counter(int(line.request_id or -1) for line in lines)
    classes = {sample.index: sample.error_class for sample in samples}
    faults = {int(line.request_id or -1): line.fault for line in lines}
    everything = range(requests)
    return Account(
        requests=requests,
        without_sample=[one for one in everything if one not in sampled],
        sampled_twice=[one for one, times in sampled.items() if times > 1],
        without_line=[one for one in everything if one not in logged],
        logged_twice=[one for one, times in logged.items() if times > 1 or one not in everything],
        pairs=Counter((faults[one], classes[one]) for one in everything if one in faults and one in classes),
    )


async def played(config_text: str, transport: Transport, limits: Timeouts) -> tuple[int, list[Sample]]:
    """Send what the configuration says; return how many requests fell due, and all samples."""
    config, arm = resolved(config_text)
    samples: list[Sample] = []
    try:
        end = await play(
            tagged(schedule(arm, None, schedule_settings(config), np.random.default_rng(0))),
            transport=transport,
            settings=RunnerSettings(timeouts=limits),
            money=Purse(PriceList({}, ()), None),
            on_sample=samples.append,
            stop=StopSignal(),
        )
    finally:
        await transport.aclose()
    return end.scheduled, samples


def measured(
    api: str, rate: float, seconds: float, percent: float, transport: str, limits: Timeouts = LIMITS
) -> Account:
    """Run once against a fresh simulator; each model has one fault, on its share of the requests."""
    models = [{"id": f"sim-small+fault={fault}:{percent * len(FAULTS):g}"} for fault in FAULTS]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        with simulated(log) as base_url:
            config = {
                "profiler": {"duration": seconds},
                "providers": [provider(base_url, api, models)],
                "workload": {"fixed": {"requests_per_second": rate}},
            }
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                scheduled, samples = runner.run(played(json.dumps(config), TRANSPORTS[transport](), limits))
        return account(scheduled, samples, list(read_log(log)))


def told(found: Account) -> str:
    """Return the figures."""
    lines = [
        f"{found.requests} requests",
        f"without a sample {len(found.without_sample)}, with two {len(found.sampled_twice)}",
        f"without a line in the log {len(found.without_line)}, with two {len(found.logged_twice)}",
        "",
        "| what the simulator did | class | requests |",
        "| --- | --- | --- |",
    ]
    for (fault, error), number in sorted(found.pairs.items(), key=str):
        mark = "" if CLASSES[fault] is error else " (wrong)"
        lines.append(f"| {fault.value if fault else 'answered'} | {error.value}{mark} | {number} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--percent", type=float, default=1.0, help="of the requests, for each fault")
    parser.add_argument("--api", choices=PATHS, default="openai-chat")
    parser.add_argument("--transport", choices=TRANSPORTS, default="fast")
    options = parser.parse_args()
    found = measured(options.api, options.rate, options.seconds, options.percent, options.transport)
    print(told(found))
    return int(not found.exact or bool(found.wrong))


if __name__ == "__main__":
    sys.exit(main())
