"""A job under act, whose steps are timed by when act says that they begin, on the clock of the simulator's log."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.action.jobs import PARTS, STARTING, Job

from lens_gate.simulator.log import read_log
from lens_gate.steps.simulated import simulated
from tests.real.acting import TOOLS, UNREACHABLE

BEGINS = "⭐ Run Main "
LIMIT_S = 600


class Failed(Exception):
    """A job that did not come to its first request, with the end of its log."""


def timed(job: Job, folder: Path, cache: Path) -> dict[str, float]:
    """Run a job, and return the seconds of each of its parts up to the first request. Raises Failed."""
    folder.mkdir(parents=True)
    log = folder / "simulator.jsonl"
    with simulated(log, "--seed", "7") as address:
        payload = folder / "event.json"
        payload.write_text(json.dumps(job.pull_request(folder / "widgets", address)), encoding="utf-8")
        begins, last_lines = begun(job, folder, command(job, payload, cache))
    records = list(read_log(log))
    if not records:
        raise Failed("\n".join(last_lines))
    return parts_of(begins, min(record.received_ns for record in records))


def begun(job: Job, folder: Path, words: Sequence[str]) -> tuple[list[tuple[str, int]], list[str]]:
    """Run act; return each part's first and later beginnings in ns, and the last lines of the log."""
    begins, lines = list[tuple[str, int]](), list[str]()
    with subprocess.Popen(
        words,
        cwd=folder / "widgets",
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line, now_ns in stamped(process):
            lines = [*lines[-40:], line.rstrip()]
            step = message(line).removeprefix(BEGINS)
            if message(line).startswith(BEGINS) and step in job.parts:
                begins.append((job.parts[step], now_ns))
    return begins, lines


def stamped(process: subprocess.Popen[str]) -> Iterator[tuple[str, int]]:
    """Yield the lines of a process as they come, each with the time."""
    assert process.stdout is not None
    ends_ns = time.perf_counter_ns() + LIMIT_S * 10**9
    for line in process.stdout:
        yield line, time.perf_counter_ns()
        if time.perf_counter_ns() > ends_ns:
            process.terminate()


def message(line: str) -> str:
    """Return what a line of act's log says."""
    try:
        return str(json.loads(line).get("msg", ""))
    except ValueError:
        return ""


def parts_of(begins: Sequence[tuple[str, int]], first_request_ns: int) -> dict[str, float]:
    """Return the seconds of each part: from its beginning to the next one's, the last one's to the first request."""
    ends = [*(now_ns for _, now_ns in begins[1:]), first_request_ns]
    spent = dict.fromkeys(PARTS, 0.0)
    for (part, begin_ns), end_ns in zip(begins, ends, strict=True):
        spent[part] += (end_ns - begin_ns) / 1e9
    if spent[STARTING] <= 0:
        raise Failed("the first request left before the step that sends it began")
    return spent


def command(job: Job, payload: Path, cache: Path) -> list[str]:
    """Return the command line of act."""
    words = [str(TOOLS / "act"), "pull_request", "--eventpath", str(payload), "--json", "--no-cache-server"]
    words += ["--platform", "ubuntu-latest=-self-hosted", "--workflows", ".github/workflows/ci.yml"]
    variables = {
        "STANDIN_CACHE": str(cache),
        "STANDIN_PYTHON": sys.executable,
        "GITHUB_API_URL": UNREACHABLE,
        "GITHUB_REPOSITORY": "acme/widgets",
    }
    words += [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    pairs = job.stand_ins().items()
    return words + [word for uses, place in pairs for word in ("--local-repository", f"{uses}={place}")]


def environment(folder: Path) -> dict[str, str]:
    """Return this environment without what a pipeline says of itself, with a home of its own and this Python first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "CI", "RUNNER_"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # no runner sets it
    home = folder / "home"
    home.mkdir()
    path = f"{Path(sys.base_prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**kept, "HOME": str(home), "PATH": path}


def act_is_there() -> bool:
    """Whether `make test-real`, or scripts/install_real.py, has installed act."""
    return shutil.which(str(TOOLS / "act")) is not None
