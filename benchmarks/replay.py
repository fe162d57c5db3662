"""How true a replay is: production traces, played many times as fast against the simulator, held against the traces.

For a window of each trace: how late requests left (sent − due, without connecting), whether each was due at its time in
the trace divided by the scale, and whether the lengths that the server counted, of prompts and of answers, are those of
the trace. The traces lie in ../shared/data/traces; one that is not there is left out.

    python benchmarks/replay.py --scales 10 20 --limit 400
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from lens_gate.artifacts.codec import load_run
from lens_gate.artifacts.samples import Samples
from lens_gate.steps.recorded.reading import samples_beside
from lens_gate.vocabulary.requests import Status

TRACES = Path(__file__).parents[2] / "shared" / "data" / "traces"
AZURE, MOONCAKE = "AzureLLMInferenceTrace_code.csv", "mooncake_synthetic_trace.jsonl"


@dataclass(frozen=True)
class Row:
    """One request of a trace: seconds from its beginning, and tokens."""

    at_s: float
    inputs: int
    outputs: int


def rows_of(path: Path) -> list[Row]:
    """Read a trace without any code of lens-gate."""
    if path.name == AZURE:
        with path.open(newline="", encoding="utf-8") as file:
            found = list(csv.DictReader(file))
        times = [datetime.fromisoformat(row["TIMESTAMP"]) for row in found]
        return [
            Row((time - times[0]).total_seconds(), int(row["ContextTokens"]), int(row["GeneratedTokens"]))
            for time, row in zip(times, found, strict=True)
        ]
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Row(one["timestamp"] / 1000, one["input_length"], one["output_length"]) for one in lines]


def played(trace: Path, scale: float, limit: int, folder: Path) -> Samples:
    """Play the beginning of a trace against a fresh simulator, and return the samples in the order of the trace."""
    simulate = [sys.executable, "-m", "lens_gate", "simulate"]
    with subprocess.Popen(simulate, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            provider = {"name": "sim", "endpoint": f"{server.stdout.readline().strip()}/v1", "models": ["sim-small"]}
            (folder / "lens-gate.yaml").write_text(json.dumps({"providers": [provider]}), encoding="utf-8")
            options = ["--log", str(trace), "--time-scale", str(scale), "--limit", str(limit)]
            replay = [
                sys.executable,
                "-m",
                "lens_gate",
                "replay",
                *options,
                "--exact-output",
                "ignore_eos",
                "-o",
                "r.json",
            ]
            subprocess.run(replay, cwd=folder, check=False, capture_output=True)
        finally:
            server.terminate()
            server.wait(20)
    path = folder / "r.json"
    samples = samples_beside(load_run(path.read_bytes(), name="r.json"), path)
    return samples.where(np.argsort(samples.numbers["index"]))


def line_of(trace: Path, scale: float, limit: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        samples = played(trace, scale, limit, Path(folder))
    rows = rows_of(trace)[:limit]
    numbers = samples.numbers
    late_ms = (numbers["sent_ns"] - np.nan_to_num(numbers["connect_ns"]) - numbers["intended_ns"]) / 1e6
    due_s = np.array([row.at_s for row in rows]) / scale
    # A trace has microseconds at best.
    off_ms = np.abs(numbers["intended_ns"] / 1e9 - due_s) * 1e3
    good = samples.texts["status"].equals(Status.OK)
    inputs = numbers["input_tokens"][good] == np.array([row.inputs for row in rows])[good]
    outputs = numbers["output_tokens"][good] == np.array([row.outputs for row in rows])[good]
    rate = len(rows) / max(due_s[-1], 1e-9)
    p50, p99 = np.nanpercentile(late_ms, [50, 99])
    return (
        f"{trace.name[:24]:24}  {scale:5g}  {len(samples):4d}/{len(rows):<4d}  {rate:5.1f}/s  {off_ms.max():10.4f}"
        f"  {p50:7.2f} {p99:7.2f}  {int(good.sum()):4d}  {100 * inputs.mean():6.2f} %  {100 * outputs.mean():7.2f} %"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scales", type=float, nargs="+", default=[10.0, 20.0])
    parser.add_argument("--limit", type=int, default=400, help="requests of each trace")
    parser.add_argument("--folder", type=Path, default=TRACES)
    options = parser.parse_args()
    print("trace                     scale   requests    rate  due off ms  late ms p50/p99  good  inputs =  outputs =")
    for name in (AZURE, MOONCAKE):
        if not (options.folder / name).exists():
            print(f"{name} is not in {options.folder}")
            continue
        for scale in options.scales:
            print(line_of(options.folder / name, scale, options.limit), flush=True)


if __name__ == "__main__":
    main()
