"""A run opens its first connections before it begins, unless it is asked not to, and never fails by that."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from lens_gate.config.load import Source
from lens_gate.load.wire.transport import TransportFailure
from lens_gate.providers.base import TlsChoice
from lens_gate.steps.resolving.arms import RunOrder, resolve
from lens_gate.steps.resolving.order import Against, Overrides
from lens_gate.steps.running.measure import measure
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import ErrorClass
from tests.fakes.world import ChatTransport, NoWatcher, a_world

HERE, THERE = "http://p.example.org/v1", "http://q.example.org/v1"


class Warmed(ChatTransport):
    """Notes what is opened beforehand, and how much had been sent by then; `broken` ones cannot."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__()
        self.broken = broken
        self.opened: list[tuple[str, int]] = []
        self.sent_before = 0

    @override
    async def warm(self, url: str, count: int, *, tls: TlsChoice | None = None, limit_s: float = 10.0) -> None:
        self.opened.append((url, count))
        self.sent_before += len(self.urls)
        if self.broken:
            raise TransportFailure(ErrorClass.CONNECT, "refused", t_ns=0, sent_ns=None)


def run_by(transport: ChatTransport, folder: Path, **profiler: Any) -> Ending:
    provider = {"name": "p", "endpoint": HERE, "models": [{"id": "m", "max_tokens": 8}]}
    config = {
        "profiler": {"requests": 20, **profiler},
        "providers": [provider],
        "workload": {"fixed": {"requests_per_second": 80}},
    }
    world = replace(a_world(folder), transport=lambda _: transport)
    order = RunOrder(
        sources=(Source("lens-gate.yaml", json.dumps(config)),),
        overrides=Overrides(),
        against=Against(kind="endpoint", value=THERE),
    )
    return measure(resolve(order, world), folder / "run.json", world, NoWatcher()).run.ending


@pytest.mark.parametrize("broken", [False, True])
def test_both_arms_find_open_connections_and_a_failure_is_none_of_the_run(tmp_path: Path, *, broken: bool) -> None:
    transport = Warmed(broken=broken)
    assert run_by(transport, tmp_path) is Ending.COMPLETE
    assert sorted(transport.opened) == [(HERE, 10), (THERE, 10)]
    assert (transport.sent_before, len(transport.urls)) == (0, 20)


def test_nothing_is_opened_where_that_is_not_wanted_or_not_sure_to_be_used(tmp_path: Path) -> None:
    for profiler in ({"warm_connections": False}, {"requests": 18}):
        transport = Warmed()
        assert run_by(transport, tmp_path, **profiler) is Ending.COMPLETE
        assert transport.opened == []
