from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lens_gate.errors import ArtifactCorrupt, ConditionFailed, NotStored, PublishFailed, UsageProblem
from lens_gate.stores.base import Condition, ETag, Listing, Store, Stored, check_key
from lens_gate.stores.file import FileStore
from lens_gate.vocabulary.index import IndexEntry

ENTRY = IndexEntry(
    kind="run", id="run-1", name="support-bot", created_at="2026-03-02T10:05:01Z", schema_version=1, branch="größer"
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return FileStore(tmp_path / "store")


def test_what_is_put_can_be_got(store: Store) -> None:
    etag = store.put("runs/main/1.json.gz", b"one", ENTRY)
    assert store.get("runs/main/1.json.gz") == b"one"
    assert store.read("runs/main/1.json.gz") == Stored(b"one", etag)


def test_a_key_without_bytes_is_told(store: Store) -> None:
    store.put("runs/1", b"one")
    for key in ("runs/2", "runs"):
        with pytest.raises(NotStored, match=f"nothing is stored under {key}"):
            store.get(key)


def test_a_listing_is_sorted_has_the_entries_and_knows_prefixes(store: Store) -> None:
    assert store.list() == ()
    store.put("runs/2", b"two", ENTRY)
    store.put("runs/1", b"one")
    store.put("base", b"zero", ENTRY)
    assert store.list() == (Listing("base", ENTRY), Listing("runs/1", None), Listing("runs/2", ENTRY))
    assert store.list("runs/") == (Listing("runs/1", None), Listing("runs/2", ENTRY))
    assert store.list("other/") == ()


def test_a_later_write_replaces_bytes_and_entry(store: Store) -> None:
    store.put("a", b"one", ENTRY)
    store.put("a", b"two")
    assert (store.get("a"), store.list()) == (b"two", (Listing("a", None),))


def test_bytes_are_replaced_only_while_they_are_what_was_read(store: Store) -> None:
    first = store.put("a", b"one", condition="absent")
    second = store.put("a", b"two", condition=first)
    assert first != second
    for condition in (first, "absent"):
        with pytest.raises(ConditionFailed, match="a does not hold what was to be replaced") as caught:
            store.put("a", b"three", ENTRY, condition)
        assert caught.value.exit_code == 7
    assert (store.read("a"), store.list()) == (Stored(b"two", second), (Listing("a", None),))
    store.put("a", b"four", condition="none")
    assert store.get("a") == b"four"


def test_what_is_deleted_is_gone_with_its_entry(store: Store) -> None:
    etag = store.put("runs/1", b"one", ENTRY)
    with pytest.raises(ConditionFailed):
        store.delete("runs/1", ETag("0" * 64))
    store.delete("runs/1", etag)
    assert store.list() == ()
    with pytest.raises(NotStored):
        store.delete("runs/1")


def test_the_newest_are_found_by_day_and_then_by_time(store: Store) -> None:
    for key, minute in (("2025/12/31/z", 59), ("2026/01/02/b", 1), ("2026/01/02/a", 2), ("2026/01/10/c", 0)):
        store.put(f"results/{key}", b"x", replace(ENTRY, created_at=f"2026-01-01T00:{minute:02d}:00Z"))
    store.put("results/2026/01/11/silent", b"x")
    found = [listing.key for listing in store.newest("results", 3)]
    assert found == ["results/2026/01/10/c", "results/2026/01/02/a", "results/2026/01/02/b"]
    assert len(store.newest("results/", 9)) == 4
    assert store.newest("elsewhere", 9) == ()


@pytest.mark.parametrize("condition", [ETag("0" * 64), ETag("none"), ETag("absent")])
def test_a_tag_never_fits_a_key_without_bytes(store: Store, condition: Condition) -> None:
    with pytest.raises(ConditionFailed):
        store.put("a", b"one", condition=condition)


@pytest.mark.parametrize("key", ["a", "runs/main/1.json.gz", "v1.2_x+y=z@w,q-r", "a" * 512])
def test_keys_that_every_store_can_hold_are_taken(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", ".", "..", "a/../b", ".lock", "a/.b", "a b", "a\\b", "ä", "a\n", "a" * 513]
)
def test_keys_that_leave_the_store_or_that_some_store_cannot_hold_are_refused(store: Store, key: str) -> None:
    with pytest.raises(UsageProblem, match="cannot be the key"):
        store.put(key, b"x")
    with pytest.raises(UsageProblem, match="cannot be the key"):
        store.get(key)


def test_the_index_is_no_key(store: Store) -> None:
    with pytest.raises(UsageProblem, match="the store's own file"):
        store.put("index.json", b"{}")


def test_a_broken_index_is_named_with_a_next_step(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.put("a", b"one", ENTRY)
    (tmp_path / "index.json").write_bytes(b"{")
    with pytest.raises(ArtifactCorrupt, match=r"index\.json: this is not the index of a store"):
        store.list()


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PublishFailed, match="the store cannot be written"):
        FileStore(tmp_path / "file" / "store").put("a", b"one")


WRITER = """
import sys
from pathlib import Path
from lens_gate.errors import ConditionFailed
from lens_gate.stores.file import FileStore
from lens_gate.vocabulary.index import IndexEntry
store, name = FileStore(Path(sys.argv[1])), sys.argv[2]
for number in range(20):
    entry = IndexEntry(kind="run", id=name, name=name, created_at="", schema_version=1)
    store.put(f"{name}/{number}", b"x", entry)
    for _ in range(1000):
        held = store.read("log")
        try:
            store.put("log", held.data + f"{name}{number} ".encode(), condition=held.etag)
            break
        except ConditionFailed:
            continue
"""


def test_concurrent_writers_lose_nothing(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.put("log", b"")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in ("a", "b", "c")]
    try:
        assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    finally:
        for writer in writers:
            writer.kill()
    expected = {f"{name}{number}" for name in ("a", "b", "c") for number in range(20)}
    assert set(store.get("log").decode().split()) == expected
    assert len(store.get("log").decode().split()) == 60
    assert sum(listing.entry is not None for listing in store.list()) == 60
