"""The exchange of letters by httpx: no redirects, no cookies, and an end to every wait."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from lens_gate.notify.delivery import Answer, Exchange, Unanswered
from lens_gate.notify.letter import Letter

TIMEOUT_S = 10.0
"""For the whole exchange: a receiver that sends a byte now and then holds nobody up."""

MOST_READ = 4096
"""Bytes of a refusal that are read: what is kept of it are a few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpxExchange(Exchange):
    """Sends over a connection of its own; `proxy_of` names the proxy of an address, if it has one."""

    proxy_of: Callable[[str], str | None]
    tls: Callable[[], ssl.SSLContext]
    timeout_s: float = TIMEOUT_S

    def __call__(self, letter: Letter) -> Answer:
        """Send the letter once. Raises Unanswered, whose words hold neither address nor secret."""
        return asyncio.run(self._sent(letter))

    async def _sent(self, letter: Letter) -> Answer:
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._exchanged(letter)
        except (TimeoutError, httpx.TimeoutException):
            raise Unanswered(f"did not answer within {self.timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Unanswered(f"could not be reached ({type(error).__name__})") from None

    async def _exchanged(self, letter: Letter) -> Answer:
        proxy = self.proxy_of(letter.url)
        async with (
            httpx.AsyncClient(
                verify=self._trusted(letter.url, proxy), proxy=proxy, trust_env=False, timeout=self.timeout_s
            ) as client,
            client.stream("POST", letter.url, content=letter.body, headers=dict(letter.headers)) as response,
        ):
            text = "" if response.is_success else await _begin(response)
            return Answer(status=response.status_code, retry_after=response.headers.get("Retry-After"), text=text)

    def _trusted(self, *addresses: str | None) -> ssl.SSLContext:
        """Return whom to trust: nobody where no TLS is spoken, for to read certificates takes longer than to send."""
        if any(address and address.lower().startswith("https:") for address in addresses):
            return self.tls()
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def _begin(response: httpx.Response) -> str:
    data = b""
    async for chunk in response.aiter_bytes():
        data += chunk
        if len(data) >= MOST_READ:
            break
    return data[:MOST_READ].decode("utf-8", errors="replace")
