"""The secrets of a configuration, fetched from their manager when the parts that use them are used."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, assert_never

from lens_gate.config.index import KeyPath
from lens_gate.config.load import LoadedConfig
from lens_gate.config.managers import Secrets
from lens_gate.config.section import Section
from lens_gate.config.substitute import secrets_needed, substitute
from lens_gate.config.tree import value_at
from lens_gate.secrets.base import (
    AwsManager,
    AzureManager,
    EnvironmentManager,
    FileManager,
    GoogleManager,
    Manager,
    Reference,
    VaultManager,
)
from lens_gate.steps.world import World

_IDENTITIES = (
    "VAULT_TOKEN",
    "VAULT_ROLE_ID",
    "VAULT_SECRET_ID",
    "VAULT_ID_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
)


def with_secrets(loaded: LoadedConfig, used: Collection[KeyPath] | None, world: World) -> Mapping[str, str]:
    """Return the environment, and in it the secrets that the `used` parts read and that are not set there.

    The caller has made sure before that a trusted configuration vouches for the manager and for each secret.
    """
    needed = secrets_needed(loaded, world.environment, used)
    if not needed:
        return world.environment
    secrets = substitute(loaded, world.environment, used=[("secrets",)]).secrets
    if secrets is None:
        return world.environment
    references = [
        Reference(key.path, key.field, loaded.place(("secrets", "keys", index)))
        for index, key in ((index, secrets.keys[index]) for index in needed.values())
    ]
    fetched = world.keyring.get(manager_of(secrets), references)
    return {**world.environment, **{name: one.get_secret_value() for name, one in zip(needed, fetched, strict=True)}}


def identities(loaded: LoadedConfig) -> Iterator[str]:
    """Yield the variables that open a configuration's secret manager: what else is started has no use for them."""
    manager = value_at(loaded.tree, ("secrets",))
    if isinstance(manager, dict):
        yield from _IDENTITIES
        keys = manager.get("keys")
        if manager.get("provider") == "environment" and isinstance(keys, list):
            yield from (str(key["path"]) for key in keys if isinstance(key, dict))


def manager_of(secrets: Secrets) -> Manager:
    """Return what a configuration says about its manager."""
    match secrets.provider:
        case "environment" | "file":
            return EnvironmentManager() if secrets.provider == "environment" else FileManager()
        case "vault":
            return VaultManager(**_section(secrets.vault))
        case "aws-secrets":
            return AwsManager(**_section(secrets.aws))
        case "azure-keyvault":
            return AzureManager(**_section(secrets.azure))
        case "gcp-secrets":
            return GoogleManager(**_section(secrets.gcp))
        case _ as never:
            assert_never(never)


def _section(section: Section | None) -> dict[str, Any]:
    """Return the keys of a manager's section; the schema has made sure that one is there where it must be."""
    return section.model_dump() if section else {}
