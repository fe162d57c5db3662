"""What only the transport on httpx does: proxies."""

from __future__ import annotations

import asyncio

import pytest

from lens_gate.load.httpx_transport import HttpxTransport
from lens_gate.load.transport import Timeouts, TransportFailure
from lens_gate.vocabulary.requests import ErrorClass
from tests.fakes.raw_server import HEAD, chunk, raw_server, sending
from tests.transports import exchange, post


def test_a_proxy_of_the_environment_is_used_only_when_it_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(*, trust_env: bool) -> list[bytes]:
        async with raw_server(sending(HEAD + chunk(b"") * 1)) as proxy:
            monkeypatch.setenv("http_proxy", proxy.base_url)
            monkeypatch.setenv("no_proxy", "localhost")
            transport = HttpxTransport(trust_env=trust_env)
            with pytest.raises(TransportFailure):
                await exchange(transport, post("http://localhost:1/direct"))
            try:
                await exchange(transport, post("http://far.invalid:1/v1"))
            except TransportFailure:
                assert not trust_env
            await transport.aclose()
            return proxy.requests

    assert asyncio.run(main(trust_env=False)) == []
    [seen] = asyncio.run(main(trust_env=True))
    assert seen.startswith(b"POST http://far.invalid:1/v1 ")


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
