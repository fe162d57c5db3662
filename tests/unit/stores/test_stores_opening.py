from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from lens_gate.stores.address import FolderAddress, parse_address
from lens_gate.stores.file import FileStore
from lens_gate.stores.git.store import GitStore
from lens_gate.stores.opening import open_store
from lens_gate.stores.settings import StoreSettings, Surroundings
from tests.fakes.git import make_repository


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    return Surroundings(directory=tmp_path, environment={"PATH": "/usr/bin:/bin"}, rng=Random(1), sleep=lambda _: None)


@pytest.mark.parametrize(("path", "place"), [("results/", "results"), ("/somewhere", "/somewhere")])
def test_a_folder_is_opened_from_where_the_process_runs(around: Surroundings, path: str, place: str) -> None:
    store = open_store(FolderAddress(path), StoreSettings(), around)
    assert isinstance(store, FileStore)
    assert store.root == around.directory / place


def test_a_branch_is_opened_in_the_repository_around(around: Surroundings) -> None:
    make_repository(around.directory)
    store = open_store(parse_address("git:lens-gate"), StoreSettings(), around)
    assert isinstance(store, GitStore)
    assert store.place == "git:lens-gate (this repository)"
