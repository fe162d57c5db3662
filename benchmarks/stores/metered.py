"""What reading costs: seconds, requests by HTTP, and bytes from files, from sockets, or into a repository of git."""

from __future__ import annotations

import http.client
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Cost:
    """The cost of one reading."""

    seconds: float
    bytes: int
    requests: int


def metered(act: Callable[[], object]) -> Cost:
    """Run it and return its cost; what lies in this machine's cache of files is read as well."""
    with tempfile.TemporaryDirectory() as name, _received() as received, _asked() as asked:
        default, tempfile.tempdir = tempfile.tempdir, name
        try:
            before, began = _from_files(), time.monotonic()
            held = act()  # a store that it opened lives until its folder was weighed
            seconds, files = time.monotonic() - began, _from_files() - before
            fetched = sum(path.stat().st_size for path in Path(name).rglob("*") if path.is_file())
        finally:
            tempfile.tempdir = default
    del held
    # What git has fetched is what was read; it hands it on through pipes, which would count again.
    return Cost(seconds, fetched or files + received[0], asked[0])


def _from_files() -> int:
    """Count what this process has read by `read` and its kin, pages of SQLite among it."""
    return int(Path("/proc/self/io").read_text(encoding="ascii").split()[1])


@contextmanager
def _received() -> Iterator[list[int]]:
    """Count what Python's sockets receive; a driver in C with sockets of its own (psycopg) is not counted."""
    count = [0]
    recv, recv_into = socket.socket.recv, socket.socket.recv_into

    def counted(one: socket.socket, *arguments: Any) -> bytes:
        data = recv(one, *arguments)
        count[0] += len(data)
        return data

    def counted_into(one: socket.socket, *arguments: Any) -> int:
        size = recv_into(one, *arguments)
        count[0] += size
        return size

    socket.socket.recv, socket.socket.recv_into = counted, counted_into  # type: ignore[method-assign]
    try:
        yield count
    finally:
        socket.socket.recv, socket.socket.recv_into = recv, recv_into  # type: ignore[method-assign]


@contextmanager
def _asked() -> Iterator[list[int]]:
    """Count the requests by HTTP, those that are sent again among them."""
    count = [0]
    putrequest = http.client.HTTPConnection.putrequest

    def counted(one: http.client.HTTPConnection, *arguments: Any, **options: Any) -> None:
        putrequest(one, *arguments, **options)
        count[0] += 1

    http.client.HTTPConnection.putrequest = counted  # type: ignore[method-assign]
    try:
        yield count
    finally:
        http.client.HTTPConnection.putrequest = putrequest  # type: ignore[method-assign]
