"""The port through which requests leave and bytes come back stamped: the only place where time is taken.

All times are nanoseconds of `time.perf_counter_ns`, one clock for the whole machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from lens_gate.artifacts.instrument import Stamps
from lens_gate.providers.base import HttpRequest, ResponseHead, TlsChoice
from lens_gate.vocabulary.requests import ErrorClass

KEEPALIVE_S: Final = 4.0
"""How long an idle connection is kept: shorter than the 5 s after which common servers close theirs, so that no request
is sent into a closing connection."""

ANSWER_LIMIT: Final = 64 * 1024 * 1024
"""Bytes that an answer may have: a server that never stops must not fill our memory."""

TOO_LONG: Final = (
    f"the answer is longer than {ANSWER_LIMIT // 1024**2} MiB, or its head than 256 KiB, so it was cut off"
)
TIMED_OUT: Final = "the request did not end within its limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Limits in seconds: to connect, for the whole request, and between two reads (the wait for headers included)."""

    connect_s: float = 10.0
    request_s: float = 120.0
    idle_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The response's status line and headers arrived; `sent_ns` is when the request began to be written.

    `connect_ns` is how long the connection took to open, TLS included; None where it was reused.
    """

    t_ns: int
    sent_ns: int
    head: ResponseHead
    connect_ns: int | None = None


PART_BYTES: Final = 64
"""Memory that a part of an answer takes beside its own bytes: an object and its place in a list."""


class TransportFailure(Exception):
    """The exchange broke below HTTP; `t_ns` is when, `sent_ns` when the request left (None: it never did).

    `connect_ns` is as in Head, and None too where nothing was sent.
    """

    def __init__(
        self,
        error_class: ErrorClass,
        message: str,
        *,
        t_ns: int,
        sent_ns: int | None,
        connect_ns: int | None = None,
    ) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.message = message
        self.t_ns = t_ns
        self.sent_ns = sent_ns
        self.connect_ns = connect_ns


class Received(NamedTuple):
    """What came of an answer: its head, and the parts of its body, each with the time at which it came.

    An empty last part stamps the end of a whole answer.
    """

    head: Head | None = None
    times_ns: Sequence[int] = ()
    parts: Sequence[bytes] = ()


class Exchange(Protocol):
    """One request, and what came back."""

    __slots__ = ()

    def begin(self) -> None:
        """Send the request at once where nothing has to be waited for, as on a connection that stands; never raises.

        Whatever this leaves to be done is done by `carry_out`.
        """
        return  # by default all of it

    async def carry_out(self) -> None:
        """Send the request and wait for the end of its answer; call it once. Raises TransportFailure."""
        ...

    @property
    def status(self) -> int | None:
        """The status of the answer; None where no head has come."""
        head = self.received().head
        return None if head is None else head.head.status

    @property
    def held_bytes(self) -> int:
        """Roughly the memory that holds what came."""
        return sum(PART_BYTES + len(part) for part in self.received().parts)

    def received(self) -> Received:
        """Return what came until now.

        It may be asked long after the end, however that was: bytes that were only stamped are taken apart here.
        """
        ...


class Transport(Protocol):
    """A pool of connections."""

    @property
    def name(self) -> str:
        """Say which one it is, for the artifact."""
        ...

    def exchange(self, request: HttpRequest, timeouts: Timeouts) -> Exchange:
        """Return the exchange of `request`, which has not begun."""
        ...

    def stamps(self) -> Stamps | None:
        """Say how the kernel's stamps went, where they were used."""
        return None

    async def warm(self, url: str, count: int, *, tls: TlsChoice | None = None, limit_s: float = 10.0) -> None:
        """Open connections to where `url` leads before they are needed, where the transport can.

        Requests on them count as reused. Raises TransportFailure where not all could be opened.
        """
        del url, count, tls, limit_s  # by default it cannot

    async def aclose(self) -> None:
        """Close every connection."""
        ...
