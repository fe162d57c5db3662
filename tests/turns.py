"""How workers share the reading of the tests: each begins elsewhere, and finds what another one has compiled.

A file of tests is compiled only after each of its assertions was rewritten, which takes longer than all else of the
collection. Workers that read the files in one order would all do it at the same time, and keep the same bytes.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from _pytest.pathlib import import_path


def pytest_collection(session: pytest.Session) -> None:
    """Import the test files of a worker, from its own place in them on; what cannot be, the collection will tell."""
    config = session.config
    worker = getattr(config, "workerinput", None)
    if worker is None:
        return
    for path in in_turn(_files(config), int(worker["workerid"].removeprefix("gw")), worker["workercount"]):
        with suppress(Exception, pytest.skip.Exception):
            import_path(
                path,
                mode=config.getoption("--import-mode"),
                root=config.rootpath,
                consider_namespace_packages=config.getini("consider_namespace_packages"),
            )


def in_turn(files: list[Path], worker: int, workers: int) -> list[Path]:
    """Return the files in the order of one of the workers, numbered from 0: it begins where its share does."""
    first = len(files) * worker // workers
    return files[first:] + files[:first]


def _files(config: pytest.Config) -> list[Path]:
    """Return what will be collected: of files that are named one by one there are few."""
    folders = [config.invocation_params.dir / name for name in config.args]
    found = {path for folder in folders for path in folder.rglob("test_*.py")}
    return sorted(path for path in found if not _is_left_out(path, config))


def _is_left_out(path: Path, config: pytest.Config) -> bool:
    """Whether a conftest wants a file unread."""
    return any(
        config.hook.pytest_ignore_collect(collection_path=one, path=None, config=config)
        for one in (path, *path.parents)
        if config.rootpath in one.parents
    )
