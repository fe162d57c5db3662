"""How many files and sockets this process may have open: each request in flight takes one."""

from __future__ import annotations

import sys
from typing import Final

ENOUGH: Final = 65_536
"""More is not asked for: some systems allow endlessly many, and refuse any number near that."""


def raised_limit() -> int:
    """Let this process have as many open as it may ask the system for, and return how many that is."""
    if sys.platform == "win32":
        return ENOUGH  # sockets are no files there, and have no such limit
    import resource  # noqa: PLC0415 - there is none on Windows

    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _at_most_enough(most, resource.RLIM_INFINITY)
    if _at_most_enough(allowed, resource.RLIM_INFINITY) >= wanted:
        return wanted
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    except (OSError, ValueError):  # the kernel has a limit of its own
        return allowed
    return wanted


def _at_most_enough(limit: int, infinity: int) -> int:
    return ENOUGH if limit == infinity else min(limit, ENOUGH)
