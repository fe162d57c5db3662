"""Which transport a run goes by, and what is to be said about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never
from urllib.parse import urlsplit

from lens_gate.errors import ConfigProblem
from lens_gate.load.wire.proxies import Proxies
from lens_gate.providers.base import TlsChoice
from lens_gate.vocabulary.transports import KernelStamping, TransportKind

MOST_STAMPED_RPS: Final = 500.0
"""Up to this rate the kernel's stamps are worth their processor time (a fifth more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportOrder:
    """What a run asks of its transport: the kind, the addresses of its endpoints, the kernel's stamps.

    `certificates` are the choices of the endpoints that are encrypted, and `http2` the addresses that are asked by
    HTTP/2. `rate` is how many requests are sent per second
    by one process, None in a closed loop.
    """

    kind: TransportKind
    urls: tuple[str, ...]
    certificates: tuple[TlsChoice | None, ...] = ()
    http2: tuple[str, ...] = ()
    stamping: KernelStamping = KernelStamping.AUTO
    rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The transport that is used (never `auto`), and a line for people where that needs one."""

    kind: TransportKind
    remark: str | None = None


def choose(order: TransportOrder, proxies: Proxies) -> Choice:
    """Choose for the endpoints of a run; raises ConfigProblem where the transport that it names cannot do HTTP/2."""
    if order.http2:
        return _for_http2(order)
    proxied = next((url for url in order.urls if proxies.of_url(url) is not None), None)
    host = urlsplit(proxied).hostname if proxied is not None else None
    match order.kind:
        case TransportKind.HTTPX:
            return Choice(kind=TransportKind.HTTPX)
        case TransportKind.FAST if proxied is not None:
            remark = f"the fast transport uses no proxy: the one that the environment names for {host} is left aside"
            return Choice(kind=TransportKind.FAST, remark=remark)
        case TransportKind.AUTO if proxied is not None:
            remark = f"{host} is asked through the proxy of the environment, so the httpx transport is used"
            return Choice(kind=TransportKind.HTTPX, remark=remark)
        case TransportKind.FAST | TransportKind.AUTO:
            return Choice(kind=TransportKind.FAST)
        case _ as never:
            assert_never(never)


def _for_http2(order: TransportOrder) -> Choice:
    plain = next((url for url in order.http2 if not url.lower().startswith("https:")), None)
    if plain is not None:
        raise ConfigProblem(
            f"{urlsplit(plain).hostname} cannot be asked by HTTP/2, because its address is no https:// one",
            place="providers.http2",
            hint="Leave `http2` out: the two ends agree on it while they set up TLS.",
        )
    match order.kind:
        case TransportKind.FAST:
            raise ConfigProblem(
                "the fast transport speaks HTTP/1.1 only, and a provider asks for HTTP/2",
                place="profiler.transport",
                hint="Leave the transport to auto, or `http2` out.",
            )
        case TransportKind.HTTPX:
            return Choice(kind=TransportKind.HTTPX)
        case TransportKind.AUTO:
            host = urlsplit(order.http2[0]).hostname
            remark = f"{host} is asked by HTTP/2, so the httpx transport is used"
            return Choice(kind=TransportKind.HTTPX, remark=remark)
        case _ as never:
            assert_never(never)


def kernel_stamps(order: TransportOrder, *, supported: bool) -> bool:
    """Decide on the kernel's stamps for the fast transport; raises ConfigProblem where they are asked for in vain."""
    match order.stamping:
        case KernelStamping.ON if not supported:
            raise ConfigProblem(
                "this system does not stamp what it receives, or by a clock that cannot be told on ours",
                place="profiler.kernel_timestamps",
                hint="Set it to auto, which uses the kernel's stamps where there are some.",
            )
        case KernelStamping.ON:
            return True
        case KernelStamping.OFF:
            return False
        case KernelStamping.AUTO:
            return supported and order.rate is not None and order.rate <= MOST_STAMPED_RPS
        case _ as never:
            assert_never(never)
