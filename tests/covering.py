"""Where lines are noted: in the tests of the rooms of which every branch must be covered, and nowhere else.

To note them takes the code of lens-gate twice as long, and to collect the tests too. What a module does while it is
imported is noted before the collection, which would import it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Generator, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from scripts.check_coverage import PURE, PURE_MODULES

HERE = Path(__file__).parent
KEPT = pytest.StashKey[list[Any]]()
"""The functions of the rooms that keep what they returned."""

UNNOTED = pytest.StashKey[bool]()
"""Whether a test of which no line was noted has run since these functions forgot."""

COVERING = (
    "unit/vocabulary/",
    "unit/stats/",
    "unit/artifacts/",
    "unit/analysis/",
    "unit/gates/",
    "unit/trends/",
    "unit/baselines/",
    "unit/reports/",
    "unit/providers/",
    "unit/ci/test_ci_board.py",
    "unit/ci/test_ci_github_event.py",
    "unit/ci/test_ci_github_files.py",
    "unit/ci/test_ci_github_job.py",
)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Note what importing the rooms does, and nothing of the collection."""
    noting = _noting(session.config)
    if noting is not None:
        for module in modules_of((*PURE, *PURE_MODULES)):
            session.config.stash[KEPT] += [value for value in vars(module).values() if hasattr(value, "cache_clear")]
        noting.pause()
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[KEPT] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Note the lines of a test that covers, which finds nothing kept by one of which no line was noted."""
    noting = _noting(item.config)
    if noting is None or not covers(item):
        item.config.stash[UNNOTED] = True
        return (yield)
    if item.config.stash.get(UNNOTED, True):
        item.config.stash[UNNOTED] = False
        for kept in item.config.stash[KEPT]:
            kept.cache_clear()
    noting.resume()
    try:
        return (yield)
    finally:
        noting.pause()


def covers(item: pytest.Item) -> bool:
    """Say whether lines are noted in a test; what only drawn examples reach is covered by chance."""
    place = item.path.relative_to(HERE).as_posix()
    return place.startswith(COVERING) and not {"proving", "hypothesis"} & set(item.keywords)


def modules_of(rooms: Iterable[str]) -> Iterator[ModuleType]:
    """Import rooms with all that lies in them."""
    for room in rooms:
        module = import_module(f"lens_gate.{room}")
        yield module
        for found in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{module.__name__}."):
            yield import_module(found.name)


def _noting(config: pytest.Config) -> Any:
    """Return what notes lines in this process, if anything does and tests run here."""
    plugins = config.pluginmanager
    return None if plugins.hasplugin("dsession") else getattr(plugins.getplugin("_cov"), "cov_controller", None)
