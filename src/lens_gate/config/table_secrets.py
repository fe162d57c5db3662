"""The rows of the table of keys that say where secrets lie."""

from __future__ import annotations

from collections.abc import Mapping

from lens_gate.config.status import Effect, Status

SECRETS: Mapping[str, Status] = {
    "secrets.provider": Effect("secrets", "where the `keys` lie (docs/secrets.md)"),
    "secrets.vault.address": Effect("secrets", "the address of the Vault server"),
    "secrets.vault.auth_method": Effect("secrets", "how to log in: with a token, an AppRole, or a signed token"),
    "secrets.vault.auth_mount": Effect("secrets", "where that method is mounted; default: under its own name"),
    "secrets.vault.role": Effect("secrets", "the role to log in as (`jwt`, `kubernetes`)"),
    "secrets.vault.audience": Effect(
        "secrets", "whom GitHub makes the job's token for (`jwt`); default: the address of the server"
    ),
    "secrets.vault.token_file": Effect(
        "secrets", "file with the signed token (`jwt`, `kubernetes`); default: the job's, or the service account's"
    ),
    "secrets.vault.namespace": Effect("secrets", "the namespace (HCP and Enterprise)"),
    "secrets.vault.mount": Effect("secrets", "where the KV engine is mounted"),
    "secrets.vault.kv_version": Effect("secrets", "the version of that engine"),
    "secrets.aws.region": Effect("secrets", "the region; default: where the AWS tools look"),
    "secrets.aws.endpoint": Effect("secrets", "another address than Amazon's public one, such as a VPC endpoint's"),
    "secrets.azure.vault_url": Effect("secrets", "the address of the vault, https://NAME.vault.azure.net"),
    "secrets.gcp.project": Effect("secrets", "the project of secrets whose path does not name one"),
    "secrets.keys[].name": Effect("secrets", "the variable that stands for this secret, in any case"),
    "secrets.keys[].path": Effect("secrets", "where it lies: a path, a name, an ARN, a file, or another variable"),
    "secrets.keys[].field": Effect("secrets", "which field of it; without, all that lies there, or its only field"),
}
