"""Workloads through the step `run`: what was asked for stands in the artifact, and is what was sent."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lens_gate.artifacts.load import PlannedStage
from lens_gate.config.load import Source
from lens_gate.steps.resolving.arms import RunOrder, resolve
from lens_gate.steps.resolving.order import Against, Overrides
from lens_gate.steps.running.foreseen import preview
from lens_gate.steps.running.measure import Measured, measure
from lens_gate.vocabulary.requests import Status
from tests.fakes.world import ChatTransport, NoWatcher, a_world

MODEL = {"id": "m", "max_tokens": 8, "input_usd_per_million": 1, "output_usd_per_million": 2}
PROVIDER = {"name": "p", "endpoint": "http://p.example.org/v1", "models": [MODEL]}


def played(
    folder: Path,
    workload: dict[str, Any],
    *,
    base: str | None = None,
    transport: ChatTransport | None = None,
    **profiler: Any,
) -> Measured:
    """Forecast and play a workload on an endpoint that answers from memory; both must agree on how much is sent."""
    config = {"profiler": profiler, "providers": [PROVIDER], "workload": workload}
    world = a_world(folder, transport=transport or ChatTransport())
    against = Against(kind="model", value=base) if base else None
    order = RunOrder(sources=(Source("a.yaml", json.dumps(config)),), overrides=Overrides(), against=against)
    arms = resolve(order, world)
    seen = preview(arms, world)
    done = measure(arms, folder / "run.json", world, NoWatcher())
    assert seen.requests in (len(done.samples), None)
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


TALK = [{"id": "talk", "turns": ["Hi.", "And then?", "Bye."], "think_time": "5ms"}]


def test_a_conversation_carries_the_answers_along_one_turn_after_the_other(tmp_path: Path) -> None:
    transport = ChatTransport()
    workload = {"fixed": {"requests_per_second": 100}, "prompts": TALK}
    done = played(tmp_path, workload, base="n", transport=transport, requests=24)
    longest = [body["messages"] for body in transport.bodies if len(body["messages"]) == 5]
    assert len(transport.bodies) == len(done.samples) == 24
    assert len(longest) == 8
    answer = {"role": "assistant", "content": "hello world"}
    users = [{"role": "user", "content": text} for text in TALK[0]["turns"]]
    assert all(messages == [users[0], answer, users[1], answer, users[2]] for messages in longest)
    assert done.run.plan.requests_per_second == 300


def test_turns_wait_for_the_answer_and_the_thought_and_pair_with_their_like(tmp_path: Path) -> None:
    workload = {"fixed": {"requests_per_second": 100}, "prompts": TALK}
    samples = played(tmp_path, workload, base="n", requests=24).samples
    numbers, ids = samples.numbers, samples.texts["prompt_id"].strings()
    assert sorted(numbers["pair"].tolist()) == sorted([*range(12), *range(12)])
    for pair in range(12):
        rows = np.flatnonzero(numbers["pair"] == pair)
        assert len({ids[row] for row in rows}) == 1
    for place in range(0, 24, 3):
        turns = [int(np.flatnonzero(numbers["index"] == place + turn)[0]) for turn in range(3)]
        assert [ids[row] for row in turns] == ["talk#1", "talk#2", "talk#3"]
        for earlier, later in pairwise(turns):
            assert numbers["intended_ns"][later] >= numbers["end_ns"][earlier] + 4.9e6
            assert numbers["sent_ns"][later] >= numbers["intended_ns"][later]


def test_a_conversation_ends_with_a_failed_answer_and_nothing_is_counted_behind_it(tmp_path: Path) -> None:
    transport = ChatTransport(status=500)
    workload = {"fixed": {"requests_per_second": 100}, "prompts": TALK}
    config = {"profiler": {"requests": 12}, "providers": [PROVIDER], "workload": workload}
    world = a_world(tmp_path, transport=transport)
    arms = resolve(
        RunOrder(sources=(Source("a.yaml", json.dumps(config)),), overrides=Overrides(), against=None), world
    )
    done = measure(arms, tmp_path / "run.json", world, NoWatcher())
    assert set(done.samples.texts["prompt_id"].strings()) == {"talk#1"}
    assert len(done.samples) <= 4


def test_a_cost_cap_holds_through_conversations(tmp_path: Path) -> None:
    transport = ChatTransport()
    workload = {"fixed": {"requests_per_second": 100}, "prompts": TALK}
    done = played_alone(tmp_path, workload, transport, requests=60, max_cost_usd=0.0004)
    # Where answers are slow, what does not fit is shed instead of ending the run.
    shed = int(np.sum(done.samples.texts["status"].equals(Status.SHED)))
    assert done.run.ending == "cost_cap" or shed
    assert 0 < done.run.spend.spent_usd <= 0.0004


def played_alone(folder: Path, workload: dict[str, Any], transport: ChatTransport, **profiler: Any) -> Measured:
    config = {"profiler": profiler, "providers": [PROVIDER], "workload": workload}
    world = a_world(folder, transport=transport)
    order = RunOrder(sources=(Source("a.yaml", json.dumps(config)),), overrides=Overrides(), against=None)
    return measure(resolve(order, world), folder / "run.json", world, NoWatcher())


def test_users_ask_one_request_at_a_time_think_and_start_one_by_one(tmp_path: Path) -> None:
    users = {"count": 4, "think_time": "30ms", "ramp_up": "80ms"}
    transport = ChatTransport(wait_s=0.01)
    done = played(tmp_path, {"users": users}, transport=transport, requests=16)
    sent = np.sort(done.samples.numbers["sent_ns"])
    ended = np.sort(done.samples.numbers["end_ns"])
    assert (done.run.plan.arrival, done.run.plan.concurrency, done.run.plan.requests_per_second) == ("users", 4, None)
    in_flight = [int(np.sum(sent <= at) - np.sum(ended < at)) for at in sent]
    assert max(in_flight) <= 4
    # Each user starts 20 ms after the one before, and takes at least 40 ms for an answer and a thought.
    assert int(np.sum(sent < 19e6)) <= 1
    assert int(np.sum(sent < 39e6)) <= 2
    assert sent[-1] >= 4 * 38e6 - 40e6
