"""The proxies that this machine knows of."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.request import getproxies, proxy_bypass

from lens_gate.load.wire.proxies import Proxies


def known_proxies(environment: Mapping[str, str]) -> Proxies:
    """Return the proxies that the environment names, else those of the system's settings (Windows, macOS)."""
    named = Proxies.of(environment)
    return named if named.named else Proxies(getproxies(), lambda host: bool(proxy_bypass(host)))
