"""A timer of the Linux kernel that the event loop waits for like for a socket: to some 0.1 ms, without spinning.

Event loops round their own timers to a millisecond, and uvloop's may even be early.
"""

from __future__ import annotations

import asyncio
import ctypes
import heapq
import os
import sys
import time
from collections.abc import Callable
from itertools import count
from typing import Final

_CLOCK_MONOTONIC: Final = 1
_ABSOLUTE: Final = 1
_SECOND_NS: Final = 1_000_000_000

SetTime = Callable[[int, int], None]
"""Set the timer of a file descriptor to an instant in nanoseconds."""


class TimerFd:
    """Waits for instants of `time.perf_counter_ns` on the running event loop; any number at once."""

    def __init__(self, descriptor: int, set_time: SetTime) -> None:
        self._descriptor = descriptor
        self._set_time = set_time
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(descriptor, self._fired)

    @classmethod
    def open(cls) -> TimerFd | None:
        """Return a timer, None where the system has none, or its clock is not the one that stamps are taken from."""
        monotonic = time.get_clock_info("perf_counter").implementation == "clock_gettime(CLOCK_MONOTONIC)"
        made = _made() if sys.platform == "linux" and monotonic else None
        return None if made is None else cls(*made)

    async def until(self, t_ns: int) -> None:
        """Wait for an instant."""
        future = self._loop.create_future()
        entry = (t_ns, next(self._numbers), future)
        heapq.heappush(self._waiting, entry)
        if self._waiting[0] is entry:
            self._set_time(self._descriptor, t_ns)
        await future

    def close(self) -> None:
        """Give the timer back to the system; nobody may wait for it any more."""
        if not self._loop.is_closed():
            self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _fired(self) -> None:
        os.read(self._descriptor, 8)
        now_ns = time.perf_counter_ns()
        while self._waiting and self._waiting[0][0] <= now_ns:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():  # else who waited was cancelled
                future.set_result(None)
        if self._waiting:
            self._set_time(self._descriptor, self._waiting[0][0])


def _made() -> tuple[int, SetTime] | None:
    """Make a timer by Python's own functions (from 3.13 on), else by those of the C library."""
    if sys.version_info >= (3, 13):
        flags = os.TFD_NONBLOCK | os.TFD_CLOEXEC
        try:
            return os.timerfd_create(time.CLOCK_MONOTONIC, flags=flags), _set_by_python
        except OSError:
            return None
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "timerfd_create") or ctypes.sizeof(ctypes.c_long) != 8:
        return None
    descriptor = library.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
    return None if descriptor < 0 else (descriptor, _setter(library))


def _set_by_python(descriptor: int, t_ns: int) -> None:
    if sys.version_info >= (3, 13):
        os.timerfd_settime_ns(descriptor, flags=os.TFD_TIMER_ABSTIME, initial=t_ns)


def _setter(library: ctypes.CDLL) -> SetTime:
    """Return `timerfd_settime` for an absolute instant; its argument is a `struct itimerspec` without an interval."""
    specification = (ctypes.c_long * 4)()
    set_time = library.timerfd_settime

    def by_library(descriptor: int, t_ns: int) -> None:
        specification[2], specification[3] = divmod(t_ns, _SECOND_NS)
        if set_time(descriptor, _ABSOLUTE, specification, None) != 0:
            raise OSError(ctypes.get_errno(), "the timer cannot be set")

    return by_library
