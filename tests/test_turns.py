from __future__ import annotations

from pathlib import Path

import pytest

from tests.turns import in_turn


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_each_worker_reads_all_files_and_none_begins_where_another_does(workers: int) -> None:
    files = [Path(f"test_{number}.py") for number in range(9)]
    orders = [in_turn(files, worker, workers) for worker in range(workers)]
    assert orders[0] == files
    assert [sorted(order) for order in orders] == [files] * workers
    assert len({order[0] for order in orders}) == workers
