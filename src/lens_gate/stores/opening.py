"""Opening the store at an address; the clients of a kind are imported when one of it is opened, not before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import assert_never

from lens_gate.errors import UsageProblem
from lens_gate.stores.address import Address, FolderAddress, GcsAddress, GitAddress, S3Address, SqlAddress
from lens_gate.stores.base import Store
from lens_gate.stores.conditions import Retries
from lens_gate.stores.file import FileStore
from lens_gate.stores.git.opening import open_git
from lens_gate.stores.object_store import ObjectStore
from lens_gate.stores.settings import GcsSettings, S3Settings, SqlSettings, StoreSettings, Surroundings

_GCS_LONGEST_PAUSE_S = 5.0
"""One object takes about one write a second there, so that writers of one index have to spread further."""


def open_store(address: Address, settings: StoreSettings, around: Surroundings) -> Store:
    """Return the store at an address; only git is asked for anything before the store is used.

    Raises UsageProblem where the packages of its kind are not installed, or there is no repository.
    """
    match address:
        case FolderAddress():
            return FileStore(around.directory / address.path)
        case GitAddress():
            return open_git(address, settings.git, around)
        case SqlAddress():
            return _sql(address, settings.sql, around)
        case S3Address():
            return _s3(address, settings.s3, around)
        case GcsAddress():
            return _gcs(address, settings.gcs, around)
        case _ as unreachable:
            assert_never(unreachable)


def _sql(address: SqlAddress, settings: SqlSettings, around: Surroundings) -> Store:
    kind = address.url.partition(":")[0].lower()
    extra = "sql" if kind.startswith("sqlite") else "postgres" if kind.startswith("postgres") else "mysql"
    with _needing(extra, place=str(address)):
        from lens_gate.stores.sql.opening import open_sql  # noqa: PLC0415

        return open_sql(address, settings, around)


def _s3(address: S3Address, settings: S3Settings, around: Surroundings) -> Store:
    with _needing("s3", place=str(address)):
        from lens_gate.stores.s3 import S3Objects, connect  # noqa: PLC0415

    objects = S3Objects(connect(settings), address.bucket, _folder(address.prefix))
    return ObjectStore(objects, Retries(around.rng, around.sleep))


def _gcs(address: GcsAddress, settings: GcsSettings, around: Surroundings) -> Store:
    with _needing("gcs", place=str(address)):
        from lens_gate.stores.gcs import GcsObjects, connect  # noqa: PLC0415

    objects = GcsObjects(connect(settings), address.bucket, _folder(address.prefix), settings)
    return ObjectStore(objects, Retries(around.rng, around.sleep, longest_pause_s=_GCS_LONGEST_PAUSE_S))


def _folder(prefix: str) -> str:
    return f"{prefix}/" if prefix else ""


@contextmanager
def _needing(extra: str, *, place: str) -> Iterator[None]:
    """Name the extra that brings the packages which are imported here."""
    try:
        yield
    except ImportError as error:
        raise UsageProblem(
            f"this kind of store needs a package that is not installed: {error.name or error}",
            place=place,
            hint=f"Run: pip install 'lens-gate[{extra}]'",
        ) from error
