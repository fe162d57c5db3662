"""Builds the transport of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec

from lens_gate.errors import ConfigProblem
from lens_gate.load.wire.choice import TransportOrder, choose, kernel_stamps
from lens_gate.load.wire.descriptors import raised_limit
from lens_gate.load.wire.fast.kernel_stamps import supported
from lens_gate.load.wire.fast.transport import FastTransport
from lens_gate.load.wire.proxies import Proxies
from lens_gate.load.wire.tls import BadCertificate, Contexts
from lens_gate.load.wire.transport import Transport
from lens_gate.providers.base import TlsChoice
from lens_gate.vocabulary.transports import TransportKind


def build_transport(
    order: TransportOrder, environment: Mapping[str, str], proxies: Proxies, say: Callable[[str], None]
) -> Transport:
    """Return what `order` asks for; certificates are read now, so that no request waits for them.

    Raises ConfigProblem where the certificates or the proxy that the environment names are of no use, the kernel stamps
    nothing although it should, or HTTP/2 cannot be spoken.
    """
    raised_limit()  # no request waits for another one's connection
    choice = choose(order, proxies)
    if choice.remark is not None:
        say(choice.remark)
    contexts = Contexts(environment)
    for one in order.certificates:
        _read(one, contexts, environment)
    if choice.kind is TransportKind.FAST:
        return FastTransport(contexts=contexts, kernel_stamps=kernel_stamps(order, supported=supported()))
    if order.http2:
        _require_http2()
    for url in order.urls:
        proxies.require_usable(url)
    from lens_gate.load.wire.on_httpx.transport import HttpxTransport  # noqa: PLC0415 - only who needs httpx pays for it

    return HttpxTransport(contexts=contexts, proxies=proxies, http2=bool(order.http2))


def _require_http2() -> None:
    if find_spec("h2") is None:
        raise ConfigProblem(
            "HTTP/2 needs the package h2, which is not installed",
            place="providers.http2",
            hint="Install lens-gate with it: pip install 'lens-gate[http2]'.",
        )


def _read(choice: TlsChoice | None, contexts: Contexts, environment: Mapping[str, str]) -> None:
    try:
        contexts.of(choice)
    except BadCertificate as error:
        raise ConfigProblem(error.message, place=f"providers.tls.{error.key}", hint=error.hint) from error
    except OSError as error:
        names = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if environment.get(name)]
        raise ConfigProblem(
            f"the certificates cannot be read: {error.strerror or error}",
            place=" and ".join(names) or "the system's certificates",
            hint="Name a file of PEM certificates, or unset the variable.",
        ) from error
