"""A Vault server on loopback: KV version 1 at `kv/`, version 2 at `secret/`, and logins that it checks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.fakes import serving

ROOT = "hvs.root-0123456789"
LOGGED_IN = "hvs.logged-in-0123456789"


@dataclass
class FakeVault:
    """`secrets` are the fields by path, `identities` the bodies that each mount of a login accepts.

    `forbidden` are paths that no token may read; with `status` every answer has that one.
    """

    address: str
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    identities: dict[str, dict[str, str]] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=lambda: {ROOT})
    status: int | None = None
    redirect: str = ""
    asked: list[str] = field(default_factory=list)
    namespaces: set[str | None] = field(default_factory=set)

    def answer(self, method: str, path: str, token: str | None, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append(f"{method} {path}")
        if self.status is not None:
            return self.status, {"errors": [f"foreign words about {token}"]}
        if method == "POST" and path.endswith("/login"):
            return self._login(path.removeprefix("/v1/auth/").removesuffix("/login"), body)
        if token not in self.tokens:
            return 403, {"errors": ["permission denied", "invalid token"]}
        return self._own(path, str(token)) if path.startswith("/v1/auth/token/") else self._read(path)

    def _own(self, path: str, token: str) -> tuple[int, dict[str, Any]]:
        if path.endswith("/lookup-self"):
            return 200, {"data": {"id": token}}
        self.tokens.discard(token)
        return 204, {}

    def _login(self, mount: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.identities.get(mount) != body:
            return 400, {"errors": [f"invalid credentials {body}"]}
        self.tokens.add(LOGGED_IN)
        return 200, {"auth": {"client_token": LOGGED_IN, "lease_duration": 60}}

    def _read(self, path: str) -> tuple[int, dict[str, Any]]:
        path = path.removeprefix("/v1/")
        if path in self.forbidden:
            return 403, {"errors": ["1 error occurred: permission denied"]}
        if path not in self.secrets:
            return 404, {"errors": []}
        fields = self.secrets[path]
        return 200, {
            "data": {"data": fields, "metadata": {"version": 1}} if path.startswith("secret/data/") else fields
        }


@contextmanager
def fake_vault() -> Iterator[FakeVault]:
    """Serve until the context ends."""

    class Handler(serving.Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            vault.namespaces.add(self.headers.get("X-Vault-Namespace"))
            status, told = vault.answer(
                self.command, self.path, self.headers.get("X-Vault-Token"), json.loads(sent) if sent else {}
            )
            data = b"" if status == 204 else json.dumps(told).encode()
            self.send_response(status)
            if vault.redirect:
                self.send_header("Location", vault.redirect)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_PUT = do_GET  # noqa: N815 - the base class calls them so

    with serving.served(Handler) as url:
        vault = FakeVault(url)
        yield vault
