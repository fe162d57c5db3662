"""What holds for every transport, on every event loop."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise

import pytest

from lens_gate.load.wire.transport import Head, Timeouts, TransportFailure
from lens_gate.providers.base import HttpRequest, TlsChoice
from lens_gate.vocabulary.requests import ErrorClass
from tests.certificates import Authority
from tests.fakes.raw_server import (
    HEAD,
    Handler,
    RawServer,
    Writer,
    chunk,
    hang,
    raw_server,
    reset,
    sending,
    then_close,
    write,
)
from tests.transports import KEY, KINDS, PATIENT, Came, Chunk, Kind, exchange, post


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


def against(
    kind: Kind,
    handler: Handler,
    timeouts: Timeouts = PATIENT,
    *,
    requests: int = 1,
    tls: ssl.SSLContext | None = None,
) -> tuple[list[list[Came]], RawServer]:
    async def main() -> tuple[list[list[Came]], RawServer]:
        transport = kind.transport(keepalive_s=30)
        async with raw_server(handler, tls=tls) as server:
            try:
                return [await exchange(transport, post(server.base_url), timeouts) for _ in range(requests)], server
            finally:
                await transport.aclose()

    return kind.run(main())


def failing(
    kind: Kind,
    handler: Handler,
    timeouts: Timeouts = PATIENT,
    *,
    tls: ssl.SSLContext | None = None,
) -> TransportFailure:
    with pytest.raises(TransportFailure) as caught:
        against(kind, handler, timeouts, tls=tls)
    return caught.value


def test_head_and_chunks_arrive_in_order_with_times_that_never_go_back(kind: Kind) -> None:
    before_ns = time.perf_counter_ns()
    [got], _ = against(kind, sending(HEAD, chunk(b"one"), chunk(b"two"), chunk(b""), gap_s=0.02))
    head, *chunks = got
    assert isinstance(head, Head)
    assert head.head.status == 200
    assert head.head.headers["content-type"] == "text/event-stream"
    assert [part.data for part in chunks if isinstance(part, Chunk)] == [b"one", b"two", b""]
    times = [before_ns, head.sent_ns, *(part.t_ns for part in got)]
    assert all(earlier <= later for earlier, later in pairwise(times))


def test_chunks_sent_apart_are_stamped_apart_by_as_much(kind: Kind) -> None:
    [got], _ = against(kind, sending(HEAD, *[chunk(b"x")] * 5, chunk(b""), gap_s=0.03))
    gaps_s = sorted((later.t_ns - earlier.t_ns) / 1e9 for earlier, later in pairwise(got))
    # Not each: a read that comes late on a busy machine is nearer to the next.
    assert 0.02 < gaps_s[len(gaps_s) // 2] < 2


def test_chunks_out_of_one_read_carry_the_same_time_although_they_are_yielded_one_by_one(kind: Kind) -> None:
    [got], _ = against(kind, sending(HEAD + b"".join(chunk(b"x%d" % n) for n in range(20)) + chunk(b"")))
    assert len(got) == 22
    assert len({part.t_ns for part in got}) == 1


def test_a_second_request_reuses_the_connection_and_says_so(kind: Kind) -> None:
    results, server = against(kind, sending(HEAD + chunk(b"x") + chunk(b"")), requests=3)
    heads = [got[0] for got in results]
    assert [isinstance(head, Head) and head.connect_ns is None for head in heads] == [False, True, True]
    assert isinstance(heads[0], Head)
    assert heads[0].connect_ns is not None
    assert 0 < heads[0].connect_ns < 1e9
    assert server.connections == 1


def test_no_cap_on_connections_holds_a_request_back(kind: Kind) -> None:
    async def main() -> int:
        transport = kind.transport()
        arrived = 0
        all_there = asyncio.Event()

        async def handler(_: bytes, writer: Writer) -> None:
            nonlocal arrived
            arrived += 1
            if arrived == 120:
                all_there.set()
            await all_there.wait()
            await write(writer, HEAD + chunk(b"x") + chunk(b""))

        async with raw_server(handler) as server:
            await asyncio.gather(*(exchange(transport, post(server.base_url)) for _ in range(120)))
            await transport.aclose()
            return server.connections

    assert kind.run(main()) == 120


def test_compression_is_refused_and_no_cookie_or_header_of_its_own_is_sent(kind: Kind) -> None:
    async def handler(_: bytes, writer: Writer) -> None:
        await write(writer, HEAD.replace(b"\r\n\r\n", b"\r\nset-cookie: a=b\r\n\r\n") + chunk(b"x") + chunk(b""))

    _, server = against(kind, handler, requests=2)
    second = server.requests[1].lower()
    assert b"accept-encoding: identity" in second
    assert b"cookie" not in second
    assert b"user-agent" not in second


def body_of(got: list[Came]) -> bytes:
    return b"".join(part.data for part in got if isinstance(part, Chunk))


def test_answers_that_only_announce_another_are_passed_over(kind: Kind) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    [got], _ = against(kind, sending(interim, HEAD + chunk(b"x") + chunk(b""), gap_s=0.02))
    assert isinstance(got[0], Head)
    assert (got[0].head.status, "link" in got[0].head.headers) == (200, False)
    assert body_of(got) == b"x"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_an_answer_that_has_no_body_ends_with_its_head(kind: Kind, status: bytes) -> None:
    results, server = against(kind, sending(b"HTTP/1.1 %s\r\n\r\n" % status), requests=2)
    assert [body_of(got) for got in results] == [b"", b""]
    assert server.connections == 1


WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab"
LAST = {
    "the server says that it will close it": WHOLE.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"),
    "the server speaks HTTP/1.0": WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0"),
}


@pytest.mark.parametrize("name", LAST)
def test_a_connection_carries_no_other_request_when(kind: Kind, name: str) -> None:
    results, server = against(kind, sending(LAST[name]), requests=2)
    assert [body_of(got) for got in results] == [b"ab", b"ab"]
    assert server.connections == 2


def test_a_connection_that_the_server_closed_while_it_was_idle_is_not_used(kind: Kind) -> None:
    def serve(listener: socket.socket) -> None:
        for _ in range(3):
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(WHOLE)

    async def main(port: int) -> None:
        transport = kind.transport(keepalive_s=30)
        for _ in range(3):
            got = await exchange(transport, post(f"http://127.0.0.1:{port}"))
            assert isinstance(got[0], Head)
            assert got[0].connect_ns is not None
            time.sleep(0.05)  # noqa: ASYNC251 - the loop must have had no time to notice
        await transport.aclose()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        kind.run(main(listener.getsockname()[1]))
        thread.join(10)


def test_an_idle_connection_is_closed_after_its_time(kind: Kind) -> None:
    async def main() -> int:
        transport = kind.transport(keepalive_s=0.05)
        async with raw_server(sending(WHOLE)) as server:
            for _ in range(2):
                await exchange(transport, post(server.base_url))
                await asyncio.sleep(0.1)
            await transport.aclose()
            return server.connections

    assert kind.run(main()) == 2


def test_an_answer_that_never_ends_is_cut_off_at_a_size(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("answer", "on_httpx.transport"):
        monkeypatch.setattr(f"lens_gate.load.wire.{module}.ANSWER_LIMIT", 100_000)
    failure = failing(kind, sending(HEAD, *[chunk(b"x" * 10_000)] * 20))
    assert failure.error_class is ErrorClass.MALFORMED
    assert "the answer is longer than" in failure.message


def test_a_large_request_arrives_whole(kind: Kind) -> None:
    async def main() -> list[Came]:
        transport = kind.transport()
        async with raw_server(sending(WHOLE)) as server:
            request = HttpRequest(method="POST", url=server.base_url, headers={}, body=b"x" * 8_000_000)
            got = await exchange(transport, request)
            await transport.aclose()
            return got

    assert body_of(kind.run(main())) == b"ab"


def test_repeated_headers_are_joined(kind: Kind) -> None:
    headers = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nX-A: 1\r\nx-a: 2\r\n\r\n"
    [[head, *_]], _ = against(kind, sending(headers))
    assert isinstance(head, Head)
    assert head.head.headers["x-a"] == "1, 2"


def test_a_failure_says_how_long_its_own_connection_took_to_open(kind: Kind) -> None:
    async def main() -> list[int | None]:
        answers = 0

        async def handler(_: bytes, writer: Writer) -> None:
            nonlocal answers
            answers += 1
            await (write(writer, WHOLE) if answers == 2 else reset(writer))

        transport, took = kind.transport(keepalive_s=30), list[int | None]()
        async with raw_server(handler) as server:
            for breaks in (True, False, True):
                with pytest.raises(TransportFailure) if breaks else nullcontext() as caught:
                    await exchange(transport, post(server.base_url))
                if caught is not None:
                    assert caught.value.error_class is ErrorClass.RESET
                    took.append(caught.value.connect_ns)
            await transport.aclose()
        return took

    opened, reused = kind.run(main())
    assert opened is not None
    assert 0 < opened < 1e9
    assert reused is None


def test_a_redirect_is_an_answer_like_any_other_and_is_not_followed(kind: Kind) -> None:
    async def main() -> tuple[list[Came], int]:
        async with raw_server(sending(HEAD + chunk(b""))) as other:
            location = b"HTTP/1.1 307 T\r\ncontent-length: 0\r\nlocation: %s\r\n\r\n" % other.base_url.encode()
            async with raw_server(sending(location)) as server:
                transport = kind.transport()
                got = await exchange(transport, post(server.base_url))
                await transport.aclose()
                return got, len(other.requests)

    got, followed = kind.run(main())
    assert isinstance(got[0], Head)
    assert got[0].head.status == 307
    assert followed == 0


def test_a_refused_connection_is_a_connect_failure_that_was_never_sent(kind: Kind) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        async def main() -> None:
            transport = kind.transport()
            try:
                await exchange(transport, post(f"http://127.0.0.1:{port}"))
            finally:
                await transport.aclose()

        with pytest.raises(TransportFailure) as caught:
            kind.run(main())
    assert caught.value.error_class is ErrorClass.CONNECT
    assert caught.value.sent_ns is None


def test_a_host_that_takes_too_long_to_greet_is_a_connect_timeout(kind: Kind) -> None:
    async def main() -> TransportFailure:
        transport = kind.transport()
        async with raw_server(hang) as server:
            with pytest.raises(TransportFailure) as caught:
                await exchange(transport, post(server.base_url.replace("http", "https")), Timeouts(connect_s=0.05))
        await transport.aclose()
        return caught.value

    # The server speaks no TLS: the TCP connection stands, but the greeting never comes.
    failure = kind.run(main())
    assert failure.error_class is ErrorClass.CONNECT_TIMEOUT
    assert failure.sent_ns is None


def test_the_connect_limit_holds_for_resolving_the_name_too(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    async def slowly(*_: object, **__: object) -> list[object]:
        await asyncio.sleep(5)
        return []

    async def main() -> TransportFailure:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", slowly, raising=False)
        transport = kind.transport()
        with pytest.raises(TransportFailure) as caught:
            await exchange(transport, post("http://slow.invalid"), Timeouts(connect_s=0.05))
        await transport.aclose()
        return caught.value

    assert kind.run(main()).error_class is ErrorClass.CONNECT_TIMEOUT


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
def test_a_host_that_can_be_no_name_is_a_connect_failure(kind: Kind, host: str) -> None:
    async def main() -> TransportFailure:
        transport = kind.transport()
        with pytest.raises(TransportFailure) as caught:
            await exchange(transport, post(f"http://{host}"))
        await transport.aclose()
        return caught.value

    assert kind.run(main()).error_class in {ErrorClass.CONNECT, ErrorClass.INVALID_REQUEST}


def test_an_untrusted_certificate_is_a_tls_failure(kind: Kind, server_tls: ssl.SSLContext) -> None:
    failure = failing(kind, sending(HEAD + chunk(b"")), tls=server_tls)
    assert failure.error_class is ErrorClass.TLS
    assert failure.sent_ns is None


def test_tls_is_part_of_the_connection_time(kind: Kind, authority: Authority, server_tls: ssl.SSLContext) -> None:
    async def main() -> list[Came]:
        transport = kind.transport()
        async with raw_server(sending(HEAD + chunk(b"x") + chunk(b"")), tls=server_tls) as server:
            request = post(server.base_url.replace("127.0.0.1", "localhost"))
            got = await exchange(transport, replace(request, tls=TlsChoice(ca_bundle=authority.bundle)))
            await transport.aclose()
            return got

    head, *chunks = kind.run(main())
    assert isinstance(head, Head)
    assert head.connect_ns is not None
    assert [part.data for part in chunks if isinstance(part, Chunk)] == [b"x", b""]


async def reset_at_once(_: bytes, writer: Writer) -> None:
    await reset(writer)


async def reset_mid_body(_: bytes, writer: Writer) -> None:
    await write(writer, HEAD + chunk(b"x"))
    await asyncio.sleep(0.05)
    await reset(writer)


FAULTS = {
    "reset before the head": (reset_at_once, ErrorClass.RESET),
    "closed before the head": (then_close(), ErrorClass.RESET),
    "reset in the body": (reset_mid_body, ErrorClass.RESET),
    "cut inside a chunked body": (then_close(HEAD, chunk(b"x")), ErrorClass.CUT_STREAM),
    "cut inside a chunk": (then_close(HEAD, b"5\r\nab"), ErrorClass.CUT_STREAM),
    "shorter than announced": (then_close(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab"), ErrorClass.CUT_STREAM),
    "broken chunk framing": (then_close(HEAD, b"zz\r\nab\r\n"), ErrorClass.MALFORMED),
    "no HTTP at all": (sending(b"SSH-2.0-OpenSSH_9\r\n\r\n"), ErrorClass.MALFORMED),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_on_the_wire_has_its_own_class(kind: Kind, name: str) -> None:
    handler, expected = FAULTS[name]
    failure = failing(kind, handler)
    assert failure.error_class is expected
    assert failure.sent_ns is not None
    assert failure.t_ns >= failure.sent_ns
    assert failure.message


def test_broken_chunk_framing_is_no_silence_where_the_connection_stays_open(kind: Kind) -> None:
    failure = failing(kind, sending(HEAD, b"zz\r\nab\r\n"), Timeouts(request_s=5, idle_s=0.2))
    assert failure.error_class is ErrorClass.MALFORMED


def test_broken_chunk_framing_is_told_long_before_the_limits(kind: Kind) -> None:
    began_ns = time.perf_counter_ns()
    failure = failing(kind, sending(HEAD, b"zz\r\nab\r\nab"), Timeouts(request_s=60, idle_s=60))
    assert failure.error_class is ErrorClass.MALFORMED
    assert failure.t_ns - began_ns < 20e9


def test_a_silence_in_the_middle_of_a_chunk_is_no_broken_framing(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lens_gate.load.wire.fast.transport._QUIET_S", 0.05)
    two = chunk(b"two")
    [got], _ = against(kind, sending(HEAD, chunk(b"one"), two[:4], two[4:], chunk(b""), gap_s=0.2))
    assert b"".join(part.data for part in got if isinstance(part, Chunk)) == b"onetwo"


def test_a_body_without_any_framing_ends_with_the_connection(kind: Kind) -> None:
    [got], _ = against(kind, then_close(b"HTTP/1.1 200 OK\r\n\r\nab"))
    assert b"".join(part.data for part in got if isinstance(part, Chunk)) == b"ab"


def test_a_stream_that_goes_on_may_last_longer_than_the_limit_between_two_reads(kind: Kind) -> None:
    limits = Timeouts(request_s=20, idle_s=0.6)
    [got], _ = against(kind, sending(HEAD, *[chunk(b"x")] * 8, chunk(b""), gap_s=0.15), limits)
    assert body_of(got) == b"x" * 8


def took_s(failure: TransportFailure) -> float:
    assert failure.sent_ns is not None
    return (failure.t_ns - failure.sent_ns) / 1e9


def test_a_missing_head_is_a_headers_timeout(kind: Kind) -> None:
    failure = failing(kind, hang, Timeouts(request_s=5, idle_s=0.05))
    assert failure.error_class is ErrorClass.HEADERS_TIMEOUT
    assert 0.045 < took_s(failure) < 3


def test_silence_between_chunks_is_an_idle_timeout(kind: Kind) -> None:
    failure = failing(kind, sending(HEAD, chunk(b"x"), gap_s=2), Timeouts(request_s=5, idle_s=0.1))
    assert failure.error_class is ErrorClass.IDLE_TIMEOUT


def test_a_stream_that_keeps_talking_still_ends_at_the_limit_of_the_whole_request(kind: Kind) -> None:
    parts = [chunk(b"x")] * 100
    failure = failing(kind, sending(HEAD, *parts, gap_s=0.02), Timeouts(request_s=0.15, idle_s=5))
    assert failure.error_class is ErrorClass.TIMEOUT
    assert 0.145 < took_s(failure) < 3


def test_the_limit_of_the_whole_request_holds_before_the_head_too(kind: Kind) -> None:
    failure = failing(kind, hang, Timeouts(request_s=0.05, idle_s=5))
    assert failure.error_class is ErrorClass.TIMEOUT


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "127.0.0.1", "http://[::1", "http://127.0.0.1:99999"])
def test_a_url_that_cannot_be_asked_is_an_invalid_request(kind: Kind, url: str) -> None:
    failure = _refused(kind, post(url))
    assert failure.error_class is ErrorClass.INVALID_REQUEST


@pytest.mark.parametrize("key", [f"{KEY}\nx", f"{KEY}\u2019", f"{KEY}\x00"])
def test_a_key_that_is_no_header_value_is_refused_without_being_quoted(kind: Kind, key: str) -> None:
    failure = _refused(kind, post("http://127.0.0.1:9", **{"x-api-key": key}))
    assert failure.error_class is ErrorClass.INVALID_REQUEST
    assert KEY not in f"{failure!r} {failure.message} {failure.__cause__!r}"


def _refused(kind: Kind, request: HttpRequest) -> TransportFailure:
    async def main() -> None:
        transport = kind.transport()
        try:
            await exchange(transport, request)
        finally:
            await transport.aclose()

    # A server must be there, since the engine connects before it writes the headers.
    async def served() -> None:
        async with raw_server(hang) as server:
            nonlocal request
            if request.url == "http://127.0.0.1:9":
                request = HttpRequest(method="POST", url=server.base_url, headers=request.headers, body=b"")
            await main()

    with pytest.raises(TransportFailure) as caught:
        kind.run(served())
    return caught.value


def test_a_cancelled_request_closes_its_connection(kind: Kind) -> None:
    async def main() -> None:
        transport = kind.transport()
        streaming, closed = asyncio.Event(), asyncio.Event()

        async def handler(_: bytes, writer: Writer) -> None:
            await write(writer, HEAD)
            while not writer.transport.is_closing():
                writer.write(chunk(b"y"))
                streaming.set()
                await asyncio.sleep(0.01)
            closed.set()

        async with raw_server(handler) as server:
            task = asyncio.create_task(exchange(transport, post(server.base_url)))
            await streaming.wait()
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(closed.wait(), 5)
        await transport.aclose()

    kind.run(main())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture
def server_tls(authority: Authority) -> ssl.SSLContext:
    return authority.server("localhost")
