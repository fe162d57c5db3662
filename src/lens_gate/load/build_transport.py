"""Builds the transport of a run."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping

from lens_gate.errors import ConfigProblem
from lens_gate.load.choice import TransportOrder, choose, environment_proxy, kernel_stamps
from lens_gate.load.fast_transport import FastTransport
from lens_gate.load.kernel_stamps import supported
from lens_gate.load.tls import client_context
from lens_gate.load.transport import Transport
from lens_gate.vocabulary.transports import TransportKind


def build_transport(order: TransportOrder, environment: Mapping[str, str], say: Callable[[str], None]) -> Transport:
    """Return what `order` asks for; certificates are read now, so that no request waits for them.

    Raises ConfigProblem where the certificates that the environment names cannot be read, or the kernel stamps nothing
    although it should.
    """
    choice = choose(order, environment_proxy)
    if choice.remark is not None:
        say(choice.remark)
    encrypted = any(url.startswith("https:") for url in order.urls)
    verify = _context(environment) if encrypted else None
    if choice.kind is TransportKind.FAST:
        return FastTransport(verify=verify, kernel_stamps=kernel_stamps(order, supported=supported()))
    from lens_gate.load.httpx_transport import HttpxTransport  # noqa: PLC0415 - only who needs httpx pays for it

    return HttpxTransport(verify=verify, trust_env=True)


def _context(environment: Mapping[str, str]) -> ssl.SSLContext:
    try:
        return client_context(environment)
    except OSError as error:
        names = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if environment.get(name)]
        raise ConfigProblem(
            f"the certificates cannot be read: {error.strerror or error}",
            place=" and ".join(names) or "the system's certificates",
            hint="Name a file of PEM certificates, or unset the variable.",
        ) from error
