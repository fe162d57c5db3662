from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest

from lens_gate.errors import UsageProblem
from lens_gate.stores.address import FolderAddress, parse_address
from lens_gate.stores.file import FileStore
from lens_gate.stores.git.store import GitStore
from lens_gate.stores.object_store import ObjectStore
from lens_gate.stores.opening import open_store
from lens_gate.stores.settings import S3Settings, SqlSettings, StoreSettings, Surroundings
from lens_gate.stores.sql.store import SqlStore
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


def test_a_database_is_opened_with_its_prefix_and_from_where_the_process_runs(around: Surroundings) -> None:
    settings = StoreSettings(sql=SqlSettings(table_prefix="bench_"))
    store = open_store(parse_address("sqlite:///below/store.db"), settings, around)
    assert isinstance(store, SqlStore)
    store.put("results/one", b"x")
    assert b"bench_artifacts" in (around.directory / "below" / "store.db").read_bytes()


@pytest.mark.parametrize(
    ("address", "missing", "extra"),
    [
        ("sqlite:///store.db", "sqlalchemy", "sql"),
        ("postgresql://user:secret@host/db", "psycopg", "postgres"),
        ("postgres://user:secret@host/db", "sqlalchemy", "postgres"),
        ("mysql://user:secret@host/db", "pymysql", "mysql"),
        ("mariadb://user:secret@host/db", "pymysql", "mysql"),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_its_extra(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch, address: str, missing: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    for module in [name for name in sys.modules if name.startswith("lens_gate.stores.sql.opening")]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(UsageProblem, match=f"needs a package that is not installed: {missing}") as caught:
        open_store(parse_address(address), StoreSettings(), around)
    assert caught.value.hint == f"Run: pip install 'lens-gate[{extra}]'"
    assert "secret" not in str(caught.value)


def test_buckets_are_opened_with_their_settings_and_nothing_is_sent(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    settings = StoreSettings(s3=S3Settings(region="eu-central-1", endpoint_url="http://127.0.0.1:9"))
    for text, place in (
        ("s3://bench/api/", "s3://bench/api"),
        ("s3://bench", "s3://bench"),
        ("gs://bench/api", "gs://bench/api"),
    ):
        store = open_store(parse_address(text), settings, around)
        assert isinstance(store, ObjectStore)
        assert store.place == place


@pytest.mark.parametrize(
    ("text", "extra", "package"), [("s3://b", "s3", "boto3"), ("gs://b", "gcs", "google.cloud.storage")]
)
def test_the_package_of_a_bucket_that_is_not_installed_is_named_with_its_extra(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch, text: str, extra: str, package: str
) -> None:
    for module in (f"lens_gate.stores.{extra}", f"lens_gate.stores.{extra}_faults"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UsageProblem, match=f"needs a package that is not installed: {package}") as caught:
        open_store(parse_address(text), StoreSettings(), around)
    assert (caught.value.place, caught.value.hint) == (text, f"Run: pip install 'lens-gate[{extra}]'")
