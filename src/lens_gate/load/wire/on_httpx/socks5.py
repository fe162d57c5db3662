"""Connections through a SOCKS5 proxy (RFC 1928; user and password by RFC 1929).

The proxy looks names up, whether its address says `socks5:` or `socks5h:`: it may see names that we cannot, and where
requests go is then told to nobody nearer.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import httpcore

USUAL_PORT: Final = 1080
"""Where a proxy listens whose address names no port."""

_VERSION: Final = b"\x05"
_NO_LOGIN, _LOGIN, _NO_METHOD = 0x00, 0x02, 0xFF
_CONNECT: Final = b"\x01"
_IPV4, _NAME, _IPV6 = 0x01, 0x03, 0x04
_ADDRESS_BYTES: Final = {_IPV4: 4, _IPV6: 16}
_LONGEST: Final = 255
"""Bytes of a name, a user or a password: each is told behind one byte of length."""

_REFUSALS: Final = {
    1: "it failed",
    2: "its rules forbid it",
    3: "the network is unreachable",
    4: "the host is unreachable",
    5: "the host refused the connection",
    6: "the way is too long",
    7: "it does not open connections",
    8: "it does not know this kind of address",
}


class Login(NamedTuple):
    """What a proxy is told that asks who we are."""

    user: bytes
    password: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SocksProxy:
    """Where a proxy is, and how we log in to it."""

    host: str
    port: int
    login: Login | None = field(default=None, repr=False)


async def open_through(stream: httpcore.AsyncNetworkStream, host: str, port: int, login: Login | None = None) -> None:
    """Let the proxy at the other end of `stream` connect to `host`, so that the stream leads there from now on.

    It waits without a limit of its own. Raises httpcore.ProxyError, after which the stream is of no use.
    """
    wanted = _address(host) + port.to_bytes(2)
    try:
        await _greet(stream, login)
        await stream.write(_VERSION + _CONNECT + b"\x00" + wanted)
        await _read_reply(stream)
    except httpcore.NetworkError as error:
        raise httpcore.ProxyError(f"it broke the connection off ({error})".replace(" ()", "")) from error


def _address(host: str) -> bytes:
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return bytes([_NAME]) + _sized(host.encode("ascii"), "the name of the host")
    return bytes([_IPV4 if literal.version == 4 else _IPV6]) + literal.packed


def _sized(text: bytes, what: str) -> bytes:
    if len(text) > _LONGEST:
        raise httpcore.ProxyError(f"{what} is longer than {_LONGEST} bytes, which SOCKS cannot say")
    return bytes([len(text)]) + text


async def _greet(stream: httpcore.AsyncNetworkStream, login: Login | None) -> None:
    """Offer our ways to log in, and go the one that the proxy chooses."""
    offered = [_NO_LOGIN] if login is None else [_NO_LOGIN, _LOGIN]
    await stream.write(_VERSION + bytes([len(offered), *offered]))
    chosen = (await _exactly(stream, 2, version=_VERSION))[1]
    if chosen == _NO_METHOD:
        wants = "a user and a password" if login is None else "another way to log in than by user and password"
        raise httpcore.ProxyError(f"it wants {wants}")
    if chosen not in offered:
        raise httpcore.ProxyError("it chose a way to log in that was not offered")
    if chosen == _LOGIN and login is not None:
        await stream.write(b"\x01" + _sized(login.user, "the user") + _sized(login.password, "the password"))
        if (await _exactly(stream, 2))[1] != 0:
            raise httpcore.ProxyError("user or password is wrong")


async def _read_reply(stream: httpcore.AsyncNetworkStream) -> None:
    """Read whether we are connected, to the last byte: what follows belongs to the server."""
    _, code, _, kind = await _exactly(stream, 4, version=_VERSION)
    if code:
        raise httpcore.ProxyError(_REFUSALS.get(code, f"its reason has the number {code}"))
    if kind not in {_NAME, *_ADDRESS_BYTES}:
        raise httpcore.ProxyError(f"it answered with an address of the unknown kind {kind}")
    length = (await _exactly(stream, 1))[0] if kind == _NAME else _ADDRESS_BYTES[kind]
    await _exactly(stream, length + 2)


async def _exactly(stream: httpcore.AsyncNetworkStream, count: int, *, version: bytes = b"") -> bytes:
    """Read `count` bytes, which may come one by one, and check that they begin with `version`."""
    read = b""
    while len(read) < count:
        more = await stream.read(count - len(read))
        if not more:
            raise httpcore.ProxyError("it hung up")
        read += more
        if not read.startswith(version):
            raise httpcore.ProxyError("it does not speak SOCKS5")
    return read
