"""One answer as it arrives: its bytes taken out of HTTP/1.1's framing, each part with the stamp of its read.

The reads of a chunked body are only kept, and taken apart when one of them may be the last: a stream's time is no time
for parsing, nor for working out a stamp. It knows no clock and no socket.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

from lens_gate.load.wire.transport import ANSWER_LIMIT, PART_BYTES, TOO_LONG, Head, Received
from lens_gate.providers.base import ResponseHead
from lens_gate.vocabulary.requests import ErrorClass

HEAD_LIMIT: Final = 256 * 1024
"""Bytes that a head may have; servers' own limits are at most a quarter of it."""

_SWITCHING: Final = 101

_LAST: Final = (b"\r\n\r\n", b"\n\n")
"""How the last read of a chunked body ends, with the line ends that the parser allows; few others do."""

_SHORT: Final = 3
"""Bytes of a read that may be the rest of such an end."""

_MOST_KEPT: Final = 256
"""Reads after which a body is taken apart though it goes on: then it cannot fill the memory, with 256 KiB to a read."""

Arrivals = Callable[[Sequence[int], Sequence[bytes], int], Sequence[int]]
"""Tells when what was read had arrived: of the times of reads, the stamps that came with them as they came (none, or
one each), and the arrival before the first of them, or the send."""


def as_read(times_ns: Sequence[int], _stamps: Sequence[bytes], _earliest_ns: int) -> Sequence[int]:
    """Take for the arrivals the times at which they were read."""
    return times_ns


class BrokenAnswer(Exception):
    """What arrived cannot become an answer, and why."""

    def __init__(self, error_class: ErrorClass, message: str) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.message = message


class Answer:
    """Takes what is read. `whole` tells the end; then `reusable` tells if the connection may carry another request.

    Both are known once it has caught up. `arrivals` tells from stamps when reads arrived. The methods `on_…` are called
    by the parser. What a read touches is little and lies together: with many streams at once, each is out of the
    processor's cache by its next read.
    """

    __slots__ = (
        "_arrivals",
        "_arrived_ns",
        "_chunked",
        "_feed",
        "_headers",
        "_keeps",
        "_last_read_ns",
        "_parts",
        "_read_at_ns",
        "_reads",
        "_size",
        "_stamps",
        "_status",
        "_status_code",
        "_times",
        "head_ns",
        "on_body",
        "reusable",
        "whole",
    )

    def __init__(self, arrivals: Arrivals = as_read) -> None:
        self._chunked = False
        self._read_at_ns: array[int] = array("q")
        self._reads: list[bytes] = []
        self._stamps: list[bytes] = []
        self.whole = False
        self.reusable = False
        self.head_ns: int | None = None
        self._arrivals = arrivals
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._times: array[int] = array("q")
        self._parts: list[bytes] = []
        self._arrived_ns = self._last_read_ns = 0
        self._size = 0
        self.on_body = self._parts.append
        parser = HttpResponseParser(self)
        # A client is no gateway that could be made to see other messages than its server: be as lenient as httpx.
        parser.set_dangerous_leniencies(lenient_chunked_length=True, lenient_optional_cr_before_lf=True)
        self._feed: Callable[[bytes], None] = parser.feed_data
        self._status_code: Callable[[], int] = parser.get_status_code
        self._keeps: Callable[[], bool] = parser.should_keep_alive

    def expect(self, sent_ns: int) -> None:
        """Take note of when the request left: nothing can have come before."""
        self._last_read_ns = self._arrived_ns = sent_ns

    def take(self, t_ns: int, data: bytes) -> bool:
        """Keep one read, and say whether it is time to `catch_up`."""
        self._read_at_ns.append(t_ns)
        self._reads.append(data)
        goes_on = self._chunked and len(data) > _SHORT and not data.endswith(_LAST)
        return not goes_on or len(self._reads) >= _MOST_KEPT

    def take_stamped(self, t_ns: int, data: bytes, stamp: bytes) -> bool:
        """Keep one read with the stamp that came with it, empty where there was none; an answer has only such reads."""
        self._stamps.append(stamp)
        return self.take(t_ns, data)

    def catch_up(self) -> bool:
        """Take apart what was kept, and say whether the answer is whole. Raises BrokenAnswer."""
        if self._reads:
            self._take_apart()
        return self.whole

    def _take_apart(self) -> None:
        self._last_read_ns = self._read_at_ns[-1]
        self._size += sum(map(len, self._reads))
        try:
            self._parse()
        except (HttpParserError, HttpParserUpgrade) as error:
            # What follows a whole answer is not ours; the connection is of no more use.
            if not self.whole:
                raise self._malformed(error) from None
            self.reusable = False
        finally:
            self._read_at_ns, self._reads, self._stamps = array("q"), [], []
        if self._size > (HEAD_LIMIT if self.head_ns is None else ANSWER_LIMIT):
            raise BrokenAnswer(ErrorClass.MALFORMED, TOO_LONG)
        if self.whole:
            self.let_go()

    def _parse(self) -> None:
        feed, times, parts = self._feed, self._times, self._parts
        for t_ns, data in zip(
            self._arrivals(self._read_at_ns, self._stamps, self._arrived_ns), self._reads, strict=True
        ):
            self._arrived_ns = t_ns
            try:
                feed(data)
            finally:
                while len(times) < len(parts):
                    times.append(t_ns)

    def take_end(self, t_ns: int) -> None:
        """Take the end of the connection, which ends a body that was not framed. Raises BrokenAnswer."""
        framed = self._framed()
        self.let_go()
        if self.head_ns is None:
            raise BrokenAnswer(ErrorClass.RESET, "the server closed the connection before it answered")
        if framed:
            raise BrokenAnswer(ErrorClass.CUT_STREAM, "the server closed the connection inside the answer")
        self._end()
        self._times.append(t_ns)

    @property
    def status(self) -> int | None:
        """The status; None where no head has come."""
        return None if self.head_ns is None else self._status

    @property
    def read_ns(self) -> int:
        """The time of the last read; before there was one, of the send."""
        return self._read_at_ns[-1] if self._read_at_ns else self._last_read_ns

    @property
    def held_bytes(self) -> int:
        """Roughly the memory that holds what came."""
        return self._size + sum(map(len, self._reads)) + PART_BYTES * (len(self._parts) + len(self._reads))

    def received(self, sent_ns: int, connect_ns: int | None) -> Received:
        """Return what was taken apart until now."""
        if self.head_ns is None:
            return Received()
        head = ResponseHead(status=self._status, headers=joined(self._headers))
        stamped = Head(t_ns=self.head_ns, sent_ns=sent_ns, head=head, connect_ns=connect_ns)
        return Received(stamped, self._times, self._parts)

    def on_message_begin(self) -> None:
        """Refuse a second answer: nobody asked for it."""
        if self.whole:
            raise ValueError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; what comes after the head is a trailer, which tells nothing that is measured."""
        if self.head_ns is None:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Take the head; one of 1xx only announces it."""
        status = self._status_code()
        if status >= 200 or status == _SWITCHING:
            self._status = status
            self.head_ns = self._arrived_ns
            self._chunked = any(b"chunked" in value.lower() for name, value in self._headers if _frames(name))
        else:
            self._headers.clear()

    def on_message_complete(self) -> None:
        """End the answer, unless it was an interim one."""
        if self.head_ns is not None:
            self.reusable = self._keeps()
            self._end()

    def _end(self) -> None:
        self.whole = True
        self._parts.append(b"")

    def let_go(self) -> None:
        """Part with the parser, whose references to us would otherwise wait for the garbage collector."""
        self._feed, self._status_code, self._keeps = _nothing, int, bool

    def _malformed(self, error: HttpParserError | HttpParserUpgrade) -> BrokenAnswer:
        self.let_go()
        why = "" if isinstance(error, HttpParserCallbackError) else f": {error}"
        return BrokenAnswer(ErrorClass.MALFORMED, f"the answer is not valid HTTP/1.1{why}")

    def _framed(self) -> bool:
        """Whether the head announced how the body ends."""
        return self._chunked or "content-length" in joined(self._headers)


def _frames(name: bytes) -> bool:
    return name.lower() == b"transfer-encoding"


def joined(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by their names in lower case, several values of one name as one."""
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _nothing(_: bytes) -> None:
    """Take what comes after the end."""
