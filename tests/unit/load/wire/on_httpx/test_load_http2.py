"""The transport on httpx by HTTP/2, against a real server of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from statistics import median

import pytest
from h2.settings import SettingCodes

from lens_gate.load.wire.on_httpx.transport import MOST_STREAMS, HttpxTransport
from lens_gate.load.wire.proxies import Proxies
from lens_gate.load.wire.tls import Contexts
from lens_gate.load.wire.transport import Head, Timeouts, Transport, TransportFailure
from lens_gate.providers.base import HttpRequest, TlsChoice
from lens_gate.vocabulary.requests import ErrorClass
from tests.certificates import Authority
from tests.fakes.http2_server import Handler, Http2Server, Stream, http2_server
from tests.fakes.raw_server import HEAD, chunk, raw_server, sending
from tests.fakes.socks_server import socks_server
from tests.transports import KEY, KINDS, PATIENT, Came, Chunk, Kind, exchange


@pytest.fixture(params=["httpx on uvloop", "httpx on asyncio"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("tls") / "ours")


def ask(url: str, ours: Authority, *, body: bytes = b"{}", **headers: str) -> HttpRequest:
    return HttpRequest(
        method="POST",
        url=url,
        headers={"authorization": f"Bearer {KEY}", **headers},
        body=body,
        tls=TlsChoice(ca_bundle=ours.bundle),
        http2=True,
    )


def against(
    kind: Kind,
    ours: Authority,
    handler: Handler,
    *paths: str,
    timeouts: Timeouts = PATIENT,
    settings: Mapping[int, int] | None = None,
) -> tuple[list[list[Came] | TransportFailure], Http2Server]:
    """Ask for the first path, and when that was answered for the others at the same time."""

    async def one(transport: Transport, url: str) -> list[Came] | TransportFailure:
        try:
            return await exchange(transport, ask(url, ours), timeouts)
        except TransportFailure as failure:
            return failure

    async def main() -> tuple[list[list[Came] | TransportFailure], Http2Server]:
        async with (
            http2_server(handler, ours.server("localhost"), settings=settings) as server,
            HttpxTransport(contexts=Contexts({}), keepalive_s=30, http2=True) as transport,
        ):
            first, *others = (server.base_url + path for path in paths)
            got = [await one(transport, first)]
            got += await asyncio.gather(*(one(transport, url) for url in others))
        return got, server

    return kind.run(main())


def failing(kind: Kind, ours: Authority, handler: Handler, *, timeouts: Timeouts = PATIENT) -> TransportFailure:
    [got], _ = against(kind, ours, handler, "/", timeouts=timeouts)
    assert isinstance(got, TransportFailure), got
    return got


def bodies(got: list[Came] | TransportFailure) -> list[bytes]:
    assert not isinstance(got, TransportFailure), got.message
    return [one.data for one in got if isinstance(one, Chunk)]


async def briefly(stream: Stream) -> None:
    await stream.whole.wait()
    await stream.head()
    await stream.data(stream.path.encode(), end=True)


def test_requests_share_one_connection_which_only_the_first_opens(kind: Kind, ours: Authority) -> None:
    got, server = against(kind, ours, briefly, "/a", *["/b"] * 20)
    assert [bodies(one) for one in got] == [[b"/a", b""], *[[b"/b", b""]] * 20]
    heads = [one[0] for one in got if not isinstance(one, TransportFailure)]
    opened = [head.connect_ns for head in heads if isinstance(head, Head)]
    assert (opened[0] or 0) > 0
    assert opened[1:] == [None] * 20
    assert server.connections == 1
    first = server.requests[0]
    assert (bytes(first.body), first.headers["authorization"]) == (b"{}", f"Bearer {KEY}")
    assert first.headers["accept-encoding"] == "identity"


def test_more_requests_than_a_connection_takes_get_another_and_none_waits(kind: Kind, ours: Authority) -> None:
    together = asyncio.Event()
    arrived = 0

    async def handler(stream: Stream) -> None:
        nonlocal arrived
        if stream.path == "/together":
            arrived += 1
            if arrived == MOST_STREAMS + 20:
                together.set()
            await together.wait()
        await briefly(stream)

    got, server = against(kind, ours, handler, "/", *["/together"] * (MOST_STREAMS + 20))
    assert all(bodies(one)[-1] == b"" for one in got)
    assert server.connections == 2


class ByTurns:
    """Answers two requests by turns before it lets their bodies come, so that nobody takes the parts until the end."""

    def __init__(self) -> None:
        self.waiting: list[Stream] = []
        self.written: dict[str, list[int]] = {"/one": [], "/two": []}

    async def __call__(self, stream: Stream) -> None:
        if stream.path == "/":
            await stream.allow()
            await briefly(stream)
            return
        self.waiting.append(stream)
        if len(self.waiting) == 2:
            await self._each(Stream.head)
            for _ in range(3):
                await self._each(lambda one: one.data(b"x"))
            for one in self.waiting:
                await one.allow()
            await asyncio.gather(*(one.whole.wait() for one in self.waiting))
            await self._each(lambda one: one.data(b"", end=True))

    async def _each(self, write: Callable[[Stream], Awaitable[int]]) -> None:
        for one in self.waiting:
            self.written[one.path].append(await write(one))
            await asyncio.sleep(0.05)


def test_each_part_carries_the_time_of_its_own_read_not_of_the_connections_last(kind: Kind, ours: Authority) -> None:
    server = ByTurns()
    got, state = against(kind, ours, server, "/", "/one", "/two", settings={SettingCodes.INITIAL_WINDOW_SIZE: 0})
    assert state.connections == 1
    stamped: dict[int, int] = {}
    for path, one in zip(("/one", "/two"), got[1:], strict=True):
        assert bodies(one) == [b"x", b"x", b"x", b"", b""]
        assert not isinstance(one, TransportFailure)
        times = [part.t_ns for part in one]
        assert times[-1] == times[-2]
        stamped |= dict(zip(server.written[path], times[:-1], strict=True))
    late_s = [(read - wrote) / 1e9 for wrote, read in stamped.items()]
    assert min(late_s) >= 0
    assert median(late_s) < 0.1  # by the last read of the connection it would be 0.19
    in_order = [stamped[wrote] for wrote in sorted(stamped)]
    assert in_order == sorted(in_order)
    assert len(set(in_order)) > len(in_order) / 2


def test_many_frames_of_two_answers_by_turns_are_whole_and_in_order(kind: Kind, ours: Authority) -> None:
    async def handler(stream: Stream) -> None:
        await stream.head()
        for n in range(300):
            await stream.data(b"%s%d " % (stream.path.encode(), n))
            if n % 50 == 0:
                await asyncio.sleep(0.002)
        await stream.data(b"", end=True)

    got, _ = against(kind, ours, handler, "/a", "/b", "/c")
    for path, one in zip(("/a", "/b", "/c"), got, strict=True):
        assert b"".join(bodies(one)).decode() == "".join(f"{path}{n} " for n in range(300))
        assert not isinstance(one, TransportFailure)
        assert all(earlier.t_ns <= later.t_ns for earlier, later in pairwise(one))


async def never(stream: Stream) -> None:
    del stream


async def head_only(stream: Stream) -> None:
    await stream.head()


async def resetting(stream: Stream) -> None:
    await stream.head()
    await stream.data(b"x")
    await stream.reset()


async def leaving(stream: Stream) -> None:
    stream.connection.h2.close_connection(last_stream_id=0)
    await stream.connection.flush()


async def cutting(stream: Stream) -> None:
    await stream.head()
    await stream.data(b"x")
    await asyncio.sleep(0.05)
    stream.connection.writer.close()


async def babbling(stream: Stream) -> None:
    await stream.head()
    stream.connection.writer.write(bytes([0, 0, 1, 0, 0, 0, 0, 0, 0, 0]))  # data of no stream
    await stream.connection.writer.drain()


QUICK = Timeouts(connect_s=5, request_s=5, idle_s=0.6)


@pytest.mark.parametrize(
    ("handler", "timeouts", "expected", "said"),
    [
        (never, QUICK, ErrorClass.HEADERS_TIMEOUT, "nothing came"),
        (head_only, QUICK, ErrorClass.IDLE_TIMEOUT, "nothing came"),
        (head_only, replace(QUICK, request_s=0.6, idle_s=5), ErrorClass.TIMEOUT, "did not end"),
        (resetting, PATIENT, ErrorClass.RESET, "INTERNAL_ERROR"),
        (leaving, PATIENT, ErrorClass.RESET, "NO_ERROR"),
        (cutting, PATIENT, ErrorClass.CUT_STREAM, "disconnected"),
        (babbling, PATIENT, ErrorClass.MALFORMED, "rules of HTTP/2"),
    ],
)
def test_each_fault_has_its_class(
    kind: Kind, ours: Authority, handler: Handler, timeouts: Timeouts, expected: ErrorClass, said: str
) -> None:
    failure = failing(kind, ours, handler, timeouts=timeouts)
    assert failure.error_class is expected, failure.message
    assert said in failure.message
    assert failure.sent_ns is not None


def test_the_silence_of_one_answer_ends_neither_the_others_nor_later_ones(kind: Kind, ours: Authority) -> None:
    async def handler(stream: Stream) -> None:
        if stream.path == "/silent":
            await stream.head()
            return
        await stream.head()
        for _ in range(8):
            await stream.data(b"x")
            await asyncio.sleep(0.1)
        await stream.data(b"", end=True)

    got, server = against(
        kind, ours, handler, "/", "/silent", "/steady", timeouts=Timeouts(connect_s=5, request_s=9, idle_s=0.6)
    )
    silent = got[1]
    assert isinstance(silent, TransportFailure)
    assert silent.error_class is ErrorClass.IDLE_TIMEOUT
    assert bodies(got[0])[:8] == bodies(got[2])[:8] == [b"x"] * 8
    assert server.connections == 1


def test_a_header_that_http2_forbids_is_refused_and_not_quoted(kind: Kind, ours: Authority) -> None:
    async def main() -> TransportFailure:
        async with http2_server(briefly, ours.server("localhost")) as server, HttpxTransport() as transport:
            with pytest.raises(TransportFailure) as caught:
                await exchange(transport, ask(server.base_url, ours, te=KEY))
            return caught.value

    failure = kind.run(main())
    assert failure.error_class is ErrorClass.INVALID_REQUEST
    assert KEY not in failure.message


def test_a_server_that_does_not_speak_it_is_never_asked_by_http1_instead(kind: Kind, ours: Authority) -> None:
    async def main() -> tuple[TransportFailure, list[bytes]]:
        async with raw_server(sending(HEAD + chunk(b"")), tls=ours.server("localhost")) as server:
            url = server.base_url.replace("127.0.0.1", "localhost")
            async with HttpxTransport() as transport:
                with pytest.raises(TransportFailure) as caught:
                    await exchange(transport, ask(url, ours))
                plain = replace(ask(url, ours), http2=False)
                assert bodies(await exchange(transport, plain)) == [b""]
            return caught.value, server.requests

    failure, requests = kind.run(main())
    assert (failure.error_class, failure.sent_ns) == (ErrorClass.TLS, None)
    assert "does not speak HTTP/2" in failure.message
    assert len(requests) == 1


def test_it_goes_through_a_socks_proxy_as_well(kind: Kind, ours: Authority) -> None:
    async def main() -> list[Came]:
        async with http2_server(briefly, ours.server("far.invalid")) as server, socks_server() as proxy:
            proxies = Proxies({"all": f"socks5://{proxy.address}"})
            async with HttpxTransport(contexts=Contexts({}), proxies=proxies) as transport:
                return await exchange(transport, ask(server.base_url.replace("localhost", "far.invalid"), ours))

    before_ns = time.perf_counter_ns()
    got = kind.run(main())
    assert bodies(got) == [b"/", b""]
    assert before_ns < got[0].t_ns < time.perf_counter_ns()
