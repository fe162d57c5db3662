"""SOCKS proxies: real ones on loopback, before real servers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lens_gate.load.wire.on_httpx.transport import HttpxTransport
from lens_gate.load.wire.proxies import Proxies
from lens_gate.load.wire.tls import Contexts
from lens_gate.load.wire.transport import Head, Timeouts, TransportFailure
from lens_gate.providers.base import HttpRequest, TlsChoice
from lens_gate.vocabulary.requests import ErrorClass
from tests.certificates import Authority
from tests.fakes.raw_server import HEAD, RawServer, Writer, chunk, raw_server, sending
from tests.fakes.socks_server import Manners, SocksServer, socks_server
from tests.transports import KEY, KINDS, Came, Chunk, Kind, exchange, post

ANSWER = sending(HEAD + chunk(b"through") + chunk(b""))
FAR = "far.invalid"  # nobody but the proxy can look it up


@pytest.fixture(params=["httpx on uvloop", "httpx on asyncio"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


def port_of(server: RawServer) -> str:
    return server.base_url.rpartition(":")[2]


def asked(
    kind: Kind,
    manners: Manners,
    *,
    to: str = "socks5://",
    host: str = FAR,
    requests: int = 1,
) -> tuple[list[list[Came]], SocksServer, RawServer]:
    async def main() -> tuple[list[list[Came]], SocksServer, RawServer]:
        async with raw_server(ANSWER) as server, socks_server(manners) as proxy:
            transport = HttpxTransport(proxies=Proxies({"all": to + proxy.address}), keepalive_s=30)
            url = f"http://{host}:{port_of(server)}/v1"
            try:
                got = [await exchange(transport, post(url)) for _ in range(requests)]
            finally:
                await transport.aclose()
            return got, proxy, server

    return kind.run(main())


def failing(kind: Kind, manners: Manners, to: str = "socks5://") -> TransportFailure:
    with pytest.raises(TransportFailure) as caught:
        asked(kind, manners, to=to)
    assert caught.value.sent_ns is None
    return caught.value


@pytest.mark.parametrize("to", ["socks5://", "socks5h://"])
def test_a_request_goes_through_the_proxy_which_looks_the_name_up(kind: Kind, to: str) -> None:
    [got], proxy, server = asked(kind, Manners(), to=to)
    assert [one.data for one in got if isinstance(one, Chunk)] == [b"through", b""]
    assert proxy.asked == [(FAR, int(port_of(server)))]
    assert server.requests[0].startswith(b"POST /v1 ")


@pytest.mark.parametrize(("host", "told"), [("192.0.2.7", "c0000207"), ("[2001:db8::7]", f"20010db8{'0' * 23}7")])
def test_a_numeric_address_is_told_as_such(kind: Kind, host: str, told: str) -> None:
    _, proxy, _ = asked(kind, Manners(), host=host)
    assert [name for name, _ in proxy.asked] == [told]


def test_the_connection_is_used_again_and_its_opening_holds_the_wait_for_the_proxy(kind: Kind) -> None:
    results, proxy, server = asked(kind, Manners(delay_s=0.2), requests=3)
    heads = [got[0] for got in results]
    opened = [head.connect_ns for head in heads if isinstance(head, Head)]
    assert opened[1:] == [None, None]
    assert opened[0] is not None
    assert opened[0] > 0.19e9
    assert (len(proxy.asked), server.connections) == (1, 1)


@pytest.mark.parametrize("bound", [b"\x01\0\0\0\0\0\0", b"\x03\x04near\0\x07", b"\x04" + bytes(18)])
def test_a_proxy_may_answer_byte_by_byte_and_by_any_kind_of_address(kind: Kind, bound: bytes) -> None:
    [got], _, _ = asked(kind, Manners(one_by_one=True, bound=bound))
    assert len(got) == 3


def test_a_login_is_told_to_a_proxy_that_asks_for_it(kind: Kind) -> None:
    manners = Manners(login=(b"me", b"p@ss"))
    assert len(asked(kind, manners, to="socks5://me:p%40ss@")[0]) == 1
    assert len(asked(kind, Manners(), to="socks5://me:p%40ss@")[0]) == 1
    wrong = failing(kind, manners, to="socks5://me:other@")
    assert (wrong.error_class, wrong.message) == (
        ErrorClass.CONNECT,
        "the proxy refused: user or password is wrong",
    )
    assert "it wants a user and a password" in failing(kind, manners).message


@pytest.mark.parametrize(
    ("manners", "to", "said"),
    [
        (Manners(code=5), "socks5://", "the host refused the connection"),
        (Manners(code=77), "socks5://", "number 77"),
        (Manners(bound=b"\x09\0\0\0\0\0\0"), "socks5://", "unknown kind 9"),
        (Manners(login=(b"me", b"x")), f"socks5://me:{'x' * 256}@", "the password is longer than 255 bytes"),
    ],
)
def test_what_a_proxy_refuses_is_a_connect_failure_and_says_why(
    kind: Kind, manners: Manners, to: str, said: str
) -> None:
    failure = failing(kind, manners, to)
    assert failure.error_class is ErrorClass.CONNECT
    assert said in failure.message


def test_a_proxy_that_does_not_answer_is_a_connect_timeout_and_is_left(kind: Kind) -> None:
    async def main() -> TransportFailure:
        async with socks_server(Manners(delay_s=0.4)) as proxy:
            transport = HttpxTransport(proxies=Proxies({"all": f"socks5://{proxy.address}"}))
            with pytest.raises(TransportFailure) as caught:
                await exchange(transport, post(f"http://{FAR}:1/v1"), Timeouts(connect_s=0.2, request_s=5))
            await asyncio.wait_for(proxy.ended.wait(), 10)
            await transport.aclose()
            return caught.value

    failure = kind.run(main())
    assert (failure.error_class, failure.sent_ns) == (ErrorClass.CONNECT_TIMEOUT, None)


@pytest.mark.parametrize("word", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x05\x01"])
def test_what_is_no_socks_proxy_gets_no_key_and_no_request(kind: Kind, word: bytes) -> None:
    seen = bytearray()

    async def answer(reader: asyncio.StreamReader, writer: Writer) -> None:
        seen.extend(await reader.read(65536))
        writer.write(word)
        writer.write_eof()
        seen.extend(await reader.read(65536))
        writer.close()

    async def main() -> TransportFailure:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            transport = HttpxTransport(
                proxies=Proxies({"all": f"socks5://127.0.0.1:{server.sockets[0].getsockname()[1]}"})
            )
            with pytest.raises(TransportFailure) as caught:
                await exchange(transport, post(f"http://{FAR}/v1"))
            await transport.aclose()
            await asyncio.sleep(0.01)
            return caught.value

    assert kind.run(main()).error_class is ErrorClass.CONNECT
    assert bytes(seen) == b"\x05\x01\x00"


def test_an_encrypted_request_stays_so_from_end_to_end(kind: Kind, tmp_path: Path) -> None:
    ours = Authority.make(tmp_path / "ours")

    async def main() -> tuple[list[Came], SocksServer, RawServer]:
        async with raw_server(ANSWER, tls=ours.server(FAR)) as server, socks_server() as proxy:
            transport = HttpxTransport(contexts=Contexts({}), proxies=Proxies({"all": f"socks5h://{proxy.address}"}))
            request = HttpRequest(
                method="POST",
                url=f"https://{FAR}:{port_of(server)}/v1",
                headers={"authorization": f"Bearer {KEY}"},
                body=b"{}",
                tls=TlsChoice(ca_bundle=ours.bundle),
            )
            got = await exchange(transport, request)
            await transport.aclose()
            return got, proxy, server

    got, proxy, server = kind.run(main())
    assert [one.data for one in got if isinstance(one, Chunk)] == [b"through", b""]
    assert KEY.encode() in server.requests[0]
    assert len(proxy.relayed) > 500
    assert KEY.encode() not in proxy.relayed
