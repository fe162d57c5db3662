"""Opening the store at an address; the clients of a kind are imported when one of it is opened, not before."""

from __future__ import annotations

from typing import assert_never

from lens_gate.errors import NotAvailableYet
from lens_gate.stores.address import Address, FolderAddress, GcsAddress, GitAddress, S3Address, SqlAddress
from lens_gate.stores.base import Store
from lens_gate.stores.file import FileStore
from lens_gate.stores.git.opening import open_git
from lens_gate.stores.settings import StoreSettings, Surroundings


def open_store(address: Address, settings: StoreSettings, around: Surroundings) -> Store:
    """Return the store at an address; only git is asked for anything before the store is used.

    Raises UsageProblem where the packages of its kind are not installed, or there is no repository.
    """
    match address:
        case FolderAddress():
            return FileStore(around.directory / address.path)
        case GitAddress():
            return open_git(address, settings.git, around)
        case S3Address() | GcsAddress() | SqlAddress():
            raise NotAvailableYet("this kind of store is not available yet", place=str(address))
        case _ as unreachable:
            assert_never(unreachable)
