"""Which proxy an endpoint is asked through: by variables of the usual names, wherever these come from. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import urlsplit

from lens_gate.errors import ConfigProblem

SOCKS_SCHEMES: Final = frozenset({"socks5", "socks5h"})
"""How addresses of SOCKS proxies begin."""

_SCHEMES: Final = SOCKS_SCHEMES | {"http", "https"}
_SUFFIX: Final = "_proxy"


@dataclass(frozen=True, slots=True)
class Proxies:
    """Names the proxy of a host, and remembers it: on some systems the answer takes a name lookup.

    `named` holds addresses of proxies by scheme, under `all` that of the others; hosts that are `spared` are asked
    directly. So are loopback addresses, whatever is said: a proxy elsewhere would ask its own machine.
    """

    named: Mapping[str, str] = field(default_factory=dict)
    spared: Callable[[str], bool] = lambda _: False
    _known: dict[tuple[str, str], str | None] = field(default_factory=dict)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Read `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`; a name in lower case wins."""
        found = {name.lower(): value for name, value in environment.items() if name.lower().endswith(_SUFFIX)}
        found |= {name: value for name, value in environment.items() if name.endswith(_SUFFIX)}
        named = {name.removesuffix(_SUFFIX): value for name, value in found.items() if value}
        direct = named.pop("no", "")
        return cls(named, lambda host: _is_among(host, direct))

    def of_url(self, url: str) -> str | None:
        """Return the address of the proxy for `url`, None where it is asked directly."""
        parts = urlsplit(url)
        return self.to(parts.scheme, parts.hostname or "")

    def to(self, scheme: str, host: str) -> str | None:
        """Return the same for a scheme and a host."""
        key = (scheme, host)
        if key not in self._known:
            self._known[key] = self._found(scheme, host)
        return self._known[key]

    def require_usable(self, url: str) -> None:
        """Raise ConfigProblem where `url` has a proxy that nobody could speak to.

        An address of a proxy may hold a password, so it is not quoted.
        """
        proxy = self.of_url(url)
        if proxy is None:
            return
        scheme = proxy.partition("://")[0].lower()
        if scheme in _SCHEMES and _leads_somewhere(proxy):
            return
        what = "is no address" if scheme in _SCHEMES else f"is of a kind that cannot be used: {scheme}"
        parts = urlsplit(url)
        raise ConfigProblem(
            f"the proxy that the environment names for {parts.hostname} {what}",
            place=f"{parts.scheme}_proxy or all_proxy",
            hint="Name one by http://, https://, socks5:// or socks5h://, or except the host by no_proxy.",
        )

    def _found(self, scheme: str, host: str) -> str | None:
        proxy = self.named.get(scheme) or self.named.get("all")
        if proxy is None or _is_loopback(host) or self.spared(host):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"


def _leads_somewhere(proxy: str) -> bool:
    with suppress(ValueError):
        parts = urlsplit(proxy)
        return bool(parts.hostname) and parts.port != 0
    return False


def _is_among(host: str, listed: str) -> bool:
    """Return whether a host, or a domain that it lies in, stands in a list with commas; `*` is every host."""
    names = (name.strip().lstrip(".").lower() for name in listed.split(","))
    return any(name == "*" or f".{host.lower()}".endswith(f".{name}") for name in names if name)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
