"""What only the transport on httpx does: proxies."""

from __future__ import annotations

import asyncio

import pytest

from lens_gate.load.wire.on_httpx.transport import HttpxTransport
from lens_gate.load.wire.proxies import Proxies
from lens_gate.load.wire.transport import Timeouts, TransportFailure
from lens_gate.vocabulary.requests import ErrorClass
from tests.fakes.raw_server import HEAD, chunk, raw_server, sending
from tests.transports import exchange, post


def test_a_proxy_is_used_where_one_is_named_and_the_host_is_not_spared() -> None:
    async def main(*, named: bool) -> list[bytes]:
        async with raw_server(sending(HEAD + chunk(b"") * 1)) as proxy:
            variables = {"http_proxy": proxy.base_url, "no_proxy": "near.invalid"}
            transport = HttpxTransport(proxies=Proxies.of(variables if named else {}))
            with pytest.raises(TransportFailure):
                await exchange(transport, post("http://near.invalid:1/direct"))
            try:
                await exchange(transport, post("http://far.invalid:1/v1"))
            except TransportFailure:
                assert not named
            await transport.aclose()
            return proxy.requests

    assert asyncio.run(main(named=False)) == []
    [seen] = asyncio.run(main(named=True))
    assert seen.startswith(b"POST http://far.invalid:1/v1 ")


def test_a_proxy_that_refuses_the_tunnel_is_a_connect_failure() -> None:
    async def main() -> TransportFailure:
        async with raw_server(sending(b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n")) as proxy:
            transport = HttpxTransport(proxies=Proxies.of({"https_proxy": proxy.base_url}))
            with pytest.raises(TransportFailure) as caught:
                await exchange(transport, post("https://example.invalid/v1"))
            await transport.aclose()
            return caught.value

    failure = asyncio.run(main())
    assert failure.error_class is ErrorClass.CONNECT
    assert "407" in failure.message


def test_a_tunnel_to_a_host_that_never_greets_is_a_connect_timeout() -> None:
    async def main() -> TransportFailure:
        async with raw_server(sending(b"HTTP/1.1 200 OK\r\n\r\n")) as proxy:
            transport = HttpxTransport(proxies=Proxies.of({"https_proxy": proxy.base_url}))
            with pytest.raises(TransportFailure) as caught:
                await exchange(transport, post("https://example.invalid/v1"), Timeouts(connect_s=0.2, request_s=5))
            await transport.aclose()
            return caught.value

    failure = asyncio.run(main())
    assert failure.error_class is ErrorClass.CONNECT_TIMEOUT
    assert failure.sent_ns is None
