"""A run of very many requests on a transport that answers at once: seconds, peak memory and bytes, phase by phase.

Everything of `run` is on but the network: schedule, decoding, cost, journal, samples file, summaries, artifact. A case
runs in a process of its own, so that its peak is its own. `sending` is the peak in MiB until the last request has
ended, `writing` until the artifact is there, `analysing` that of `lens-gate analyze` on it. `error` is the largest
difference between a quantile in the artifact and numpy's of all samples, in milliseconds.

    python -m benchmarks.load_million --requests 100000 --tokens 200
    python -m benchmarks.load_million --requests 200000 1000000 --tokens 4
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from benchmarks.load_hotpath import APIS, streamed

from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Sample
from lens_gate.cli.wiring import world
from lens_gate.config.load import Source
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.wire.transport import Exchange, Received, Timeouts, Transport
from lens_gate.providers.base import HttpRequest
from lens_gate.steps.recorded.reading import read_artifact, samples_beside
from lens_gate.steps.resolving.arms import Arms, RunOrder, resolve
from lens_gate.steps.resolving.order import Overrides
from lens_gate.steps.running.measure import measure
from lens_gate.steps.running.watcher import Looked, Watcher

SLOTS = 64
API = "openai-chat"


class Instant(Transport):
    """A transport whose answers are there at once: 50 ms to the first token, 5 ms a token, by a clock that jitters."""

    def __init__(self, answer: Received) -> None:
        self.answer = answer
        self.rng = np.random.default_rng(1)

    @property
    def name(self) -> str:
        """Say that nothing leaves this process."""
        return "memory"

    def exchange(self, _request: HttpRequest, _timeouts: Timeouts) -> InstantExchange:
        """Answer, each time a little slower or faster."""
        return InstantExchange(self.answer, time.perf_counter_ns(), float(self.rng.lognormal(0.0, 0.2)))

    async def aclose(self) -> None:
        """Close nothing."""


@dataclass(frozen=True)
class InstantExchange(Exchange):
    """One answer, stamped as if it had come at its own pace."""

    answer: Received
    sent_ns: int
    pace: float

    async def carry_out(self) -> None:
        """Give way once, as a socket would."""
        await asyncio.sleep(0)

    def received(self) -> Received:
        """Tell the answer."""
        head = self.answer.head
        assert head is not None
        stamped = replace(head, t_ns=self._at_ns(head.t_ns), sent_ns=self.sent_ns)
        return Received(stamped, [self._at_ns(t_ns) for t_ns in self.answer.times_ns], self.answer.parts)

    def _at_ns(self, t_ns: int) -> int:
        return self.sent_ns + round(self.pace * t_ns)


class PeakWatcher(Watcher):
    """Notes the peak of memory while requests end."""

    def __init__(self) -> None:
        self.ended = 0
        self.peak_mib = 0.0

    def begin(self, settings: ScheduleSettings, arms: Arms) -> None:
        """Say nothing."""

    def following(self, planned: Iterator[PlannedRequest]) -> Iterator[PlannedRequest]:
        """Pass the schedule on."""
        return planned

    def looked(self, look: Looked) -> None:
        """Say nothing: nobody looks at this run."""

    def note(self, _sample: Sample) -> None:
        """Look now and then."""
        self.ended += 1
        if self.ended % 1000 == 0:
            self.peak_mib = peak_mib()


def peak_mib() -> float:
    """Return the peak of this process; it begins at that of the process that started it, which must stay small."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def a_source(requests: int) -> Source:
    model = {"id": APIS[API][1], "max_tokens": 256}
    config = {
        "profiler": {"requests": requests},
        "providers": [{"name": "openai", "endpoint": "http://127.0.0.1:9", "api_key": "sk-none", "models": [model]}],
        "workload": {"closed": {"concurrency": SLOTS}, "prompts": [{"id": "p", "template": "Explain rain."}]},
    }
    return Source("million.yaml", json.dumps(config))


def run_once(requests: int, tokens: int, folder: Path) -> dict[str, float]:
    """Run one case in this process."""
    wire, model = APIS[API]
    answer = streamed(wire, model, tokens)
    here = replace(world(), directory=folder, repository=None, transport=lambda _: Instant(answer))
    arms = resolve(RunOrder(sources=(a_source(requests),), overrides=Overrides()), here)
    watcher, idle = PeakWatcher(), peak_mib()
    wall, cpu = time.perf_counter(), time.process_time()
    measured = measure(arms, folder / "run.json", here, watcher)
    found = {
        "requests": len(measured.samples),
        "seconds": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "idle": idle,
        "sending": watcher.peak_mib,
        "writing": peak_mib(),
        "mib": sum(path.stat().st_size for path in folder.glob("run.*")) / 2**20,
    }
    return found | {"error": quantile_error(folder)}


def analysed(folder: Path) -> dict[str, float]:
    """Analyse the artifact in a process of its own; return its peak and how long it took."""
    before = time.perf_counter()
    command = [sys.executable, "-m", "lens_gate", "analyze", str(folder / "run.json"), "-o", str(folder / "a.json")]
    process = subprocess.Popen(command)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"lens-gate analyze exited with {process.returncode}")
    return {"analysing": used.ru_maxrss / 1024, "analysing seconds": time.perf_counter() - before}


def quantile_error(folder: Path) -> float:
    """Return the largest difference between a quantile in the artifact and numpy's of all samples, in milliseconds."""
    run = read_artifact(folder / "run.json")
    assert isinstance(run, Run)
    numbers = samples_beside(run, folder / "run.json").numbers
    times = (numbers["end_ns"] - numbers["intended_ns"]) / 1e6
    total = run.providers[0].models[0].latency.total
    shown = {50: total.median_ms, 95: total.p95_ms, 99: total.p99_ms, 99.9: total.p99_9_ms}
    return max(abs(value - np.quantile(times, p / 100)) for p, value in shown.items() if value is not None)


def run_alone(requests: int, tokens: int, folder: Path) -> dict[str, float]:
    """Run one case in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.load_million", "--inside", str(folder)]
    command += ["--requests", str(requests), "--tokens", str(tokens)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def one_case(requests: int, tokens: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = run_alone(requests, tokens, folder) | analysed(folder)
    print(
        f"{found['requests']:>9.0f} x {tokens:<4}{found['seconds']:9.1f}{1e6 * found['cpu'] / requests:9.0f}"
        f"{found['idle']:9.0f}{found['sending']:9.0f}{found['writing']:9.0f}{found['analysing']:11.0f}"
        f"{found['analysing seconds']:9.1f}{found['mib']:9.1f}{found['error']:9.1g}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, nargs="+", default=[100_000])
    parser.add_argument("--tokens", type=int, default=200, help="tokens of every answer")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(run_once(options.requests[0], options.tokens, Path(options.inside))))
        return
    print(f"{'requests x tokens':<16}  seconds   µs CPU     idle  sending  writing  analysing  seconds  on disk  error")
    for requests in options.requests:
        one_case(requests, options.tokens)


if __name__ == "__main__":
    main()
