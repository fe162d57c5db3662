"""Secret managers, and where in them the secrets lie that variables of a configuration stand for."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from lens_gate.config.section import Section
from lens_gate.config.types import Address

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_OF_METHODS = {"role": ("jwt", "kubernetes"), "token_file": ("jwt", "kubernetes"), "audience": ("jwt",)}


class Vault(Section):
    """A HashiCorp Vault server, and how to log in there; tokens and passwords come from Vault's usual variables."""

    address: Address
    auth_method: Literal["token", "approle", "jwt", "kubernetes"] = "token"
    auth_mount: str | None = None
    role: str | None = None
    audience: str | None = None
    token_file: str | None = None
    namespace: str | None = None
    mount: str = "secret"
    kv_version: Literal[1, 2] = 2

    @model_validator(mode="after")
    def _of_its_method(self) -> Self:
        """Refuse what the chosen way to log in does not use."""
        for name, methods in _OF_METHODS.items():
            if getattr(self, name) is not None and self.auth_method not in methods:
                msg = f"`{name}` is for auth_method {' and '.join(methods)}, not for {self.auth_method}"
                raise ValueError(msg)
        if self.auth_method == "kubernetes" and self.role is None:
            msg = "auth_method kubernetes needs a `role`"
            raise ValueError(msg)
        return self


class AwsSecrets(Section):
    """AWS Secrets Manager."""

    region: str | None = None
    endpoint: Address | None = None


class AzureKeyVault(Section):
    """An Azure Key Vault."""

    vault_url: Address


class GoogleSecrets(Section):
    """Google Secret Manager."""

    project: str | None = None


def _variable(value: str) -> str:
    if _VARIABLE.fullmatch(value) is None:
        msg = "expected the name of a variable (letters, digits and _), as in ${NAME}"
        raise ValueError(msg)
    return value


class SecretKey(Section):
    """Where the secret lies that `${NAME}` stands for; without `field` it is all that lies at `path`."""

    name: Annotated[str, AfterValidator(_variable)]
    path: str = Field(min_length=1)
    field: str | None = None


class Secrets(Section):
    """A secret manager, and what is fetched from it when it is used."""

    provider: Literal["environment", "file", "vault", "aws-secrets", "azure-keyvault", "gcp-secrets"]
    vault: Vault | None = None
    aws: AwsSecrets | None = None
    azure: AzureKeyVault | None = None
    gcp: GoogleSecrets | None = None
    keys: tuple[SecretKey, ...] = ()

    @model_validator(mode="after")
    def _one_manager(self) -> Self:
        """Refuse another manager's section, which nothing would read, and the lack of one that is needed."""
        own = {"vault": "vault", "aws-secrets": "aws", "azure-keyvault": "azure", "gcp-secrets": "gcp"}
        mine = own.get(self.provider)
        for name in own.values():
            if name != mine and getattr(self, name) is not None:
                msg = f"the section `{name}` is of another manager than `provider: {self.provider}`"
                raise ValueError(msg)
        if mine in {"vault", "azure"} and getattr(self, mine) is None:
            msg = f"`provider: {self.provider}` needs a section `{mine}` that says where it is"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        """Refuse names that differ in case alone: `${NAME}` would stand for both."""
        names = [key.name.lower() for key in self.keys]
        if twice := next((name for name in names if names.count(name) > 1), None):
            msg = f"two of the `keys` are called {twice!r}; case does not tell names apart"
            raise ValueError(msg)
        return self
