"""Processes that have a core and a scheduler of their own, and what they cost."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from resource import struct_rusage

FIFO_PRIORITY = 10
RT_RUNTIME = Path("/proc/sys/kernel/sched_rt_runtime_us")
RT_PERIOD = RT_RUNTIME.with_name("sched_rt_period_us")
END_S = 20.0


@dataclass(frozen=True)
class Place:
    """Where a process runs: on one core (None: wherever), by the real-time scheduler or by the usual one."""

    core: int | None = None
    fifo: bool = False

    def entering(self) -> Callable[[], None]:
        """Return what a new process does before it becomes the program."""

        def enter() -> None:
            if self.core is not None:
                os.sched_setaffinity(0, {self.core})
            if self.fifo:
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(FIFO_PRIORITY))

        return enter


ANYWHERE = Place()


@dataclass(frozen=True)
class Finished:
    """How a process ended, and what it and the children that it waited for cost."""

    code: int
    wall_s: float
    cpu_s: float
    peak_mib: float
    said: str


def fifo_share() -> float:
    """Return how much of a core the system lets real-time processes have: one that takes more is stalled.

    Usually that is 0.95 of each second, so that a stall takes 50 ms.
    """
    try:
        runtime, period = (int(path.read_text(encoding="ascii")) for path in (RT_RUNTIME, RT_PERIOD))
    except (OSError, ValueError):
        return 1.0
    return 1.0 if runtime < 0 else runtime / period


def fifo_allowed() -> bool:
    """Whether the system lets us use the real-time scheduler."""
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return False
    os.sched_setscheduler(0, *before)
    return True


def finished(
    command: Sequence[str],
    place: Place,
    *,
    timeout_s: float,
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run a command in `folder` to its end; after `timeout_s` it is told to end, and then killed."""
    said = folder / "said.txt"
    with said.open("wb") as output:
        began = time.monotonic()
        process = subprocess.Popen(  # the resources are asked for below, with the exit code
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment(environment or {}),
            preexec_fn=place.entering(),  # noqa: PLW1509 - this program has one thread
            start_new_session=True,
        )
        code, usage = _awaited(process.pid, timeout_s)
        process.returncode = code
        wall_s = time.monotonic() - began
    return Finished(
        code=code,
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mib=usage.ru_maxrss / 1024,
        said=said.read_text(encoding="utf-8", errors="replace"),
    )


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return ours with more, and with modules kept compiled: else each run would compile the checkout anew."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | dict(more)


def _awaited(pid: int, timeout_s: float) -> tuple[int, struct_rusage]:
    ended = os.pidfd_open(pid)
    try:
        for patience_s, signal_number in ((timeout_s, signal.SIGTERM), (END_S, signal.SIGKILL), (END_S, None)):
            if select.select([ended], [], [], patience_s)[0]:
                break
            if signal_number is not None:
                os.killpg(pid, signal_number)
        _, status, usage = os.wait4(pid, 0)
    finally:
        os.close(ended)
    return os.waitstatus_to_exitcode(status), usage
