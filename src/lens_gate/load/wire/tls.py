"""What servers' certificates are checked by, and which certificate they are shown. No check can be switched off."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

import certifi

from lens_gate.providers.base import TlsChoice


class BadCertificate(Exception):
    """A file of a TlsChoice is of no use; `key` is the field that names it."""

    def __init__(self, key: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.key = key
        self.message = message
        self.hint = hint


class Contexts:
    """The context of each choice, built once; `environment` may name the certificates that are trusted otherwise."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment
        self._built: dict[TlsChoice | None, ssl.SSLContext] = {}

    def of(self, choice: TlsChoice | None) -> ssl.SSLContext:
        """Return the context of a choice; raises BadCertificate, and OSError as `client_context` does."""
        known = self._built.get(choice)
        if known is None:
            known = self._built[choice] = _context(choice or TlsChoice(), self._environment)
        return known


def client_context(environment: Mapping[str, str] | None = None) -> ssl.SSLContext:
    """Return a context that trusts the certificates of the system and of Mozilla, and nothing unchecked.

    `SSL_CERT_FILE` or `SSL_CERT_DIR` in `environment` replace both. Mozilla's (certifi) are there because a Python that
    was built elsewhere may not find the system's. Raises OSError where the named file cannot be read.
    """
    named = environment or {}
    file, folder = named.get("SSL_CERT_FILE"), named.get("SSL_CERT_DIR")
    if file or folder:
        context = ssl.create_default_context(cafile=file or None, capath=folder or None)
    else:
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


def is_refusal(error: Exception) -> bool:
    """Whether a server broke a connection off by a word of TLS, and did not only hang up.

    In TLS 1.3 it looks at our certificate, or misses it, when we have begun to send.
    """
    return isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))


def _context(choice: TlsChoice, environment: Mapping[str, str] | None) -> ssl.SSLContext:
    context = client_context(environment) if choice.ca_bundle is None else _trusting(choice.ca_bundle)
    if choice.client_certificate is not None:
        _show(context, choice, choice.client_certificate)
    return context


def _trusting(ca_bundle: str) -> ssl.SSLContext:
    """Return a context that trusts the certificates of a file, and no other."""
    _require_readable("ca_bundle", ca_bundle)
    try:
        context = ssl.create_default_context(cafile=ca_bundle)
    except ssl.SSLError as error:
        raise BadCertificate(
            "ca_bundle", f"{ca_bundle} holds no certificates in PEM form", "Name a file of PEM certificates."
        ) from error
    context.set_alpn_protocols(["http/1.1"])
    return context


def _show(context: ssl.SSLContext, choice: TlsChoice, certificate: str) -> None:
    """Let a context show a certificate to servers that ask for one."""
    _require_readable("client_certificate", certificate)
    key = certificate if choice.client_key is None else choice.client_key
    _require_readable("client_key", key)
    secret = choice.client_key_password
    asked = False

    def password() -> str:
        nonlocal asked
        asked = True
        return "" if secret is None else secret.get_secret_value()

    try:
        context.load_cert_chain(certificate, key, password=password)
    except (ssl.SSLError, ValueError) as error:
        raise _unusable(error, certificate, key, asked=asked, given=secret is not None) from error


def _unusable(error: Exception, certificate: str, key: str, *, asked: bool, given: bool) -> BadCertificate:
    """Say why a certificate and its key cannot be used."""
    if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
        return BadCertificate(
            "client_key", f"{key} is not the key to the certificate in {certificate}", "Name the two that go together."
        )
    if asked and given:
        return BadCertificate(
            "client_key_password", f"the password does not open {key}", "Correct the variable that it is read from."
        )
    if asked:
        return BadCertificate(
            "client_key",
            f"{key} is protected by a password",
            "Give the password by a variable: `client_key_password: ${VARIABLE}`.",
        )
    return BadCertificate(
        "client_certificate",
        f"{certificate} and {key} do not hold a certificate and its key in PEM form",
        "The certificate comes first, then those that it was issued by.",
    )


def _require_readable(key: str, file: str) -> None:
    """Read a file beforehand, because OpenSSL does not say which one it could not read."""
    try:
        Path(file).read_bytes()
    except OSError as error:
        raise BadCertificate(key, f"{file} cannot be read: {error.strerror}", "Correct the path.") from error
