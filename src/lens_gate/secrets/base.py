"""What all secret managers have in common: what is asked for, where they are, and what may go wrong.

No text of a manager or of its client is passed on in an error: it may quote what it was sent.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pydantic import SecretStr

from lens_gate.errors import NoSuchSecret, SecretNotFetched

TIMEOUT_S = 10.0
"""How long one request to a manager may take."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One secret: its path in the manager, and which field of it (None: all of it). `place` is for messages."""

    path: str
    field: str | None = None
    place: str | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class EnvironmentManager:
    """Variables of this process; a path is the name of one."""


@dataclass(frozen=True, slots=True)
class FileManager:
    """Files of this machine, such as those that Docker and Kubernetes mount; a path is relative to the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultManager:
    """A HashiCorp Vault server, and how to log in to it.

    `auth_mount` is where the method of logging in is mounted, `mount` the secrets' own. `token_file` holds the token of
    the job or service account that is shown; `audience` is whom GitHub is asked to make one for.
    """

    address: str
    auth_method: str = "token"
    auth_mount: str | None = None
    role: str | None = None
    audience: str | None = None
    token_file: str | None = None
    namespace: str | None = None
    mount: str = "secret"
    kv_version: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsManager:
    """AWS Secrets Manager; what is None comes from where the AWS tools look."""

    region: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureManager:
    """An Azure Key Vault, by its address."""

    vault_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleManager:
    """Google Secret Manager; without a project each path is a whole name, `projects/P/secrets/S/versions/V`."""

    project: str | None = None


Manager: TypeAlias = EnvironmentManager | FileManager | VaultManager | AwsManager | AzureManager | GoogleManager


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a manager takes from the process: the folder that relative paths start at, and the environment."""

    directory: Path
    environment: Mapping[str, str] = dataclasses.field(repr=False)


Fetch: TypeAlias = Callable[[Manager, Sequence[Reference]], Sequence[SecretStr]]
"""Fetches secrets in one go, in their order."""


def not_found(reference: Reference, where: str, hint: str) -> NoSuchSecret:
    """Return the error for a path that holds nothing."""
    return NoSuchSecret(f"{where} has no secret at `{reference.path}`", place=reference.place, hint=hint)


def denied(reference: Reference, where: str, hint: str) -> SecretNotFetched:
    """Return the error for a secret that these credentials may not read."""
    return SecretNotFetched(f"{where} denies access to `{reference.path}`", place=reference.place, hint=hint)


def secret_of(text: str, reference: Reference) -> SecretStr:
    """Return the field of a text that is a JSON object, or the text itself where no field is asked for."""
    if reference.field is None:
        return _filled(text, reference)
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise NoSuchSecret(
            f"the secret at `{reference.path}` is no JSON object, so that it has no field `{reference.field}`",
            place=reference.place,
            hint="Leave `field` out to take the secret as a whole.",
        )
    return field_of(fields, reference)


def field_of(fields: Mapping[str, object], reference: Reference) -> SecretStr:
    """Return one field of a secret that has several; without a name it must be the only one."""
    name = reference.field if reference.field is not None or len(fields) != 1 else next(iter(fields))
    value = fields.get(name) if name is not None else None
    if value is None:
        which = f"no field `{name}`" if name is not None else "several fields"
        raise NoSuchSecret(
            f"the secret at `{reference.path}` has {which}",
            place=reference.place,
            hint=f"Set `field` to one of: {', '.join(sorted(fields)) or 'it has none'}.",
        )
    return _filled(value if isinstance(value, str) else json.dumps(value), reference)


def _filled(text: str, reference: Reference) -> SecretStr:
    if not text:
        raise NoSuchSecret(f"the secret at `{reference.path}` is empty", place=reference.place, hint="Give it a value.")
    return SecretStr(text)
