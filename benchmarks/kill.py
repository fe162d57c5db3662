"""Real runs, killed by SIGKILL at random moments: what their journals hold, against what the server saw.

Half of the kills fall anywhere in a run, half into its end, where the artifact is written. Of each the journal (or the
artifact, where that was there already) must analyze, and is held against the simulator's own log:

* `ended` are requests that the server had finished more than a second before the kill, the time between two flushes;
  `missing` of them are in neither file. At most one block of 256 may be: `beyond` counts what is missing beyond that.
* A run that was killed before its first request leaves an empty journal, and the server must have seen nothing.
* `unpromised` are requests that the server received, but the journal does not say that they may have been sent.

    python benchmarks/kill.py --kills 50
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lens_gate.artifacts.run import Run
from lens_gate.simulator.log import RequestRecord, read_log
from lens_gate.steps.recorded.reading import read_artifact

RATE, SECONDS = 50, 2.0
BLOCK = 256
FLUSH_NS = 1_000_000_000
LENS_GATE = (sys.executable, "-m", "lens_gate")


@dataclass(frozen=True)
class Kill:
    """One killed run: when it was killed and what it left, in requests."""

    at_s: float
    phase: str
    left: str
    kept: int
    ended: int
    missing: int
    unpromised: int

    @property
    def beyond(self) -> int:
        """Count what is missing beyond a block."""
        return max(0, self.missing - BLOCK)


def configured(folder: Path, address: str) -> Path:
    """Make a folder with a configuration for the simulator."""
    model = {"id": "sim-small", "max_tokens": 8}
    config = {
        "providers": [{"name": "sim", "api": "openai-chat", "endpoint": f"{address}/v1", "models": [model]}],
        "profiler": {"duration": f"{SECONDS}s"},
        "workload": {"fixed": {"requests_per_second": RATE}, "prompts": [{"id": "p", "template": "Say hello."}]},
    }
    folder.mkdir()
    (folder / "lens-gate.yaml").write_text(json.dumps(config), encoding="utf-8")
    return folder


def killed(folder: Path, log: Path, rng: random.Random) -> Kill:
    """Start a run, kill it, and count."""
    before = len(list(read_log(log)))
    command = [*LENS_GATE, "run", "--output", "run.json"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        began = awaited_journal(folder, process)
        # The tail holds the drain, the summaries and the artifact; a busy machine makes it longer.
        wait_s = rng.uniform(0, SECONDS) if rng.random() < 0.5 else rng.uniform(0.95, 2.2) * SECONDS
        time.sleep(wait_s)
        process.send_signal(signal.SIGKILL)
        killed_ns = time.perf_counter_ns()
    time.sleep(1.2)  # The server writes its log every second.
    return counted(folder, list(read_log(log))[before:], killed_ns, (killed_ns - began) / 1e9)


def awaited_journal(folder: Path, process: subprocess.Popen[bytes]) -> int:
    """Wait for the journal, and return when it was there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None and not list(folder.glob("run.*.journal.jsonl.gz")):
        time.sleep(0.005)
    return time.perf_counter_ns()


def counted(folder: Path, records: list[RequestRecord], killed_ns: int, at_s: float) -> Kill:
    artifact = folder / "run.json"
    path = artifact if artifact.exists() else next(folder.glob("run.*.journal.jsonl.gz"))
    if not path.stat().st_size:
        return Kill(at_s=at_s, phase="starting", left="journal", kept=0, ended=0, missing=0, unpromised=len(records))
    subprocess.run([*LENS_GATE, "analyze", path.name, "-o", "a.json"], cwd=folder, check=True, capture_output=True)
    run = read_artifact(path)
    assert isinstance(run, Run)
    kept, lost = run.samples.requests, sum(segment.lost for segment in run.segments)
    ended = sum(record.end_ns < killed_ns - FLUSH_NS and not record.client_closed for record in records)
    phase = "sending" if at_s < SECONDS else "ending"
    return Kill(
        at_s=at_s,
        phase=phase,
        left="artifact" if path == artifact else "journal",
        kept=kept,
        ended=ended,
        missing=max(0, ended - kept),
        unpromised=max(0, len(records) - kept - lost),
    )


def killed_runs(count: int, rng: random.Random) -> list[Kill]:
    """Kill so many runs against one simulator, each in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "log.jsonl"
        with subprocess.Popen([*LENS_GATE, "simulate", "--log", str(log)], stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                address = server.stdout.readline().strip()
                folders = [Path(name) / str(number) for number in range(count)]
                return [killed(configured(folder, address), log, rng) for folder in folders]
            finally:
                server.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    kills = killed_runs(options.kills, random.Random(options.seed))
    for (phase, left), count in sorted(Counter((kill.phase, kill.left) for kill in kills).items()):
        print(f"killed while {phase}, {left} left: {count}")
    kept, ended = sum(kill.kept for kill in kills), sum(kill.ended for kill in kills)
    print(f"kept {kept} requests; {ended} had ended more than a second before the kill")
    print(f"missing {sum(kill.missing for kill in kills)}, at most {max(kill.missing for kill in kills)} in one run")
    print(f"lost beyond those in flight and one block: {sum(kill.beyond for kill in kills)}")
    print(f"sent but not promised: {sum(kill.unpromised for kill in kills)}")
    if any(kill.beyond or kill.unpromised for kill in kills):
        sys.exit("requests were lost")


if __name__ == "__main__":
    main()
