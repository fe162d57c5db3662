from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest

from lens_gate.load.httpx_transport import HttpxTransport
from lens_gate.load.transport import Chunk, Head, Received, Timeouts, TransportFailure
from lens_gate.providers.base import HttpRequest
from lens_gate.vocabulary.requests import ErrorClass
from tests.fakes.raw_server import HEAD, RawServer, Writer, chunk, raw_server, reset, write

KEY = "sk-very-secret-0123456789"
PATIENT = Timeouts(connect_s=20, request_s=20, idle_s=20)


def post(url: str, **headers: str) -> HttpRequest:
    return HttpRequest(method="POST", url=url, headers={"authorization": f"Bearer {KEY}", **headers}, body=b"{}")


async def exchange(transport: HttpxTransport, request: HttpRequest, timeouts: Timeouts = PATIENT) -> list[Received]:
    one = transport.exchange(request, timeouts)
    await one.carry_out()
    return list(one.received())


def against(
    handler: Callable[[bytes, Writer], Awaitable[None]],
    timeouts: Timeouts = PATIENT,
    *,
    requests: int = 1,
    tls: ssl.SSLContext | None = None,
) -> tuple[list[list[Received]], RawServer]:
    async def main() -> tuple[list[list[Received]], RawServer]:
        transport = HttpxTransport(keepalive_s=30)
        async with raw_server(handler, tls=tls) as server:
            try:
                return [await exchange(transport, post(server.base_url), timeouts) for _ in range(requests)], server
            finally:
                await transport.aclose()

    return asyncio.run(main())


def failing(
    handler: Callable[[bytes, Writer], Awaitable[None]],
    timeouts: Timeouts = PATIENT,
    *,
    tls: ssl.SSLContext | None = None,
) -> TransportFailure:
    with pytest.raises(TransportFailure) as caught:
        against(handler, timeouts, tls=tls)
    return caught.value


def sending(*parts: bytes, gap_s: float = 0.0) -> Callable[[bytes, Writer], Awaitable[None]]:
    async def handler(_: bytes, writer: Writer) -> None:
        for part in parts:
            await write(writer, part)
            await asyncio.sleep(gap_s)

    return handler


def then_close(*parts: bytes) -> Callable[[bytes, Writer], Awaitable[None]]:
    async def handler(_: bytes, writer: Writer) -> None:
        for part in parts:
            await write(writer, part)
        writer.close()

    return handler


async def hang(_: bytes, _writer: Writer) -> None:
    await asyncio.sleep(60)


def test_head_and_chunks_arrive_in_order_with_times_that_never_go_back() -> None:
    before_ns = time.perf_counter_ns()
    [got], _ = against(sending(HEAD, chunk(b"one"), chunk(b"two"), chunk(b""), gap_s=0.02))
    head, *chunks = got
    assert isinstance(head, Head)
    assert head.head.status == 200
    assert head.head.headers["content-type"] == "text/event-stream"
    assert [part.data for part in chunks if isinstance(part, Chunk)] == [b"one", b"two", b""]
    times = [before_ns, head.sent_ns, *(part.t_ns for part in got)]
    assert all(earlier <= later for earlier, later in pairwise(times))


def test_chunks_sent_apart_are_stamped_apart_by_as_much() -> None:
    [got], _ = against(sending(HEAD, chunk(b"one"), chunk(b"two"), chunk(b""), gap_s=0.05))
    times = [part.t_ns for part in got]
    assert all(0.03 < (later - earlier) / 1e9 < 2 for earlier, later in pairwise(times))


def test_chunks_out_of_one_read_carry_the_same_time_although_they_are_yielded_one_by_one() -> None:
    [got], _ = against(sending(HEAD + b"".join(chunk(b"x%d" % n) for n in range(20)) + chunk(b"")))
    assert len(got) == 22
    assert len({part.t_ns for part in got}) == 1


def test_a_second_request_reuses_the_connection_and_says_so() -> None:
    results, server = against(sending(HEAD + chunk(b"x") + chunk(b"")), requests=3)
    heads = [got[0] for got in results]
    assert [isinstance(head, Head) and head.connect_ns is None for head in heads] == [False, True, True]
    assert isinstance(heads[0], Head)
    assert heads[0].connect_ns is not None
    assert 0 < heads[0].connect_ns < 1e9
    assert server.connections == 1


def test_no_cap_on_connections_holds_a_request_back() -> None:
    async def main() -> int:
        transport = HttpxTransport()
        async with raw_server(sending(HEAD, chunk(b"x"), chunk(b""), gap_s=0.3)) as server:
            await asyncio.gather(*(exchange(transport, post(server.base_url)) for _ in range(120)))
            await transport.aclose()
            return server.connections

    assert asyncio.run(main()) == 120


def test_compression_is_refused_and_no_cookie_or_header_of_its_own_is_sent() -> None:
    async def handler(_: bytes, writer: Writer) -> None:
        await write(writer, HEAD.replace(b"\r\n\r\n", b"\r\nset-cookie: a=b\r\n\r\n") + chunk(b"x") + chunk(b""))

    _, server = against(handler, requests=2)
    second = server.requests[1].lower()
    assert b"accept-encoding: identity" in second
    assert b"cookie" not in second
    assert b"user-agent" not in second


def test_repeated_headers_are_joined() -> None:
    headers = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nX-A: 1\r\nx-a: 2\r\n\r\n"
    [[head, *_]], _ = against(sending(headers))
    assert isinstance(head, Head)
    assert head.head.headers["x-a"] == "1, 2"


def test_a_redirect_is_an_answer_like_any_other_and_is_not_followed() -> None:
    async def main() -> tuple[list[Received], int]:
        async with raw_server(sending(HEAD + chunk(b""))) as other:
            location = b"HTTP/1.1 307 T\r\ncontent-length: 0\r\nlocation: %s\r\n\r\n" % other.base_url.encode()
            async with raw_server(sending(location)) as server:
                transport = HttpxTransport()
                got = await exchange(transport, post(server.base_url))
                await transport.aclose()
                return got, len(other.requests)

    got, followed = asyncio.run(main())
    assert isinstance(got[0], Head)
    assert got[0].head.status == 307
    assert followed == 0


def test_a_refused_connection_is_a_connect_failure_that_was_never_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        async def main() -> None:
            transport = HttpxTransport()
            try:
                await exchange(transport, post(f"http://127.0.0.1:{port}"))
            finally:
                await transport.aclose()

        with pytest.raises(TransportFailure) as caught:
            asyncio.run(main())
    assert caught.value.error_class is ErrorClass.CONNECT
    assert caught.value.sent_ns is None


def test_a_host_that_takes_too_long_to_greet_is_a_connect_timeout() -> None:
    async def main() -> TransportFailure:
        transport = HttpxTransport()
        async with raw_server(hang) as server:
            with pytest.raises(TransportFailure) as caught:
                await exchange(transport, post(server.base_url.replace("http", "https")), Timeouts(connect_s=0.2))
        await transport.aclose()
        return caught.value

    # The server speaks no TLS: the TCP connection stands, but the greeting never comes.
    failure = asyncio.run(main())
    assert failure.error_class is ErrorClass.CONNECT_TIMEOUT
    assert failure.sent_ns is None


def test_the_connect_limit_holds_for_resolving_the_name_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slowly(*args: object, **kwargs: object) -> list[object]:
        time.sleep(0.6)
        return []

    async def main() -> TransportFailure:
        monkeypatch.setattr(socket, "getaddrinfo", slowly)
        transport = HttpxTransport()
        with pytest.raises(TransportFailure) as caught:
            await exchange(transport, post("http://slow.invalid"), Timeouts(connect_s=0.1))
        await transport.aclose()
        return caught.value

    assert asyncio.run(main()).error_class is ErrorClass.CONNECT_TIMEOUT


def test_an_untrusted_certificate_is_a_tls_failure(server_tls: ssl.SSLContext) -> None:
    failure = failing(sending(HEAD + chunk(b"")), tls=server_tls)
    assert failure.error_class is ErrorClass.TLS
    assert failure.sent_ns is None


def test_tls_is_part_of_the_connection_time(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    async def main() -> list[Received]:
        transport = HttpxTransport(verify=client_tls)
        async with raw_server(sending(HEAD + chunk(b"x") + chunk(b"")), tls=server_tls) as server:
            got = await exchange(transport, post(server.base_url.replace("127.0.0.1", "localhost")))
            await transport.aclose()
            return got

    head, *chunks = asyncio.run(main())
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
    "broken chunk framing": (sending(HEAD, b"zz\r\nab\r\n"), ErrorClass.MALFORMED),
    "no HTTP at all": (sending(b"SSH-2.0-OpenSSH_9\r\n\r\n"), ErrorClass.MALFORMED),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_on_the_wire_has_its_own_class(name: str) -> None:
    handler, expected = FAULTS[name]
    failure = failing(handler)
    assert failure.error_class is expected
    assert failure.sent_ns is not None
    assert failure.t_ns >= failure.sent_ns
    assert failure.message


def test_a_body_without_any_framing_ends_with_the_connection() -> None:
    [got], _ = against(then_close(b"HTTP/1.1 200 OK\r\n\r\nab"))
    assert b"".join(part.data for part in got if isinstance(part, Chunk)) == b"ab"


def took_s(failure: TransportFailure) -> float:
    assert failure.sent_ns is not None
    return (failure.t_ns - failure.sent_ns) / 1e9


def test_a_missing_head_is_a_headers_timeout() -> None:
    failure = failing(hang, Timeouts(request_s=5, idle_s=0.2))
    assert failure.error_class is ErrorClass.HEADERS_TIMEOUT
    assert 0.19 < took_s(failure) < 3


def test_silence_between_chunks_is_an_idle_timeout() -> None:
    failure = failing(sending(HEAD, chunk(b"x"), gap_s=0.6), Timeouts(request_s=5, idle_s=0.2))
    assert failure.error_class is ErrorClass.IDLE_TIMEOUT


def test_a_stream_that_keeps_talking_still_ends_at_the_limit_of_the_whole_request() -> None:
    parts = [chunk(b"x")] * 100
    failure = failing(sending(HEAD, *parts, gap_s=0.05), Timeouts(request_s=0.4, idle_s=5))
    assert failure.error_class is ErrorClass.TIMEOUT
    assert 0.39 < took_s(failure) < 3


def test_the_limit_of_the_whole_request_holds_before_the_head_too() -> None:
    failure = failing(hang, Timeouts(request_s=0.2, idle_s=5))
    assert failure.error_class is ErrorClass.TIMEOUT


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "127.0.0.1", "http://[::1", "http://127.0.0.1:99999"])
def test_a_url_that_cannot_be_asked_is_an_invalid_request(url: str) -> None:
    failure = _refused(post(url))
    assert failure.error_class is ErrorClass.INVALID_REQUEST


@pytest.mark.parametrize("key", [f"{KEY}\nx", f"{KEY}\u2019", f"{KEY}\x00"])
def test_a_key_that_is_no_header_value_is_refused_without_being_quoted(key: str) -> None:
    failure = _refused(post("http://127.0.0.1:9", **{"x-api-key": key}))
    assert failure.error_class is ErrorClass.INVALID_REQUEST
    assert KEY not in f"{failure!r} {failure.message} {failure.__cause__!r}"


def _refused(request: HttpRequest) -> TransportFailure:
    async def main() -> None:
        transport = HttpxTransport()
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
        asyncio.run(served())
    return caught.value


def test_a_cancelled_request_closes_its_connection() -> None:
    closed: list[bool] = []

    async def handler(_: bytes, writer: Writer) -> None:
        await write(writer, HEAD + chunk(b"x"))
        for _tick in range(200):
            await asyncio.sleep(0.01)
            writer.write(chunk(b"y"))
            if writer.transport.is_closing():
                closed.append(True)
                return

    async def main() -> None:
        transport = HttpxTransport()
        async with raw_server(handler) as server:
            task = asyncio.create_task(exchange(transport, post(server.base_url)))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0.2)
        await transport.aclose()

    asyncio.run(main())
    assert closed


def test_a_proxy_of_the_environment_is_used_only_when_it_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(*, trust_env: bool) -> list[bytes]:
        async with raw_server(sending(HEAD + chunk(b"") * 1)) as proxy:
            monkeypatch.setenv("http_proxy", proxy.base_url)
            monkeypatch.setenv("no_proxy", "localhost")
            transport = HttpxTransport(trust_env=trust_env)
            with pytest.raises(TransportFailure):
                await exchange(transport, post("http://localhost:1/direct"))
            try:
                await exchange(transport, post("http://127.0.0.1:1/v1"))
            except TransportFailure:
                assert not trust_env
            await transport.aclose()
            return proxy.requests

    assert asyncio.run(main(trust_env=False)) == []
    [seen] = asyncio.run(main(trust_env=True))
    assert seen.startswith(b"POST http://127.0.0.1:1/v1 ")


def test_a_proxy_that_refuses_the_tunnel_is_a_connect_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> TransportFailure:
        async with raw_server(sending(b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n")) as proxy:
            monkeypatch.setenv("https_proxy", proxy.base_url)
            transport = HttpxTransport(trust_env=True)
            with pytest.raises(TransportFailure) as caught:
                await exchange(transport, post("https://example.invalid/v1"))
            await transport.aclose()
            return caught.value

    failure = asyncio.run(main())
    assert failure.error_class is ErrorClass.CONNECT
    assert "407" in failure.message


def test_a_tunnel_to_a_host_that_never_greets_is_a_connect_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> TransportFailure:
        async with raw_server(sending(b"HTTP/1.1 200 OK\r\n\r\n")) as proxy:
            monkeypatch.setenv("https_proxy", proxy.base_url)
            transport = HttpxTransport(trust_env=True)
            with pytest.raises(TransportFailure) as caught:
                await exchange(transport, post("https://example.invalid/v1"), Timeouts(connect_s=0.2, request_s=5))
            await transport.aclose()
            return caught.value

    failure = asyncio.run(main())
    assert failure.error_class is ErrorClass.CONNECT_TIMEOUT
    assert failure.sent_ns is None


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tls") / "both.pem"
    done = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(place), "-out", "-"],
        capture_output=True, check=False, timeout=30,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip("openssl is not installed")
    place.write_bytes(place.read_bytes() + done.stdout)
    return place


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def client_tls(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))
