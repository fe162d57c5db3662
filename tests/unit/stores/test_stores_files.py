from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lens_gate.errors import ArtifactProblem, PublishFailed, UsageProblem
from lens_gate.stores import files
from lens_gate.stores.files import JournalFile, read_file, write_file

Fail = Callable[..., object]


def failing(code: int) -> Fail:
    def fail(*_: object, **__: object) -> object:
        raise OSError(code, os.strerror(code))

    return fail


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "run.json"
    write_file(path, b"one")
    write_file(path, b"two")
    assert read_file(path) == b"two"
    assert [found.name for found in path.parent.iterdir()] == ["run.json"]


def test_a_written_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    write_file(tmp_path / "run.json", b"")
    assert (tmp_path / "run.json").stat().st_mode == plain.stat().st_mode


def test_a_link_stays_a_link_to_the_new_bytes(tmp_path: Path) -> None:
    link = tmp_path / "latest.json"
    link.symlink_to("run.json")
    write_file(link, b"new")
    assert (link.is_symlink(), (tmp_path / "run.json").read_bytes()) == (True, b"new")


def test_a_device_is_written_and_not_replaced() -> None:
    before = Path(os.devnull).stat().st_mode
    write_file(Path(os.devnull), b"gone")
    assert Path(os.devnull).stat().st_mode == before


def test_the_longest_name_that_the_system_allows_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".json")
    write_file(path, b"long")
    assert read_file(path) == b"long"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "run.json"
    write_file(path, b"old")
    monkeypatch.setattr(os, "fsync", failing(errno.ENOSPC) if step == "fsync" else os.fsync)
    monkeypatch.setattr(Path, "replace", failing(errno.EACCES) if step == "replace" else Path.replace)
    with pytest.raises(PublishFailed, match=r"run\.json: the file cannot be written: (No space|Permission)") as caught:
        write_file(path, b"new")
    assert caught.value.exit_code == 7
    assert caught.value.hint
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("run.json", b"old")]


def test_a_system_that_cannot_sync_a_folder_still_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "open", failing(errno.EACCES))
    files._sync_folder(tmp_path)  # noqa: SLF001 the failure of this step alone can be planted only here


@pytest.mark.parametrize("name", ["", "file/run.json", "loop", "nul\0.json"])
def test_an_output_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(PublishFailed, match="the file cannot be written") as caught:
        write_file(tmp_path / name, b"x")
    assert caught.value.place == str(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no.json", "there is no such file"),
        ("file/run.json", "there is no such file"),
        ("", "this is a folder, not a file"),
    ],
)
def test_a_path_that_is_no_file_is_a_usage_problem(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageProblem, match=says) as caught:
        read_file(tmp_path / name)
    assert caught.value.place == str(tmp_path / name)
    assert caught.value.hint


def test_a_file_that_may_not_be_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_bytes", failing(errno.EACCES))
    with pytest.raises(ArtifactProblem, match=r"run\.json: the file cannot be read: Permission denied"):
        read_file(tmp_path / "run.json")


def test_a_path_that_no_system_knows_says_why(tmp_path: Path) -> None:
    with pytest.raises(ArtifactProblem, match="null byte"):
        read_file(tmp_path / "a\0b")


@pytest.mark.parametrize("durable", [False, True])
def test_a_journal_grows_and_is_kept_under_its_final_name(tmp_path: Path, durable: bool) -> None:
    journal = JournalFile(tmp_path / "new" / "run.journal", durable=durable)
    journal.append(b"one")
    journal.append(b"two")
    assert journal.path.read_bytes() == b"onetwo"
    (tmp_path / "run.samples.jsonl.gz").write_bytes(b"of an older run")
    journal.keep_as(tmp_path / "run.samples.jsonl.gz")
    assert journal.path.read_bytes() == b"onetwo"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["run.samples.jsonl.gz"]


def test_a_journal_can_be_thrown_away(tmp_path: Path) -> None:
    with JournalFile(tmp_path / "run.journal") as journal:
        journal.append(b"one")
        journal.discard()
        journal.discard()
    assert list(tmp_path.iterdir()) == []


def test_the_journal_of_an_earlier_run_is_never_overwritten(tmp_path: Path) -> None:
    with JournalFile(tmp_path / "run.journal") as journal:
        journal.append(b"evidence")
    with pytest.raises(PublishFailed, match="the file cannot be written: File exists"):
        JournalFile(tmp_path / "run.journal")
    assert read_file(tmp_path / "run.journal") == b"evidence"


def test_a_failed_append_leaves_no_part_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    with JournalFile(tmp_path / "run.journal") as journal:
        journal.append(b"one")
        disk = iter([lambda: write(journal._file.fileno(), b"tw"), failing(errno.ENOSPC)])  # noqa: SLF001 a full disk writes a part
        monkeypatch.setattr(os, "write", lambda *_: next(disk)())
        with pytest.raises(PublishFailed, match=r"run\.journal: the file cannot be written: No space left"):
            journal.append(b"two")
        assert journal.path.read_bytes() == b"one"
        monkeypatch.setattr(os, "write", write)
        journal.append(b"three")
    assert read_file(tmp_path / "run.journal") == b"onethree"


def test_a_journal_that_cannot_be_opened_closed_or_moved_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PublishFailed, match="the file cannot be written"):
        JournalFile(tmp_path / "file" / "run.journal")
    journal = JournalFile(tmp_path / "run.journal")
    with pytest.raises(PublishFailed, match="the file cannot be written"):
        journal.keep_as(tmp_path / "file" / "run.samples.jsonl.gz")
    other = JournalFile(tmp_path / "other.journal")
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(PublishFailed, match=r"other\.journal"):
        other.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from lens_gate.stores.files import JournalFile
journal = JournalFile(Path(sys.argv[1]))
for block in (b"one", b"two"):
    journal.append(block)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_appended_outlives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "run.journal"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, timeout=30)
    assert done.returncode == -signal.SIGKILL
    assert read_file(path) == b"onetwo"
