"""Other load generators, as clients of the comparison; `install_peers` makes their environments."""

from __future__ import annotations

from benchmarks.load.clients import AiohttpClient, Client
from benchmarks.load.install_peers import python_of


def installed_peers() -> list[Client]:
    """Return those whose environment is there."""
    found: list[Client] = []
    if (python := python_of("aiohttp")).exists():
        found.append(AiohttpClient(python))
    return found
