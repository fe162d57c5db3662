"""The file store: the contract, and what a disk can do to it."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from lens_gate.errors import PublishFailed
from lens_gate.stores.base import Listing, Tagged
from lens_gate.stores.file import FileStore
from lens_gate.stores.files import write_file
from tests.stores_contract import ENTRY, RICH, RUN, ConditionContract, IndexContract, StoreContract, Subject


class TestTheFileStore(StoreContract, ConditionContract, IndexContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        def overwrite(path: str, data: bytes | None) -> None:
            file = tmp_path / "store" / path
            file.unlink()
            if data is not None:
                file.write_bytes(data)

        return Subject(lambda: FileStore(tmp_path / "store"), overwrite)


def test_files_that_no_store_put_there_are_not_listed(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.put("a", b"one")
    for name in ("read me.txt", ".hidden", "größer"):
        (tmp_path / name).write_bytes(b"")
    assert store.list() == (Listing("a", None),)


def test_a_key_that_is_a_folder_is_not_written_and_nothing_is_lost(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.put("runs/1", b"one", ENTRY)
    for key in ("runs", "runs/1/2"):
        with pytest.raises(PublishFailed):
            store.put(key, b"two", ENTRY)
    assert store.list() == (Listing("runs/1", ENTRY),)


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PublishFailed, match="the store cannot be written") as caught:
        FileStore(tmp_path / "file" / "store").put("a", b"one")
    assert caught.value.place == str(tmp_path / "file" / "store")


def test_a_store_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    store = FileStore(tmp_path)
    store.put("a", b"one", ENTRY)
    monkeypatch.setattr(Path, "read_bytes", refused)
    for act in (lambda: store.get("a"), store.list, lambda: store.put("a", b"two")):
        with pytest.raises(PublishFailed, match="the store cannot be read: Permission denied"):
            act()


def test_a_file_system_that_has_no_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refused)
    with pytest.raises(PublishFailed, match="the store cannot be locked: No locks available"):
        FileStore(tmp_path).put("a", b"one")


def test_a_disk_that_is_full_in_the_middle_of_a_write_keeps_what_was_there(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.put(RUN, b"one", RICH)
    script = (
        "import sys; from pathlib import Path; from lens_gate.stores.file import FileStore; "
        "FileStore(Path(sys.argv[1])).put(sys.argv[2], bytes(1 << 20))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), RUN],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16)),
    )
    assert "PublishFailed" in done.stderr
    assert "has space left" in done.stderr
    assert store.get(RUN) == b"one"
    assert [listing.key for listing in store.list()] == [RUN]
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_write_that_fails_leaves_what_was_there_its_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, data: bytes) -> None:
        if path == tmp_path / RUN:
            raise PublishFailed("no space left")
        write_file(path, data)

    store = FileStore(tmp_path)
    store.put(RUN, b"one", ENTRY)
    monkeypatch.setattr("lens_gate.stores.file.write_file", refused)
    with pytest.raises(PublishFailed, match="no space left"):
        store.put(RUN, b"two", RICH)
    assert store.get(RUN) == b"one"
    assert store.list() == (Listing(RUN, ENTRY),)


class Killed(BaseException):
    """What no handler catches, as nothing catches SIGKILL."""


@pytest.mark.parametrize("at", range(4))
def test_after_a_kill_at_any_write_no_entry_speaks_of_other_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    store = FileStore(tmp_path)
    store.put(RUN, b"one", ENTRY)
    writes = 0

    def killed_at(path: Path, data: bytes) -> None:
        nonlocal writes
        if writes == at:
            raise Killed
        writes += 1
        write_file(path, data)

    monkeypatch.setattr("lens_gate.stores.file.write_file", killed_at)
    if at < 3:
        with pytest.raises(Killed):
            store.put(RUN, b"two", RICH)
    else:
        store.put(RUN, b"two", RICH)
    monkeypatch.undo()
    (listing,) = store.list()
    seen = (store.get(RUN), listing.entry and listing.entry.outcome, listing.entry is not None)
    assert seen == [(b"one", None, True), (b"one", None, False), (b"two", None, False), (b"two", "pass", True)][at]
    store.put(RUN, b"three", RICH)
    assert isinstance(store.read(RUN), Tagged)
    assert [one.entry is not None for one in store.newest("results", 9)] == [True]


def test_a_kill_in_a_deletion_leaves_no_entry_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed_at_the_file(path: Path, *, missing_ok: bool = False) -> None:
        if path == tmp_path / RUN:
            raise Killed
        unlink(path, missing_ok=missing_ok)

    unlink = Path.unlink
    store = FileStore(tmp_path)
    store.put(RUN, b"one", ENTRY)
    monkeypatch.setattr(Path, "unlink", killed_at_the_file)
    with pytest.raises(Killed):
        store.delete(RUN)
    monkeypatch.undo()
    assert store.list() == (Listing(RUN, None),)
    store.delete(RUN)
    assert store.list() == ()


WRITER = """
import sys
from pathlib import Path
from lens_gate.errors import ConditionFailed
from lens_gate.stores.file import FileStore
from lens_gate.vocabulary.index import IndexEntry
store, name = FileStore(Path(sys.argv[1])), sys.argv[2]
for number in range(6):
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
    expected = {f"{name}{number}" for name in ("a", "b", "c") for number in range(6)}
    assert set(store.get("log").decode().split()) == expected
    assert len(store.get("log").decode().split()) == 18
    assert sum(listing.entry is not None for listing in store.list()) == 18
