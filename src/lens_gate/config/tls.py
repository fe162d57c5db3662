"""By which certificates a provider's server is checked, and which one we show."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, SecretStr, model_validator

from lens_gate.config.section import Section

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?", re.ASCII)


def _host_name(value: str) -> str:
    if "${" not in value and _NAME.fullmatch(value) is None:
        msg = "expected the name of a host, as it stands in the server's certificate"
        raise ValueError(msg)
    return value


class Tls(Section):
    """Files are PEM; `client_key` may be left out where the file of the certificate holds the key as well.

    `ca_bundle` replaces the certificates that are trusted otherwise. `server_name` is what the server is asked for and
    checked against instead of the address's host. No key switches the check off.
    """

    ca_bundle: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    client_key_password: SecretStr | None = None
    server_name: Annotated[str, AfterValidator(_host_name)] | None = None

    @model_validator(mode="after")
    def _a_key_goes_with_its_certificate(self) -> Self:
        if self.client_certificate is None and (self.client_key or self.client_key_password) is not None:
            msg = "a `client_key` goes with a `client_certificate` only"
            raise ValueError(msg)
        return self
