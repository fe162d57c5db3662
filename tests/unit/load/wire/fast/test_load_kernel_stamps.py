"""The kernel's stamps of what was received."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time

import pytest

from lens_gate.load.wire.fast.kernel_stamps import KernelStamps, supported
from lens_gate.load.wire.fast.transport import FastTransport
from tests.transports import Chunk, exchange, post

pytestmark = [
    pytest.mark.measuring,
    pytest.mark.skipif(not supported(), reason="the kernel stamps nothing here"),
]
MS = 1_000_000
SECOND = 1_000_000_000


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A transport's clock that stands still, and a wall clock that is exactly a hundred seconds ahead."""
    told = {"wall": 107 * SECOND, "ours": 7 * SECOND}
    monkeypatch.setattr("lens_gate.load.wire.fast.kernel_stamps.time.time_ns", lambda: told["wall"])
    monkeypatch.setattr("lens_gate.load.wire.fast.kernel_stamps.time.perf_counter_ns", lambda: told["ours"])
    return told


def stamp(t_ns: int) -> bytes:
    return struct.pack("@qq", *divmod(t_ns + 100 * SECOND, SECOND))


def told(stamps: KernelStamps, *reads: tuple[int, bytes], earliest_ns: int = 8 * SECOND) -> list[int]:
    """Return what is told of reads, each a time and a stamp."""
    return list(stamps.arrivals([t_ns for t_ns, _ in reads], [one for _, one in reads], earliest_ns))


@pytest.mark.usefixtures("clocks")
def test_a_stamp_is_told_on_the_transports_clock() -> None:
    stamps = KernelStamps()
    assert told(stamps, (9 * SECOND, stamp(8 * SECOND + 5))) == [8 * SECOND + 5]
    assert (stamps.report().used, stamps.report().refused) == (1, 0)


@pytest.mark.usefixtures("clocks")
def test_a_stamp_that_cannot_be_true_is_replaced_by_that_of_the_read() -> None:
    stamps = KernelStamps()
    impossible = [stamp(8 * SECOND - 1), stamp(9 * SECOND + 1), b"", b"short"]
    assert [told(stamps, (9 * SECOND, one)) for one in impossible] == [[9 * SECOND]] * 4
    assert (stamps.report().used, stamps.report().refused) == (0, 4)


@pytest.mark.usefixtures("clocks")
def test_no_stamp_is_earlier_than_the_one_before_it() -> None:
    stamps = KernelStamps()
    first, late = 9 * SECOND - 2, 9 * SECOND
    assert told(stamps, (late, stamp(first)), (late + 1, stamp(first - 1)), (late + 2, stamp(late + 1))) == [
        first,
        late + 1,
        late + 1,
    ]


def test_a_wall_clock_that_was_set_is_told(clocks: dict[str, int]) -> None:
    stamps = KernelStamps()
    assert stamps.report().clock_step_us == 0
    clocks["wall"] -= 3 * MS
    assert stamps.report().clock_step_us == -3000


def test_the_clocks_of_this_machine_are_told_apart_to_some_microseconds() -> None:
    report = KernelStamps().report()
    assert abs(report.clock_step_us) <= report.uncertainty_us + 5
    assert report.uncertainty_us < 200


def _served(listener: socket.socket, wrote_ns: list[int]) -> None:
    """Answer one request; the body is written 30 ms after the head."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
        time.sleep(0.03)
        wrote_ns.append(time.perf_counter_ns())
        connection.sendall(b"ab")
        connection.recv(4096)


@pytest.mark.parametrize("kernel", [True, False])
def test_what_arrives_while_we_are_busy_is_stamped_when_it_arrived_by_the_kernel_only(kernel: bool) -> None:
    wrote_ns: list[int] = []

    async def main(port: int) -> int:
        transport = FastTransport(kernel_stamps=kernel)
        asked = asyncio.create_task(exchange(transport, post(f"http://127.0.0.1:{port}")))
        await asyncio.sleep(0.015)
        time.sleep(0.3)  # noqa: ASYNC251 - nobody reads meanwhile
        got = await asked
        await transport.aclose()
        assert isinstance(got[-1], Chunk)
        return got[1].t_ns

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_served, args=(listener, wrote_ns))
        thread.start()
        stamped_ns = asyncio.run(main(listener.getsockname()[1]))
        thread.join(10)
    late_ns = stamped_ns - wrote_ns[0]
    assert late_ns > -MS
    assert (late_ns < 100 * MS) == kernel
