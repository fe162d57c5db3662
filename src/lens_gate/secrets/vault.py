"""HashiCorp Vault by hvac: log in, read keys of a KV engine, and give the login back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

import requests
from hvac import Client
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, Unauthorized, VaultDown, VaultError
from pydantic import SecretStr

from lens_gate.errors import SecretNotFetched
from lens_gate.secrets.base import TIMEOUT_S, Reference, Surroundings, VaultManager, denied, field_of, not_found
from lens_gate.secrets.vault_identity import AppRole, Shown, identity

_AUTHORITY = ("VAULT_CACERT", "VAULT_CAPATH")


def from_vault(manager: VaultManager, references: Sequence[Reference], around: Surroundings) -> list[SecretStr]:
    """Return fields of secrets; a token that was got for this is revoked afterwards."""
    with _said(manager), _logged_in(manager, around) as client:
        return [field_of(_read(client, manager, one), one) for one in references]


@contextmanager
def _logged_in(manager: VaultManager, around: Surroundings) -> Iterator[Client]:
    """Give a client that Vault knows. Redirects are not followed: they would carry the token to another host."""
    authority = next((around.environment[name] for name in _AUTHORITY if around.environment.get(name)), True)
    client = Client(
        url=manager.address,
        token="",
        verify=authority,
        timeout=TIMEOUT_S,
        allow_redirects=False,
        namespace=manager.namespace,
    )
    shown = identity(manager, around)
    if isinstance(shown, SecretStr):
        client.token = shown.get_secret_value()
        yield client
        return
    client.token = _token_for(client, manager, shown)
    try:
        yield client
    finally:
        with suppress(VaultError, requests.RequestException):
            client.auth.token.revoke_self()


def _token_for(client: Client, manager: VaultManager, shown: AppRole | Shown) -> str:
    mount = manager.auth_mount or manager.auth_method
    try:
        answer = client.adapter.post(f"/v1/auth/{mount}/login", json=_body(manager, shown))
    except (InvalidRequest, Unauthorized, Forbidden, InvalidPath) as error:
        role = f" as role `{manager.role}`" if manager.role else ""
        raise SecretNotFetched(
            f"Vault refuses the login by {manager.auth_method} at `auth/{mount}`{role}",
            place=manager.address,
            hint="Check that the method is mounted there, and what its role binds: audience, subject, namespace, "
            "service account. A token or secret id may also have expired.",
        ) from error
    match answer:
        case {"auth": {"client_token": str() as token}}:
            return token
        case _:
            raise _no_vault(manager, answer)


def _body(manager: VaultManager, shown: AppRole | Shown) -> dict[str, str]:
    if isinstance(shown, AppRole):
        return {"role_id": shown.role_id, "secret_id": shown.secret_id.get_secret_value()}
    named = {"role": manager.role} if manager.role else {}
    return {"jwt": shown.token.get_secret_value(), **named}


def _read(client: Client, manager: VaultManager, reference: Reference) -> Mapping[str, object]:
    folder = f"{manager.mount}/data" if manager.kv_version == 2 else manager.mount
    where = f"the KV engine (version {manager.kv_version}) at `{manager.mount}/` of Vault"
    try:
        answer = client.adapter.get(f"/v1/{folder}/{quote(reference.path)}")
    except InvalidPath as error:
        raise not_found(
            reference, where, "Check `path`, `mount` and `kv_version`; a version may be deleted."
        ) from error
    except Forbidden as error:
        if _is_expired(client):
            raise SecretNotFetched(
                "Vault does not know the token: it has expired, or was revoked",
                place=manager.address,
                hint="Get a new one; in a pipeline log in by `auth_method: jwt`, which needs no stored token.",
            ) from error
        hint = f"Allow `read` on `{folder}/{reference.path}` in a policy of this role or token."
        raise denied(reference, where, hint) from error
    match answer:
        case {"data": {"data": dict() as fields}} if manager.kv_version == 2:
            return fields
        case {"data": dict() as fields} if manager.kv_version == 1:
            return fields
        case _:
            raise _no_vault(manager, answer)


def _is_expired(client: Client) -> bool:
    """Tell a token that may not from one that is none any more: any valid token may look itself up."""
    try:
        client.auth.token.lookup_self()
    except Forbidden:
        return True
    return False


def _no_vault(manager: VaultManager, answer: Any) -> SecretNotFetched:
    status = f" (HTTP {answer.status_code})" if isinstance(answer, requests.Response) else ""
    return SecretNotFetched(
        f"what answers there is no Vault, or sends us elsewhere{status}",
        place=manager.address,
        hint="Name the address of the active node, or of a load balancer; redirects are not followed with a token.",
    )


@contextmanager
def _said(manager: VaultManager) -> Iterator[None]:
    """Say in our own errors what went wrong."""
    try:
        yield
    except VaultError as error:
        sealed = "is sealed, or in maintenance" if isinstance(error, VaultDown) else "is out of order, or busy"
        raise SecretNotFetched(
            f"Vault {sealed} ({type(error).__name__})", place=manager.address, hint="Try again later; nothing was sent."
        ) from error
    except requests.exceptions.SSLError as error:
        raise SecretNotFetched(
            "the certificate of Vault is not trusted",
            place=manager.address,
            hint="Name the file of your certificate authority in VAULT_CACERT.",
        ) from error
    except requests.RequestException as error:
        raise SecretNotFetched(
            "Vault cannot be reached", place=manager.address, hint="Check `address`, the network, and the proxy."
        ) from error
