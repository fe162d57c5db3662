"""Google Secret Manager by Google's client, over REST; who we are comes from where Google's tools look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import requests
from google.api_core.exceptions import (
    BadRequest,
    Forbidden,
    GoogleAPICallError,
    GoogleAPIError,
    NotFound,
    Unauthorized,
)
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceRestTransport
from google.protobuf.json_format import ParseError
from pydantic import SecretStr

from lens_gate.errors import LensGateError, NoSuchSecret, SecretNotFetched
from lens_gate.secrets.base import TIMEOUT_S, GoogleManager, Reference, denied, not_found, secret_of

_HERE = "Google Secret Manager"

MakeTransport: TypeAlias = Callable[[], SecretManagerServiceRestTransport]


def signed_in_transport() -> SecretManagerServiceRestTransport:
    """Return the way to Google with the credentials that its tools would find."""
    return SecretManagerServiceRestTransport()


def from_google(manager: GoogleManager, references: Sequence[Reference], make: MakeTransport) -> list[SecretStr]:
    """Return secrets, or fields of those that are JSON, in their latest version unless a path names another one."""
    names = [_name(manager, one) for one in references]
    try:
        client = SecretManagerServiceClient(transport=make())
    except GoogleAuthError as error:
        raise _fault(error, references[0]) from error
    with client:
        return [secret_of(_text(client, *pair), pair[1]) for pair in zip(names, references, strict=True)]


def _name(manager: GoogleManager, reference: Reference) -> str:
    """Return the whole name of a version."""
    path = reference.path
    if not path.startswith("projects/"):
        if manager.project is None:
            raise NoSuchSecret(
                f"`{path}` names a secret, and no project",
                place=reference.place,
                hint="Set `secrets.gcp.project`, or write projects/PROJECT/secrets/NAME.",
            )
        path = f"projects/{manager.project}/secrets/{path}"
    return path if "/versions/" in path else f"{path}/versions/latest"


def _text(client: SecretManagerServiceClient, name: str, reference: Reference) -> str:
    try:
        return bytes(client.access_secret_version(name=name, timeout=TIMEOUT_S).payload.data).decode()
    except UnicodeDecodeError:
        raise SecretNotFetched(
            f"the secret at `{reference.path}` is binary, and no text", place=reference.place, hint="Store it as text."
        ) from None
    except (GoogleAPIError, GoogleAuthError, requests.RequestException, ParseError) as error:
        raise _fault(error, reference) from error


def _fault(error: Exception, reference: Reference) -> LensGateError:
    match error:
        case NotFound() | BadRequest():
            return not_found(reference, _HERE, "Check `path` and `project`; its newest version may be disabled.")
        case Forbidden():
            return denied(reference, _HERE, "Give this identity the role roles/secretmanager.secretAccessor on it.")
        case DefaultCredentialsError():
            message = "no Google credentials were found"
            hint = "Run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS."
        case TransportError() | requests.RequestException():
            message, hint = f"{_HERE} cannot be reached", "Check the network, and the proxy."
        case Unauthorized() | GoogleAuthError():
            message = "Google refuses the credentials: wrong, or expired"
            hint = "Sign in again; in a pipeline check the provider and the conditions of its identity."
        case GoogleAPICallError(code=code):
            message, hint = f"{_HERE} answered with HTTP {int(code) if code else '?'}", "Try again later."
        case _:
            message, hint = f"what answers there is not {_HERE}", "Check the proxy between here and Google."
    return SecretNotFetched(message, place=reference.place, hint=hint)
