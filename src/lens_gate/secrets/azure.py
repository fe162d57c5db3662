"""Azure Key Vault by Microsoft's client; who we are comes from where the Azure tools look."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from azure.core.credentials import TokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.identity import CredentialUnavailableError, DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from pydantic import SecretStr

from lens_gate.errors import LensGateError, SecretNotFetched
from lens_gate.secrets.base import TIMEOUT_S, AzureManager, Reference, denied, not_found, secret_of

_HERE = "the Azure key vault"
_FORBIDDEN = 403


def signed_in() -> TokenCredential:
    """Return whoever this machine is to Azure: variables, a workload or managed identity, or `az login`.

    Its client tells on its own what it tried; that goes nowhere, since nobody has looked through it for secrets.
    """
    logging.getLogger("azure").addHandler(logging.NullHandler())
    return DefaultAzureCredential(exclude_interactive_browser_credential=True)


def from_azure(manager: AzureManager, references: Sequence[Reference], credential: TokenCredential) -> list[SecretStr]:
    """Return secrets, or fields of those that are JSON.

    The client sends a token only over TLS, and only to a vault whose challenge names a part of its own address.
    """
    with SecretClient(
        manager.vault_url,
        credential,
        retry_total=2,
        retry_backoff_factor=0.2,
        connection_timeout=TIMEOUT_S,
        read_timeout=TIMEOUT_S,
    ) as client:
        return [secret_of(_text(client, manager, one), one) for one in references]


def _text(client: SecretClient, manager: AzureManager, reference: Reference) -> str:
    try:
        return client.get_secret(reference.path).value or ""
    except (AzureError, ValueError) as error:
        raise _fault(error, manager, reference) from error


def _fault(error: Exception, manager: AzureManager, reference: Reference) -> LensGateError:
    match error:
        case ResourceNotFoundError():
            return not_found(reference, _HERE, "Check `path` (the name of the secret) and `vault_url`.")
        case HttpResponseError(status_code=status) if status == _FORBIDDEN:
            hint = "Give this identity the role `Key Vault Secrets User`, and look at the vault's firewall."
            return denied(reference, _HERE, hint)
        case _:
            message, hint = _words(error)
            return SecretNotFetched(message, place=manager.vault_url, hint=hint)


def _words(error: Exception) -> tuple[str, str]:
    """Return what happened, and the next step."""
    match error:
        case CredentialUnavailableError():
            hint = "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, sign in by OIDC, or run `az login`."
            return "no Azure credentials were found", hint
        case ClientAuthenticationError():
            hint = "Sign in again; in a pipeline check tenant, client and the subject of its federated credential."
            return "Azure refuses the credentials: wrong, or expired", hint
        case HttpResponseError(status_code=status):
            return f"{_HERE} answered with HTTP {status}", "Try again later."
        case ServiceRequestError() | ServiceResponseError():
            hint = "Check `vault_url`, the network, and the proxy; REQUESTS_CA_BUNDLE names a certificate authority."
            return f"{_HERE} cannot be reached", hint
        case _:
            hint = "`vault_url` is https://NAME.vault.azure.net, or the address of a private cloud's vault."
            return "what answers there is no Azure key vault", hint
