from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.errors import UsageProblem
from lens_gate.stores.address import (
    Address,
    FolderAddress,
    GcsAddress,
    GitAddress,
    S3Address,
    SqlAddress,
    parse_address,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("results/", FolderAddress("results/")),
        ("/var/lib/lens gate", FolderAddress("/var/lib/lens gate")),
        ("..", FolderAddress("..")),
        ("größer", FolderAddress("größer")),
        (r"C:\results", FolderAddress(r"C:\results")),
        ("d:/results", FolderAddress("d:/results")),
        (r"\\server\share", FolderAddress(r"\\server\share")),
        ("./git:main", FolderAddress("./git:main")),
        ("2026:03", FolderAddress("2026:03")),
        ("elsewhere:old", FolderAddress("elsewhere:old")),
        ("git:lens-gate", GitAddress("lens-gate")),
        ("git:bench/history", GitAddress("bench/history")),
        ("git:bench/history:api/chat/", GitAddress("bench/history", "api/chat")),
        ("git:refs/heads/lens-gate", GitAddress("lens-gate")),
        ("GIT:größer", GitAddress("größer")),
        ("s3://bucket", S3Address("bucket")),
        ("s3://bucket/", S3Address("bucket")),
        ("s3://bucket/team/api/", S3Address("bucket", "team/api")),
        ("gs://bucket/team", GcsAddress("bucket", "team")),
        ("sqlite:///results.db", SqlAddress("sqlite:///results.db")),
        ("postgresql://ann:pw@db:5432/bench", SqlAddress("postgresql://ann:pw@db:5432/bench")),
        ("postgresql+psycopg://db/bench", SqlAddress("postgresql+psycopg://db/bench")),
        ("mysql://db/bench?ssl=1", SqlAddress("mysql://db/bench?ssl=1")),
        ("mariadb://db/bench", SqlAddress("mariadb://db/bench")),
    ],
)
def test_each_kind_of_address_is_read(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "a store needs an address", "A store is a folder"),
        ("  ", "a store needs an address", "A store is a folder"),
        ("a\0b", "a store needs an address", "A store is a folder"),
        ("git:", "'' cannot be the name of a branch", "git:BRANCH"),
        ("git:a..b", "'a..b' cannot be the name of a branch", "git:BRANCH"),
        ("git:-delete", "'-delete' cannot be", "git:BRANCH"),
        ("git:a b", "'a b' cannot be", "git:BRANCH"),
        ("git:x.lock", "'x.lock' cannot be", "git:BRANCH"),
        ("git:x/", "'x/' cannot be", "git:BRANCH"),
        ("git:x:.hidden", "'.hidden' cannot be a folder of a store", "none of them starting with a dot"),
        ("git:x:a:b", "'a:b' cannot be a folder of a store", "Use letters"),
        ("git://host/repository", "not the address of a repository", "stores: {git: {remote"),
        ("git:https://u:hunter2@host/r.git", "not the address of a repository", "stores: {git: {remote"),
        ("s3:bucket", "names no bucket", "s3://BUCKET/PREFIX"),
        ("s3:///prefix", "names no bucket", "s3://BUCKET/PREFIX"),
        ("gs:/bucket", "names no bucket", "gs://BUCKET/PREFIX"),
        ("s3://bucket?region=eu", "more than a bucket", "belong to the configuration"),
        ("s3://key:hunter2@bucket/x", "more than a bucket", "belong to the configuration"),
        ("s3://bucket/größer", "cannot be a folder of a store", "Use letters"),
        ("sqlite:results.db", "not complete", "sqlite:///FILE"),
        ("postgresql:hunter2", "not complete", "postgresql://USER@HOST/DATABASE"),
        ("postgre://u:hunter2@host/db", "postgre:// is no kind of store", "Did you mean postgresql://"),
        ("gcs://bucket", "gcs:// is no kind of store", "Did you mean gs://BUCKET"),
        ("file:///tmp/x", "file:// is no kind of store", "A store is a folder"),
        ("mongodb+srv://u:hunter2@host", "mongodb+srv:// is no kind of store", "A store is a folder"),
        ("s3+x://bucket", "s3+x:// is no kind of store", "Did you mean s3://"),
        ("gti:main", "gti: is no kind of store", "Did you mean git:BRANCH or git:BRANCH:FOLDER? A folder of this name"),
    ],
)
def test_what_is_no_address_is_refused_with_the_nearest_kind_and_without_password(
    text: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse_address(text)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("results/", "results/"),
        ("git:a/b:c", "git:a/b:c"),
        ("git:a", "git:a"),
        ("s3://bucket", "s3://bucket"),
        ("gs://bucket/a/b/", "gs://bucket/a/b"),
        ("sqlite:////var/results.db", "sqlite:////var/results.db"),
        ("postgresql://ann:hunter2@db:5432/bench?sslpassword=hunter2#x", "postgresql://ann@db:5432/bench"),
        ("postgresql://:hunter2@db/bench", "postgresql://db/bench"),
        ("mysql://ann@db/bench", "mysql://ann@db/bench"),
    ],
)
def test_an_address_is_shown_without_its_password(text: str, shown: str) -> None:
    address = parse_address(text)
    assert str(address) == shown
    assert "hunter2" not in repr(address) + str(address)


@given(password=st.text(st.characters(exclude_categories=["Cs"])))
def test_no_password_is_ever_shown(password: str) -> None:
    address = SqlAddress(f"postgresql://ann:{password}@db.example.org/bench")
    assert (str(address), repr(address)) == ("postgresql://ann@db.example.org/bench", "SqlAddress()")


@given(text=st.lists(st.sampled_from(["git", "s3", "sqlite", *":/@?.ä a\\", "//"])).map("".join))
def test_an_address_that_is_shown_is_the_same_address(text: str) -> None:
    try:
        address = parse_address(text)
    except UsageProblem:
        return
    shown = str(address)
    assert isinstance(address, SqlAddress) or parse_address(shown) == address
