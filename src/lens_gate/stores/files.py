"""Plain files for the steps: read whole, written so that a reader sees the old bytes or the new ones, never a part."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from lens_gate.errors import ArtifactProblem, PublishFailed, UsageProblem

_PIECE_BYTES = 64 * 1024
_WRITE_HINT = "Check that the folder exists, is writable and has space left, or name another output."


def read_file(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises UsageProblem where there is no such file, ArtifactProblem where it cannot be read.
    """
    with _readable(path):
        return path.read_bytes()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say in our own errors why a file cannot be read."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageProblem(
            "there is no such file",
            place=str(path),
            hint="Check the path, or run the step that writes this file first.",
        ) from error
    except IsADirectoryError as error:
        raise UsageProblem("this is a folder, not a file", place=str(path), hint="Name the file in it.") from error
    except (OSError, ValueError) as error:
        raise ArtifactProblem(
            f"the file cannot be read: {_reason(error)}", place=str(path), hint="Check its permissions."
        ) from error


def read_start(path: Path, size: int) -> bytes:
    """Return the first bytes of a file, `size` of them at most. Raises the same as `read_file`."""
    with _readable(path), path.open("rb") as file:
        return file.read(size)


def read_pieces(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file bit by bit, however large it is. Raises the same as `read_file`."""
    with _readable(path), path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def write_file(path: Path, data: bytes) -> None:
    """Replace a file as a whole, or leave it as it was; missing folders are made.

    A symbolic link stays one; a pipe or device (`/dev/stdout`) is written as it is. Raises PublishFailed.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, data)
    except (OSError, ValueError, RuntimeError) as error:
        raise _unwritable(path, error) from error


def write_named(path: Path, data: bytes) -> None:
    """Write a file as its name says: compressed where that ends with `.gz`. Raises PublishFailed."""
    write_file(path, gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


class JournalFile:
    """A new file that only grows, for what must outlive a kill.

    Each append reaches the operating system before it returns, which outlives the death of this process; with `durable`
    it also reaches the disk, which outlives a power cut and takes milliseconds. A failed append leaves no part of
    itself behind. Raises PublishFailed, also where the file exists already: a journal that a kill left is evidence.
    """

    def __init__(self, path: Path, *, durable: bool = False) -> None:
        self.path = path
        self._durable = durable
        self._size = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("xb", buffering=0)
        except (OSError, ValueError) as error:
            raise _unwritable(path, error) from error

    def __enter__(self) -> Self:
        """Return the journal, which the end of the block closes."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close and keep the file."""
        self.close()

    def append(self, data: bytes) -> None:
        """Add bytes at the end."""
        try:
            _write_all(self._file.fileno(), data)
            if self._durable:
                os.fsync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file.fileno(), self._size)
                os.lseek(self._file.fileno(), self._size, os.SEEK_SET)
            raise _unwritable(self.path, error) from error
        self._size += len(data)

    def close(self) -> None:
        """Bring everything to the disk and close; a second call does nothing."""
        if self._file.closed:
            return
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _unwritable(self.path, error) from error
        finally:
            self._file.close()

    def keep_as(self, path: Path) -> None:
        """Close, and give the file its final name, where it replaces an older file."""
        self.close()
        try:
            self.path.replace(path)
        except OSError as error:
            raise _unwritable(path, error) from error
        self.path = path

    def discard(self) -> None:
        """Close and delete: what it held is kept elsewhere."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def _replace(target: Path, data: bytes) -> None:
    draft = target.with_name(f".lens-gate-{uuid4().hex}.tmp")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name last; systems that cannot sync a folder keep it anyway."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _unwritable(path: Path, error: Exception) -> PublishFailed:
    return PublishFailed(f"the file cannot be written: {_reason(error)}", place=str(path), hint=_WRITE_HINT)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
