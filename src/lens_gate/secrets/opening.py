"""Fetching from a manager; the client of each is imported when its manager is asked, not before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import assert_never

from pydantic import SecretStr

from lens_gate.errors import UsageProblem
from lens_gate.secrets.base import (
    AwsManager,
    AzureManager,
    EnvironmentManager,
    FileManager,
    GoogleManager,
    Manager,
    Reference,
    Surroundings,
    VaultManager,
)
from lens_gate.secrets.plain import from_here


def fetch_secrets(manager: Manager, references: Sequence[Reference], around: Surroundings) -> Sequence[SecretStr]:
    """Fetch secrets in one go.

    Raises NoSuchSecret for a path or field that is not there, SecretNotFetched where the manager refuses or cannot be
    reached, UsageProblem where the packages of its kind are not installed.
    """
    match manager:
        case EnvironmentManager() | FileManager():
            return from_here(manager, references, around)
        case VaultManager():
            with _needing("vault"):
                from lens_gate.secrets.vault import from_vault  # noqa: PLC0415
            return from_vault(manager, references, around)
        case AwsManager():
            with _needing("aws-secrets"):
                from lens_gate.secrets.aws import from_aws  # noqa: PLC0415
            return from_aws(manager, references)
        case AzureManager():
            with _needing("azure-secrets"):
                from lens_gate.secrets.azure import from_azure, signed_in  # noqa: PLC0415
            return from_azure(manager, references, signed_in())
        case GoogleManager():
            with _needing("gcp-secrets"):
                from lens_gate.secrets.google import from_google, signed_in_transport  # noqa: PLC0415
            return from_google(manager, references, signed_in_transport)
        case _ as never:
            assert_never(never)


@contextmanager
def _needing(extra: str) -> Iterator[None]:
    """Name the extra that brings the packages which are imported here."""
    try:
        yield
    except ImportError as error:
        raise UsageProblem(
            f"this secret manager needs a package that is not installed: {error.name or error}",
            place="secrets.provider",
            hint=f"Run: pip install 'lens-gate[{extra}]'",
        ) from error
