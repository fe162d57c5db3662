"""A file that is only ever added to, and begins anew before it would grow too large."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path


class RotatedFile:
    """Adds to `path`, and keeps so many `backups` of at most `max_bytes` each: PATH.1 (the newest), PATH.2 and so on.

    With `compress` their names end in .gz. A `max_bytes` of 0 sets no limit. A piece that is larger than that has a
    file to itself. Every method raises OSError where the file cannot be written; what is added later is tried anew.
    """

    def __init__(self, path: Path, *, max_bytes: int, backups: int, compress: bool) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._backups = backups
        self._compress = compress
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")

    def append(self, data: bytes) -> None:
        """Add a piece, which is not torn apart, and hand it to the system."""
        if self._file.closed:
            self._file = self.path.open("ab")
        size = self._file.tell()
        if size > 0 and 0 < self._max_bytes < size + len(data):
            self._begin_anew()
        self._file.write(data)
        self._file.flush()

    def close(self) -> None:
        """Add no more."""
        self._file.close()

    def _begin_anew(self) -> None:
        self._file.close()
        if self._backups == 0:
            self.path.unlink()
        else:
            self._make_room()
            if self._compress:
                _compress(self.path, self._backup(1, ".gz"))
            else:
                self.path.rename(self._backup(1, ""))
        self._file = self.path.open("ab")

    def _make_room(self) -> None:
        """Give each backup the next number; the last one goes. Some may be compressed and others not."""
        for number in range(self._backups, 0, -1):
            for ending in ("", ".gz"):
                backup = self._backup(number, ending)
                if number == self._backups:
                    backup.unlink(missing_ok=True)
                elif backup.exists():
                    backup.rename(self._backup(number + 1, ending))

    def _backup(self, number: int, ending: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}{ending}")


def _compress(source: Path, target: Path) -> None:
    """Put a compressed file in the place of another; a failure on the way leaves that as it is."""
    part = target.with_name(f"{target.name}.part")
    try:
        with source.open("rb") as read, gzip.open(part, "wb") as written:
            shutil.copyfileobj(read, written, 1 << 20)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    source.unlink()
