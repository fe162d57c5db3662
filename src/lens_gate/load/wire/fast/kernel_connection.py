"""A connection that is read by hand, so that the kernel's stamp comes with every read; TLS is done above the socket."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from typing_extensions import override

from lens_gate.load.wire.fast.connection import Receiver, Wire, readable
from lens_gate.load.wire.fast.kernel_stamps import ANCILLARY_BYTES, SO_TIMESTAMPNS
from lens_gate.load.wire.fast.readiness import Readiness
from lens_gate.load.wire.http1 import Destination

_READ_BYTES: Final = 256 * 1024
"""As much as the event loop's own transports read at once: what was held back must come in few pieces to be known."""

_BUFFERS: Final = (memoryview(bytearray(_READ_BYTES)),)
"""What all connections read into: some allocators would map and unmap a block of that size for each read."""

_NO_STAMP = b""


class KernelConnection(Wire):
    """Does what Connection does, on a connected socket that is its own; `on_lost` is called once, when it has ended."""

    __slots__ = (
        "_loop",
        "_on_lost",
        "_raw",
        "_readable",
        "_readiness",
        "_receive",
        "_tls",
        "_unsent",
        "_writing",
    )

    def __init__(
        self,
        destination: Destination,
        raw: socket.socket,
        readiness: Readiness,
        on_lost: Callable[[Wire], None],
    ) -> None:
        super().__init__(destination)
        self._raw = raw
        self._readable = readable(raw)
        self._receive = raw.recvmsg_into
        self._readiness = readiness
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._unsent = bytearray()
        self._writing = False
        self._tls: _Tls | None = None
        raw.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    async def open(self, context: ssl.SSLContext | None) -> None:
        """Greet the server where the connection is encrypted, and begin to read. Raises OSError."""
        try:
            if context is not None:
                self._tls = _Tls(context, self.destination.server_name)
                await self._tls.greet(self._raw)
            self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            self._raw.close()
            raise
        self._readiness.add(self._raw, self._read)

    @override
    def send(self, data: bytes) -> None:
        if self.lost:
            raise ConnectionResetError("the server closed it")
        self._unsent += data if self._tls is None else self._tls.encrypted(data)
        self._flush()

    @property
    @override
    def usable(self) -> bool:
        return not self.lost and not self._readable()

    @override
    def abort(self) -> None:
        if not self.lost:
            self._close()

    def _flush(self) -> None:
        """Write what the socket takes, and the rest when it takes more."""
        with suppress(BlockingIOError):
            while self._unsent:
                del self._unsent[: self._raw.send(self._unsent)]
        if self._unsent:
            self._loop.add_writer(self._raw, self._go_on)
        elif self._writing:
            self._loop.remove_writer(self._raw)
        self._writing = bool(self._unsent)

    def _go_on(self) -> None:
        try:
            self._flush()
        except OSError as error:
            self._end(error, time.perf_counter_ns())

    def _read(self) -> None:
        try:
            size, ancillary, _, _ = self._receive(_BUFFERS, ANCILLARY_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error, time.perf_counter_ns())
            return
        t_ns = time.perf_counter_ns()
        if not size:
            self._end(None, t_ns)
            return
        data = bytes(_BUFFERS[0][:size])
        # Nothing but the stamp was asked for, and only that is kept.
        stamp = ancillary[0][2] if ancillary else _NO_STAMP
        if self._tls is None:
            self._pass_on(t_ns, data, stamp)
        else:
            self._decrypt(t_ns, data, stamp, self._tls)

    def _decrypt(self, t_ns: int, data: bytes, stamp: bytes, tls: _Tls) -> None:
        try:
            plain, over = tls.decrypted(data)
            self._unsent += tls.waiting()
            self._flush()
        except OSError as error:  # one of TLS, or of the socket
            self._end(error, t_ns)
            return
        if plain:
            self._pass_on(t_ns, plain, stamp)
        if over and not self.lost:
            self._end(None, t_ns)

    def _pass_on(self, t_ns: int, data: bytes, stamp: bytes) -> None:
        answer = self.answer
        if answer is None:
            self.abort()
        elif answer.take_stamped(t_ns, data, stamp):
            cast("Receiver", self.receiver).look(t_ns)

    def _end(self, error: Exception | None, t_ns: int) -> None:
        receiver = self.receiver
        self.carry(None)
        self._close()
        if receiver is not None:
            receiver.lost(t_ns, error)

    def _close(self) -> None:
        self.lost = True
        self._readiness.remove(self._raw)
        self._loop.remove_writer(self._raw)
        self._raw.close()
        self._on_lost(self)


class _Tls:
    """TLS between two buffers in memory."""

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._layer = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)

    async def greet(self, raw: socket.socket) -> None:
        """Shake hands. Raises OSError."""
        while not await self._agreed(raw):
            data = await asyncio.get_running_loop().sock_recv(raw, _READ_BYTES)
            if not data:
                raise ConnectionResetError("the server closed the connection while it was greeted")
            self._incoming.write(data)

    async def _agreed(self, raw: socket.socket) -> bool:
        try:
            self._layer.do_handshake()
        except ssl.SSLWantReadError:
            return False
        else:
            return True
        finally:  # also after a failure: the server is told what was wrong
            await asyncio.get_running_loop().sock_sendall(raw, self.waiting())

    def waiting(self) -> bytes:
        """Return what TLS itself has to send."""
        return self._outgoing.read()

    def encrypted(self, data: bytes) -> bytes:
        """Return what has to be sent for `data`."""
        self._layer.write(data)
        return self.waiting()

    def decrypted(self, data: bytes) -> tuple[bytes, bool]:
        """Return what `data` says, and whether the server has said that it is the last. Raises ssl.SSLError."""
        self._incoming.write(data)
        parts: list[bytes] = []
        try:
            while part := self._layer.read(_READ_BYTES):
                parts.append(part)
        except ssl.SSLWantReadError:
            return b"".join(parts), False
        return b"".join(parts), True
