"""A template in a process of its own, which may use so much time and memory, and no more."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final

from lens_gate.cli.beside import deaf_to_stops, signals_held_back
from lens_gate.errors import UsageProblem
from lens_gate.reports.template_job import TemplateJob

SECONDS = 10
"""Processor time that a template may use."""

LONGEST_S = 60.0
"""How long it may take where others use the processor too, or the system limits nothing."""

MEMORY_BYTES: Final = 1024**3
"""Address space of the process, with Python itself."""


@dataclass(frozen=True, slots=True)
class _Refused:
    message: str
    place: str | None
    hint: str | None


def sandboxed(job: TemplateJob) -> str:
    """Return what a template makes of its context; raises UsageProblem where it fails or asks for too much."""
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(job, there, SECONDS), daemon=True)
    with signals_held_back():
        process.start()
    there.close()
    try:
        answer = _answer(here)
    finally:
        process.kill()
        process.join()
    match answer:
        case str():
            return answer
        case _Refused(message, place, hint):
            raise UsageProblem(message, place=place, hint=hint)
        case None:
            raise UsageProblem(
                f"the template was stopped: it may use {SECONDS} s of processor time and {MEMORY_BYTES >> 20} MiB",
                place=job.name,
                hint="Does a loop in it never end? Loop over what the report holds, and over nothing larger.",
            )


def _answer(end: Connection) -> str | _Refused | None:
    """Wait for what the process tells; None where it was killed, or says nothing in time."""
    try:
        answer: str | _Refused | None = end.recv() if end.poll(LONGEST_S) else None
    except EOFError:
        return None
    return answer


def _work(job: TemplateJob, end: Connection, seconds: int) -> None:
    from lens_gate.reports.template import rendered  # noqa: PLC0415 only this process loads a template engine

    deaf_to_stops()
    _limit(seconds)
    try:
        answer: str | _Refused = rendered(job)
    except UsageProblem as error:
        answer = _Refused(error.message, error.place, error.hint)
    # Nobody reads any more where the first process is gone.
    with contextlib.suppress(OSError):
        end.send(answer)


def _limit(seconds: int) -> None:
    """Limit time, memory and files by the system, which Windows cannot; there the time is limited from outside."""
    try:
        import resource  # noqa: PLC0415 not on Windows
    except ImportError:
        return
    for limit, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        highest = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (highest, highest))
