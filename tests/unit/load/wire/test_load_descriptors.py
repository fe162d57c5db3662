"""As many files and sockets as the system lets a process ask for."""

from __future__ import annotations

import sys

import pytest

from lens_gate.load.wire.descriptors import ENOUGH, raised_limit

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sockets are no files there")
ENDLESS = -1 if sys.platform == "linux" else 2**63 - 1


class Limits:
    """The limits of a process, which refuses more than `kernel`."""

    RLIMIT_NOFILE, RLIM_INFINITY = 7, ENDLESS

    def __init__(self, allowed: int, most: int, kernel: int = 10**9) -> None:
        self.now = (allowed, most)
        self.kernel = kernel

    def getrlimit(self, which: int) -> tuple[int, int]:
        assert which == self.RLIMIT_NOFILE
        return self.now

    def setrlimit(self, which: int, limits: tuple[int, int]) -> None:
        assert which == self.RLIMIT_NOFILE
        if limits[0] > self.kernel:
            raise ValueError("current limit exceeds maximum limit")
        self.now = limits


@pytest.mark.parametrize(
    ("limits", "expected", "then"),
    [
        (Limits(256, 4096), 4096, (4096, 4096)),
        (Limits(4096, 4096), 4096, (4096, 4096)),
        (Limits(1024, 10**6), ENOUGH, (ENOUGH, 10**6)),
        (Limits(256, ENDLESS), ENOUGH, (ENOUGH, ENDLESS)),
        (Limits(ENDLESS, ENDLESS), ENOUGH, (ENDLESS, ENDLESS)),
        (Limits(10**6, 10**6), ENOUGH, (10**6, 10**6)),
        (Limits(256, ENDLESS, kernel=10_240), 256, (256, ENDLESS)),
    ],
)
def test_as_many_may_be_open_as_the_system_allows(
    limits: Limits, expected: int, then: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "resource", limits)
    assert raised_limit() == expected
    assert limits.now == then
