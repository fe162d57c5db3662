"""Servers on loopback for the proofs of the stores, each behind a relay that counts what it answers.

Drivers in C and clients over HTTP read in ways of their own: what passes through one socket is counted alike for all.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from pydantic import SecretStr

from lens_gate.stores.address import Address, S3Address, parse_address
from lens_gate.stores.settings import S3Settings, StoreSettings
from tests.real.databases import mariadb, postgres

SERVERS = ("s3", "postgres", "mariadb")
_READY_WITHIN_S = 60.0
_PIECE_BYTES = 65_536


@dataclass
class Served:
    """A server: `room` makes a place for one more store and returns its address, `received` counts bytes of answers."""

    room: Callable[[str], Address]
    received: Callable[[], int]
    settings: StoreSettings = field(default_factory=StoreSettings)


@contextmanager
def served(kind: str) -> Iterator[Served]:
    """Run moto's S3, PostgreSQL or MariaDB until the end of the block."""
    with _moto() if kind == "s3" else _database(kind) as server:
        yield server


@contextmanager
def _moto() -> Iterator[Served]:
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        with relay(port) as (through, received):
            settings = S3Settings(
                endpoint_url=f"http://127.0.0.1:{through}",
                path_style=True,
                region="us-east-1",
                access_key_id="x",
                secret_access_key=SecretStr("x"),
            )
            _make_bucket(settings)
            yield Served(
                room=lambda name: S3Address("bench", name), received=received, settings=StoreSettings(s3=settings)
            )
    finally:
        process.terminate()
        process.wait(20)


def _make_bucket(settings: S3Settings) -> None:
    from lens_gate.stores.s3 import connect  # noqa: PLC0415 only buckets need it

    connect(settings).create_bucket(Bucket="bench")


@contextmanager
def _database(kind: str) -> Iterator[Served]:
    with (postgres if kind == "postgres" else mariadb)() as server, relay(server.port) as (through, received):

        def room(name: str) -> Address:
            server.admin(f"CREATE DATABASE {name}")
            return parse_address(server.address(name).replace(f":{server.port}/", f":{through}/"))

        yield Served(room=room, received=received)


@contextmanager
def relay(port: int) -> Iterator[tuple[int, Callable[[], int]]]:
    """Pass connections on to a port of loopback; yields the port to ask, and how many bytes were answered so far."""
    counted, ended = [0], threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.2)

    def accept() -> None:
        while not ended.is_set():
            with suppress(TimeoutError):
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                for source, sink, answers in ((client, server, None), (server, client, counted)):
                    source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=_pass_on, args=(source, sink, answers), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield listener.getsockname()[1], lambda: counted[0]
    finally:
        ended.set()
        accepting.join()
        listener.close()


def _pass_on(source: socket.socket, sink: socket.socket, answers: list[int] | None) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE_BYTES):
            if answers is not None:
                answers[0] += len(piece)
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
    if answers is not None:  # the server has ended: nothing comes any more on either side
        source.close()
        sink.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    end = time.monotonic() + _READY_WITHIN_S
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if time.monotonic() > end:
            raise AssertionError("the server did not answer in time")
        time.sleep(0.1)
