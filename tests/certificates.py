"""Certificates that a test makes for itself, and TLS servers that use them."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "open-sesame-0123"


def _openssl(*arguments: str) -> None:
    try:
        done = subprocess.run(["openssl", *arguments], capture_output=True, check=False, timeout=30)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    assert done.returncode == 0, done.stderr.decode()


@dataclass(frozen=True)
class Authority:
    """An issuer of certificates in a folder of its own; `bundle` is what trusts it."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Authority:
        folder.mkdir(parents=True)
        _openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", f"/CN={folder.name} authority", "-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.pem"),
        )  # fmt: skip
        return cls(folder)

    @property
    def bundle(self) -> str:
        return str(self.folder / "ca.pem")

    def issue(self, name: str) -> tuple[str, str]:
        """Return the files of a certificate for the host `name` and of its key."""
        key, request, certificate = (self.folder / f"{name}.{ending}" for ending in ("key", "csr", "pem"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName=DNS:{name}\n", encoding="ascii")
        _openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
            "-keyout", str(key), "-out", str(request),
        )  # fmt: skip
        _openssl(
            "x509", "-req", "-in", str(request), "-CA", self.bundle, "-CAkey", str(self.folder / "ca.key"),
            "-CAcreateserial", "-days", "2", "-extfile", str(extensions), "-out", str(certificate),
        )  # fmt: skip
        return str(certificate), str(key)

    def locked(self, key: str) -> str:
        """Return the file of the same key, which only PASSWORD opens."""
        _openssl("pkey", "-in", key, "-aes256", "-passout", f"pass:{PASSWORD}", "-out", f"{key}.locked")
        return f"{key}.locked"

    def server(self, name: str, *, asks: bool = False) -> ssl.SSLContext:
        """Return what a server by this name uses; one that `asks` wants a certificate of this authority's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name))
        if asks:
            context.load_verify_locations(self.bundle)
            context.verify_mode = ssl.CERT_REQUIRED
        return context
