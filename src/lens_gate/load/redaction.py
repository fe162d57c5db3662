"""What a server said, without the secrets that it may quote. Pure."""

from __future__ import annotations

from lens_gate.load.plan import PlannedRequest
from lens_gate.providers.base import Endpoint, HttpRequest

_SECRET_WORDS = ("key", "token", "auth", "secret", "cookie")
_SHORTEST_SECRET = 6


def secrets_of(endpoint: Endpoint) -> list[str]:
    """Return what is secret about an endpoint: its key, a key's password, and the headers that may hold one."""
    password = endpoint.tls.client_key_password if endpoint.tls else None
    values = [secret.get_secret_value() for secret in (endpoint.api_key, password) if secret is not None]
    return values + [value for name, value in endpoint.headers.items() if _may_hold_one(name)]


def _may_hold_one(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_WORDS)


def redacted(message: str, wire: HttpRequest, planned: PlannedRequest) -> str:
    """Return `message` without the key and without any header that may hold one, in at most 300 characters."""
    key = planned.series.endpoint.api_key
    values = [key.get_secret_value()] if key is not None else []
    values += [value for name, value in wire.headers.items() if _may_hold_one(name)]
    parts = {part for value in values for part in (value, *value.split()) if len(part) >= _SHORTEST_SECRET}
    for part in sorted(parts, key=len, reverse=True):
        message = message.replace(part, "[redacted]")
    return message[:300]
