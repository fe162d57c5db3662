"""What servers' certificates are checked by."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import certifi


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
