"""How a process begins that stands beside the first one; it must load nothing heavy, for each of them loads it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from threading import Thread


def deaf_to_stops() -> None:
    """Leave Ctrl-C, and a pipeline's cancellation, to the first process."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)


def stand_beside() -> None:
    """Begin a process that computes for the first one: no signal ends it that ends a run, but the end of the first."""
    deaf_to_stops()
    Thread(target=_end_with_the_first, daemon=True).start()


def _end_with_the_first() -> None:
    """Leave when the first process is gone: the pool's own pipe stays open, since this process holds both its ends."""
    first = parent_process()
    if first is not None:
        first.join()
        os._exit(1)


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Block what a terminal or a pipeline sends to all processes of a group: who is started here never hears it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
