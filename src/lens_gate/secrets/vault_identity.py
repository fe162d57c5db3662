"""Who we are to Vault: a token, an AppRole, or a token that the pipeline or the cluster vouches for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import requests
from pydantic import SecretStr

from lens_gate.errors import MissingVariable, SecretNotFetched
from lens_gate.secrets.base import TIMEOUT_S, Surroundings, VaultManager

SERVICE_ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount/token"


@dataclass(frozen=True, slots=True)
class AppRole:
    """A role's name and password."""

    role_id: str
    secret_id: SecretStr


@dataclass(frozen=True, slots=True)
class Shown:
    """A signed token of somebody whom Vault trusts."""

    token: SecretStr = field(repr=False)


def identity(manager: VaultManager, around: Surroundings) -> SecretStr | AppRole | Shown:
    """Return what Vault is shown: a token of its own (SecretStr), or what a login needs.

    Raises MissingVariable, and SecretNotFetched where a file cannot be read or GitHub makes no token.
    """
    match manager.auth_method:
        case "approle":
            return AppRole(_needed("VAULT_ROLE_ID", around), SecretStr(_needed("VAULT_SECRET_ID", around)))
        case "kubernetes":
            return Shown(_file(Path(manager.token_file or SERVICE_ACCOUNT), around))
        case "jwt" if manager.token_file is not None:
            return Shown(_file(Path(manager.token_file), around))
        case "jwt":
            return Shown(_of_the_job(manager, around))
        case _:
            return _own_token(around)


def _own_token(around: Surroundings) -> SecretStr:
    """Return the token in VAULT_TOKEN, else the one that `vault login` left in the home folder."""
    left = Path(around.environment.get("HOME", "")) / ".vault-token"
    if not around.environment.get("VAULT_TOKEN") and left.is_absolute() and left.is_file():
        return _file(left, around)
    return SecretStr(_needed("VAULT_TOKEN", around))


def _of_the_job(manager: VaultManager, around: Surroundings) -> SecretStr:
    """Return the token of this pipeline's job: GitLab puts it into a variable, GitHub makes one when it is asked."""
    if given := around.environment.get("VAULT_ID_TOKEN"):
        return SecretStr(given)
    address = around.environment.get("ACTIONS_ID_TOKEN_REQUEST_URL")
    if not address:
        raise MissingVariable(
            "the job has no token of its own to show to Vault",
            place="secrets.vault.auth_method",
            hint="On GitHub allow `permissions: {id-token: write}`; on GitLab add `id_tokens: {VAULT_ID_TOKEN: {aud: "
            "ADDRESS}}`; elsewhere name its file as `token_file`.",
        )
    try:
        answer = requests.get(
            address,
            params={"audience": manager.audience or manager.address},
            headers={"Authorization": f"Bearer {_needed('ACTIONS_ID_TOKEN_REQUEST_TOKEN', around)}"},
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )
        answer.raise_for_status()
        return SecretStr(answer.json()["value"])
    except (requests.RequestException, ValueError, KeyError, TypeError):
        # What was asked and answered holds tokens, so that the cause does not go along.
        raise SecretNotFetched(
            "GitHub made no token for this job",
            place="secrets.vault.auth_method",
            hint="Allow `permissions: {id-token: write}` for the job, and try again.",
        ) from None


def _needed(name: str, around: Surroundings) -> str:
    value = around.environment.get(name)
    if not value:
        raise MissingVariable(
            f"the variable {name} is not set or empty, and Vault asks for it",
            place="secrets.vault.auth_method",
            hint=f"Set {name}, or choose another `auth_method`.",
        )
    return value


def _file(path: Path, around: Surroundings) -> SecretStr:
    try:
        return SecretStr((around.directory / path).read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError):
        raise SecretNotFetched(
            f"the token in {path} cannot be read",
            place="secrets.vault.token_file",
            hint="Name a file that this user may read; in Kubernetes give the pod a service account.",
        ) from None
