"""Write and read back many requests: seconds, bytes and peak memory, beside plain JSON rows in the same run.

Each case runs in a process of its own, so that its peak memory is its own. `run` is the path of a real run: the journal
in blocks, the artifact that names it, then both read and verified. `rows` is `json.dumps` of a list of one dict per
request, `rows.gz` the same packed at the same level.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lens_gate.artifacts.assemble import samples_of, sidecar_of
from lens_gate.artifacts.codec import dumps, load_run
from lens_gate.artifacts.columns import encode
from lens_gate.artifacts.envelope import Fingerprint, Kind, Provenance
from lens_gate.artifacts.journal import BLOCK_REQUESTS, encode_block, encode_blocks, encode_header
from lens_gate.artifacts.run import Benchmark, Plan, Run, Sidecar, Spend, Summary, Validity
from lens_gate.artifacts.samples import NUMBER_COLUMNS, Sample, Samples, TextColumn
from lens_gate.stores.files import JournalFile, read_file, write_file
from lens_gate.vocabulary.outcomes import Ending

SIDECAR = "run.samples.jsonl.gz"
Row = dict[str, Any]


def realistic(requests: int) -> Samples:
    """A duet at 100 requests a second: jittered times, lognormal lengths, 2 % failures, each answer of its own."""
    rng = np.random.default_rng(1)
    index = np.arange(requests, dtype=np.float64)
    due = index * 1e7
    tokens = np.rint(rng.lognormal(5, 0.5, requests))
    ttft, gap = np.rint(rng.lognormal(19.8, 0.3, requests)), rng.lognormal(16.8, 0.2, requests)
    first, last = due + ttft, due + ttft + np.rint(tokens * gap)
    failed = rng.random(requests) < 0.02
    numbers = {
        "index": index, "pair": index // 2, "slot": index % 2, "repetition": index // 100, "intended_ns": due,
        "sent_ns": due + np.rint(rng.exponential(5e4, requests)), "headers_ns": first - 1e6,
        "first_byte_ns": first - 5e5, "first_token_ns": first, "first_visible_ns": first, "last_token_ns": last,
        "end_ns": last + 1e6,
        "connect_ns": np.where(index < 50, 3e7, np.nan), "reused": index >= 50, "input_tokens": 40 + index % 100,
        "output_tokens": tokens, "reasoning_tokens": index * 0, "cached_tokens": (index % 3 == 0) * 32,
        "cache_write_tokens": index * 0,
        "prompt_characters": 160 + index % 400, "answer_characters": tokens * 4, "http_status": index * 0 + 200,
        "attempts": index * 0 + 1, "chunk_count": tokens, "read_count": tokens - index % 5, "zero_gaps": index % 5,
        "largest_gap_ns": np.rint(gap * 3), "cost_usd": tokens * 1e-5 + 1e-4,
    }  # fmt: skip
    missing = ["first_token_ns", "first_visible_ns", "last_token_ns", "output_tokens", "largest_gap_ns", "cost_usd"]
    return Samples(
        numbers={name: np.where(failed, np.nan, numbers[name]) if name in missing else numbers[name] * 1.0
                 for name in NUMBER_COLUMNS},
        texts=words(rng, requests, failed),
    )  # fmt: skip


def words(rng: np.random.Generator, requests: int, failed: np.ndarray[Any, Any]) -> dict[str, TextColumn]:
    index = np.arange(requests)
    sketches = tuple(
        ",".join(f"{a}:{b}" for a, b in enumerate(row)) for row in rng.integers(0, 90, (requests, 8)).tolist()
    )
    prompts = tuple(f"{value:016x}" for value in rng.integers(0, 2**62, 500).tolist())
    answers = tuple(f"{value:016x}" for value in rng.integers(0, 2**62, requests).tolist())
    choices: dict[str, tuple[tuple[str, ...], Any]] = {
        "series": (("acme/large",), index * 0), "provider": (("acme",), index * 0), "model": (("large",), index * 0),
        "model_returned": (("large-2026-01-01",), np.where(failed, -1, 0)), "arm": (("base", "candidate"), index % 2),
        "prompt_id": (tuple(f"prompt-{n}" for n in range(50)), index // 2 % 50),
        "draw": (tuple(f"name={n}" for n in range(100)), index // 2 % 100),
        "phase": (("warmup", "measure"), index > 200),
        "token_source": (("server", "none"), failed), "prompt_hash": (prompts, index // 2 % 500),
        "answer_hash": (answers, np.where(failed, -1, index)), "finish_reason": (("stop", "none"), failed),
        "status": (("ok", "failed"), failed), "error_class": (("none", "cut_stream"), failed),
        "gap_sketch": (sketches, np.where(failed, -1, index)),
    }  # fmt: skip
    return {name: TextColumn(values, codes.astype(np.int32)) for name, (values, codes) in choices.items()}


def rows_of(samples: Samples) -> list[Row]:
    cells = {name: column for name, column in encode(samples).items() if name in NUMBER_COLUMNS}
    lists: dict[str, Any] = {**cells, **{name: column.strings() for name, column in samples.texts.items()}}
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def a_run(sidecar: Sidecar) -> Run:
    return Run(
        kind=Kind.RUN, schema_version=1, provenance=Provenance(tool_version="0.1.0", created_at=""),
        fingerprint=Fingerprint(runner="", platform="", python="", config_hash=""),
        benchmark=Benchmark(id="r", name="n", start_time="", end_time="", duration_seconds=1.0, config={}),
        providers=(), summary=Summary(
            total_requests=0, successful_requests=0, total_tokens=0, total_cost_usd=None, average_latency_ms=None,
            p95_latency_ms=None, error_rate=None, fastest_model=None, most_cost_effective=None,
        ),
        plan=Plan(
            arrival="fixed", requests_per_second=100.0, concurrency=None, requests=sidecar.requests, duration_s=None,
            warmup_s=0.0, cooldown_s=0.0, seed=1,
        ),
        arms=(), ending=Ending.COMPLETE, validity=Validity(valid=True, checks=()), transport="httpx", samples=sidecar,
        spend=Spend(spent_usd=0.0, reserved_usd=0.0, cap_usd=None, unpriced_models=(), prices=()),
    )  # fmt: skip


def write_run(samples: Samples, folder: Path) -> None:
    with JournalFile(folder / "journal") as journal:
        journal.append(encode_header(run="r"))
        for block in encode_blocks(samples):
            journal.append(block)
        journal.keep_as(folder / SIDECAR)
    with (folder / SIDECAR).open("rb") as file:
        pieces = iter(lambda: file.read(1024**2), b"")
        write_file(folder / "run.json", dumps(a_run(sidecar_of(pieces, file=SIDECAR, requests=len(samples)))))


def read_run(folder: Path) -> int:
    run = load_run(read_file(folder / "run.json"), name="run.json")
    return len(samples_of(run, lambda name: read_file(folder / name)))


def write_blocks(rows: list[Row]) -> None:
    """What a run pays while it measures: a block of single rows into columns, JSON and gzip."""
    for start in range(0, len(rows), BLOCK_REQUESTS):
        encode_block(Samples.of(Sample(**row) for row in rows[start : start + BLOCK_REQUESTS]))


def rows_in(requests: int) -> list[Row]:
    return rows_of(realistic(requests))


INPUTS: dict[str, Callable[[int], Any]] = {
    "write run": realistic,
    "write rows": rows_in,
    "write rows.gz": rows_in,
    "block": rows_in,
}
CASES: dict[str, Callable[[Any, Path], object]] = {
    "write run": write_run,
    "read run": lambda _, folder: read_run(folder),
    "write rows": lambda rows, folder: (folder / "rows.json").write_text(json.dumps(rows)),
    "read rows": lambda _, folder: json.loads((folder / "rows.json").read_bytes()),
    "write rows.gz": lambda rows, folder: (folder / "rows.json.gz").write_bytes(
        gzip.compress(json.dumps(rows).encode(), 1)
    ),
    "read rows.gz": lambda _, folder: json.loads(gzip.decompress((folder / "rows.json.gz").read_bytes())),
    "block": lambda rows, _: write_blocks(rows),
}


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one_case(case: str, requests: int, folder: Path) -> dict[str, float]:
    """Measure one case in this process, whose peak it shares with all that was there before."""
    given = INPUTS[case](requests) if case in INPUTS else None
    before, start = peak_mib(), time.perf_counter()
    CASES[case](given, folder)
    return {"seconds": time.perf_counter() - start, "before": before, "peak": peak_mib()}


def measured(case: str, requests: int, folder: Path) -> dict[str, float]:
    """Measure one case in a process of its own."""
    command = [sys.executable, __file__, "--requests", str(requests), "--folder", str(folder), "--case", case]
    result: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return result


def report(requests: int, folder: Path) -> None:
    names = {"run": ["run.json", SIDECAR], "rows": ["rows.json"], "rows.gz": ["rows.json.gz"]}
    found = {
        case: measured(case, requests, folder) for verb in ("write", "read") for case in (f"{verb} {n}" for n in names)
    }
    sizes = {name: sum((folder / file).stat().st_size for file in files) for name, files in names.items()}
    print(f"{requests} requests; peak MiB in brackets: before the work, input and imports included")
    for case, got in found.items():
        verb, name = case.split()
        ratio = got["seconds"] / found[f"{verb} rows"]["seconds"]
        print(
            f"{case:14} {got['seconds']:7.2f} s ({ratio:4.2f} x rows)  {sizes[name] / 1e6:7.1f} MB "
            f"({sizes[name] / sizes['rows']:4.2f} x rows)  peak {got['peak']:6.0f} MiB ({got['before']:4.0f})"
        )
    block = measured("block", BLOCK_REQUESTS, folder)
    print(f"one block of {BLOCK_REQUESTS} rows during a run: {block['seconds'] * 1000:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(one_case(options.case, options.requests, options.folder)))
        return
    with tempfile.TemporaryDirectory() as folder:
        report(options.requests, Path(folder))


if __name__ == "__main__":
    main()
