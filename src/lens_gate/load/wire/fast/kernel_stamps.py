"""When the Linux kernel took a segment from the network, told on the transport's clock.

The kernel stamps by the wall clock (SO_TIMESTAMPNS). What lies between that and `time.perf_counter_ns` is measured at
the start; both are slewed alike, so that only a step of the wall clock changes it. A stamp that cannot be true (later
than the read that brought it, earlier than what came before, or none at all) is refused, and the read's own is used.
"""

from __future__ import annotations

import platform
import socket
import struct
import sys
import time
from array import array
from collections.abc import Sequence
from typing import Final

from lens_gate.artifacts.instrument import Stamps

SO_TIMESTAMPNS: Final = 35
"""The option, and the type of the message that carries a stamp, on every machine named below."""

ANCILLARY_BYTES: Final = 32
"""Room for one `struct timespec` of two 64-bit numbers with its header."""

_MACHINES: Final = frozenset({"x86_64", "aarch64", "riscv64", "ppc64le", "s390x"})
_TIMESPEC: Final = struct.Struct("@qq")
_TRIES: Final = 50


def supported() -> bool:
    """Say whether this system stamps what it receives, and by a clock that can be told on the transport's."""
    monotonic = time.get_clock_info("perf_counter").implementation == "clock_gettime(CLOCK_MONOTONIC)"
    if sys.platform != "linux" or platform.machine() not in _MACHINES or not monotonic:
        return False
    with socket.socket() as one:
        try:
            one.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        except OSError:
            return False
    return True


class KernelStamps:
    """The stamps of one run: how they are told on the transport's clock, and how many could be used."""

    def __init__(self) -> None:
        self._offset_ns, self._uncertainty_ns = _offset()
        self._used = self._refused = 0

    def arrivals(self, times_ns: Sequence[int], stamps: Sequence[bytes], earliest_ns: int) -> Sequence[int]:
        """Tell when what each read brought had arrived; `earliest_ns` is the arrival before the first, or the send."""
        told = array("q")
        for read_ns, stamp in zip(times_ns, stamps, strict=True):
            earliest_ns = self._told(stamp, earliest_ns, read_ns)
            told.append(earliest_ns)
        return told

    def _told(self, stamp: bytes, earliest_ns: int, read_ns: int) -> int:
        """Return when what a read brought had arrived: by its stamp, or else when it was read."""
        if len(stamp) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(stamp)
            t_ns: int = seconds * 1_000_000_000 + nanoseconds - self._offset_ns
            if earliest_ns <= t_ns <= read_ns:
                self._used += 1
                return t_ns
        self._refused += 1
        return read_ns

    def report(self) -> Stamps:
        """Say how it went until now; the clocks are compared once more."""
        offset_ns, uncertainty_ns = _offset()
        return Stamps(
            used=self._used,
            refused=self._refused,
            clock_step_us=(offset_ns - self._offset_ns) / 1000,
            uncertainty_us=(uncertainty_ns + self._uncertainty_ns) / 1000,
        )


def _offset() -> tuple[int, int]:
    """Return the wall clock minus the transport's, from the quickest of several readings, and how wrong that may be."""
    readings = []
    for _ in range(_TRIES):
        before_ns, wall_ns, after_ns = time.perf_counter_ns(), time.time_ns(), time.perf_counter_ns()
        readings.append((after_ns - before_ns, wall_ns - (before_ns + after_ns) // 2))
    took_ns, offset_ns = min(readings)
    return offset_ns, (took_ns + 1) // 2
