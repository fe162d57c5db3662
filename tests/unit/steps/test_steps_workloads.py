"""Workloads through the step `run`: what was asked for stands in the artifact, and is what was sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lens_gate.artifacts.load import PlannedStage
from lens_gate.config.load import Source
from lens_gate.steps.arms import RunOrder, resolve
from lens_gate.steps.measure import Measured, measure, preview
from lens_gate.steps.order import Against, Overrides
from tests.fakes.world import ChatTransport, NoWatcher, a_world

MODEL = {"id": "m", "max_tokens": 8, "input_usd_per_million": 1, "output_usd_per_million": 2}
PROVIDER = {"name": "p", "endpoint": "http://p.example.org/v1", "models": [MODEL]}


def played(folder: Path, workload: dict[str, Any], *, base: str | None = None, **profiler: Any) -> Measured:
    """Forecast and play a workload on an endpoint that answers from memory; both must agree on how much is sent."""
    config = {"profiler": profiler, "providers": [PROVIDER], "workload": workload}
    world = a_world(folder, transport=ChatTransport())
    against = Against(kind="model", value=base) if base else None
    order = RunOrder(sources=(Source("a.yaml", json.dumps(config)),), overrides=Overrides(), against=against)
    arms = resolve(order, world)
    seen = preview(arms, world)
    done = measure(arms, folder / "run.json", world, NoWatcher())
    assert seen.requests == len(done.samples)
    return done


def test_stages_are_sent_as_due_and_stand_in_the_plan(tmp_path: Path) -> None:
    stages = [{"duration": "100ms", "rate": 400, "ramp": True}, {"duration": "50ms", "rate": 200}]
    done = played(tmp_path, {"type": "fixed", "stages": stages})
    intended = np.sort(done.samples.numbers["intended_ns"])
    assert len(intended) == 30
    assert [int(np.sum(intended < edge * 1e6)) for edge in (50, 100, 150)] == [5, 20, 30]
    assert done.run.plan.stages == (
        PlannedStage(duration_s=0.1, first_rate=0.0, last_rate=400.0),
        PlannedStage(duration_s=0.05, first_rate=200.0, last_rate=200.0),
    )
    assert done.run.plan.requests_per_second == pytest.approx(200)


def test_bursts_come_at_once_in_whole_pairs(tmp_path: Path) -> None:
    done = played(tmp_path, {"burst": {"size": 6, "every": "40ms"}}, base="n", duration="100ms")
    assert sorted(done.samples.numbers["intended_ns"].tolist()) == [0.0] * 6 + [40e6] * 6 + [80e6] * 6
    assert (done.run.plan.arrival, done.run.plan.burst, done.run.plan.burstiness) == ("burst", 6, None)


def test_the_burstiness_stands_in_the_plan(tmp_path: Path) -> None:
    done = played(tmp_path, {"gamma": {"rate": 400, "burstiness": 0.3}}, requests=20)
    assert (done.run.plan.arrival, done.run.plan.burst, done.run.plan.burstiness) == ("gamma", None, 0.3)
    assert done.run.plan.requests_per_second == 400
