"""A file that begins anew before it grows too large."""

from __future__ import annotations

import gzip
from contextlib import closing
from pathlib import Path

import pytest

from lens_gate.stores.rotated import RotatedFile


def line(number: int) -> bytes:
    return f"line {number:04d}\n".encode()


def read(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.mark.parametrize(("compress", "ending"), [(False, ""), (True, ".gz")])
def test_old_files_take_the_next_number_and_nothing_is_torn_or_lost(
    tmp_path: Path, compress: bool, ending: str
) -> None:
    path = tmp_path / "logs" / "a.log"
    with closing(RotatedFile(path, max_bytes=35, backups=3, compress=compress)) as file:
        for number in range(11):
            file.append(line(number))
    found = {one.name for one in path.parent.iterdir()}
    assert found == {"a.log", f"a.log.1{ending}", f"a.log.2{ending}", f"a.log.3{ending}"}
    in_order = [*(path.with_name(f"a.log.{number}{ending}") for number in (3, 2, 1)), path]
    assert b"".join(map(read, in_order)) == b"".join(map(line, range(11)))
    assert all(len(read(one)) <= 35 for one in in_order)


def test_the_oldest_backup_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with closing(RotatedFile(path, max_bytes=10, backups=2, compress=False)) as file:
        for number in range(9):
            file.append(line(number))
    assert {one.name: read(one) for one in tmp_path.iterdir()} == {
        "a.log": line(8),
        "a.log.1": line(7),
        "a.log.2": line(6),
    }


def test_without_backups_only_the_newest_lines_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with closing(RotatedFile(path, max_bytes=25, backups=0, compress=True)) as file:
        for number in range(5):
            file.append(line(number))
    assert [one.name for one in tmp_path.iterdir()] == ["a.log"]
    assert read(path) == line(4)


def test_without_a_limit_a_file_only_grows_and_an_earlier_one_is_gone_on_with(tmp_path: Path) -> None:
    for _ in range(2):
        with closing(RotatedFile(tmp_path / "a.log", max_bytes=0, backups=2, compress=True)) as file:
            for number in range(50):
                file.append(line(number))
    assert read(tmp_path / "a.log") == 2 * b"".join(map(line, range(50)))


def test_a_piece_beyond_the_limit_has_a_file_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with closing(RotatedFile(path, max_bytes=20, backups=2, compress=False)) as file:
        for piece in (b"first\n", b"x" * 99, b"last\n"):
            file.append(piece)
    assert [read(tmp_path / name) for name in ("a.log.2", "a.log.1", "a.log")] == [b"first\n", b"x" * 99, b"last\n"]


def test_backups_of_both_kinds_move_on_together(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    for number, compress in enumerate((False, True, False, False)):
        with closing(RotatedFile(path, max_bytes=10, backups=5, compress=compress)) as file:
            file.append(line(number))
    assert {one.name: read(one) for one in tmp_path.iterdir()} == {
        "a.log": line(3),
        "a.log.1": line(2),
        "a.log.2": line(1),
        "a.log.3.gz": line(0),
    }


def test_a_failure_while_compressing_loses_nothing_and_is_tried_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.log"
    with closing(RotatedFile(path, max_bytes=10, backups=2, compress=True)) as file:
        file.append(line(0))
        with monkeypatch.context() as patched:
            patched.setattr("lens_gate.stores.rotated.shutil.copyfileobj", full)
            with pytest.raises(OSError, match="No space"):
                file.append(line(1))
        assert [one.name for one in tmp_path.iterdir()] == ["a.log"]
        file.append(line(2))
    assert (read(path), read(tmp_path / "a.log.1.gz")) == (line(2), line(0))
