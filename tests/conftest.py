"""What holds for all tests.

Property tests are judged by what they find, never by how long a busy machine took. Tests that measure time run alone
(`make test` runs everything else first, in parallel): two workers on two cores would make each other late.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("lens-gate", deadline=None)
settings.register_profile("proof", deadline=None, max_examples=5000)
settings.load_profile("lens-gate")

HERE = Path(__file__).parent
MEASURING = (
    "integration",
    "unit/load/test_load_clock.py",
    "unit/load/test_load_httpx_transport.py",
    "unit/load/test_load_transports.py",
    "unit/load/test_load_kernel_stamps.py",
    "unit/load/test_load_runner.py",
    "unit/load/test_load_target.py",
    "unit/simulator/test_simulator_memory.py",
    "unit/simulator/test_simulator_server.py",
    "unit/steps/test_steps_measure.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what measures time."""
    for item in items:
        if item.path.relative_to(HERE).as_posix().startswith(MEASURING):
            item.add_marker(pytest.mark.measuring)
