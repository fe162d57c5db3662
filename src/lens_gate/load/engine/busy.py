"""How much of a core this process needs for itself: near one, its own queues grow, and nothing it times is true."""

from __future__ import annotations

import time
from typing import Final

SHORTEST_S: Final = 1.0
"""Over a shorter time a first import or two would pass for saturation."""


class BusyMeter:
    """Measures from when it is made."""

    def __init__(self) -> None:
        self._wall_ns = time.perf_counter_ns()
        self._cpu_ns = time.process_time_ns()

    def share(self) -> float | None:
        """Return processor time over wall time, as a share of one core; None where less than a second went by."""
        wall_ns = time.perf_counter_ns() - self._wall_ns
        if wall_ns < SHORTEST_S * 1e9:
            return None
        return (time.process_time_ns() - self._cpu_ns) / wall_ns
