"""The promise about long histories, on short ones: what is read does not grow with what is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.stores import history as benchmark

from lens_gate.stores.base import Store
from lens_gate.stores.settings import StoreSettings
from tests.fakes.world import a_world


def _always(store: Store) -> Callable[[str, StoreSettings], Store]:
    return lambda _, __: store


def test_a_list_and_the_choice_of_a_name_read_no_more_of_a_longer_history(tmp_path: Path) -> None:
    read: dict[str, list[int]] = {}
    for count in (100, 200):
        folder = tmp_path / str(count)
        folder.mkdir()
        store = benchmark.filled("file", folder, count)
        world = replace(a_world(folder), open_store=_always(store))
        for task, act in benchmark.tasks(store, world, count).items():
            act()
            before = benchmark.bytes_read()
            act()
            read.setdefault(task, []).append(benchmark.bytes_read() - before)
    assert all(longer <= 1.2 * shorter for shorter, longer in read.values())
