"""The step `doctor` on an endpoint that answers from memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lens_gate.config.load import Source
from lens_gate.errors import ConfigProblem
from lens_gate.steps.doctor import Examination, examination, examine
from lens_gate.steps.judging.judge import rules
from lens_gate.steps.resolving.arms import RunOrder
from lens_gate.steps.resolving.order import Overrides
from lens_gate.steps.running.measure import exit_code_of
from lens_gate.steps.world import World
from lens_gate.vocabulary.outcomes import Ending, ExitCode
from tests.fakes.world import ChatTransport, NoWatcher, a_world


def an_order(overrides: Overrides | None = None, **sections: Any) -> RunOrder:
    model = {"id": "m", "max_tokens": 8, "input_usd_per_million": 1, "output_usd_per_million": 2}
    provider = {"name": "p", "endpoint": "http://p.example.org/v1", "models": [model, {**model, "id": "n"}]}
    config = {"providers": [provider], "workload": {"fixed": {"requests_per_second": 200}}} | sections
    source = Source("lens-gate.yaml", json.dumps(config))
    return RunOrder(sources=(source,), overrides=overrides or Overrides())


def requests_of(asked: Examination) -> int | None:
    requests: int | None = asked.arms.candidate_side.config.profiler.requests
    return requests


def test_pairs_are_counted_for_each_model_and_the_warm_up_comes_on_top(tmp_path: Path) -> None:
    plain, warm = (
        examination(an_order(profiler={"requests": 40, "warmup": warmup}), 25, a_world(tmp_path))
        for warmup in ("0s", "101ms")
    )
    assert (requests_of(plain), plain.configured_pairs) == (100, 10)
    # 21 requests are sent in 101 ms, which are six whole rounds of four; 40 − 21 leave four pairs of each model.
    assert (requests_of(warm), warm.configured_pairs) == (124, 4)


def test_the_configured_length_may_stay(tmp_path: Path) -> None:
    asked = examination(an_order(profiler={"requests": 40}), None, a_world(tmp_path))
    assert (requests_of(asked), asked.configured_pairs) == (40, 10)


def test_the_end_of_a_closed_loop_by_time_is_not_known_beforehand(tmp_path: Path) -> None:
    order = an_order(workload={"closed": {"concurrency": 2}}, profiler={"duration": "1s"})
    asked = examination(order, 3, a_world(tmp_path))
    assert (requests_of(asked), asked.configured_pairs) == (12, None)


def test_a_cap_that_cannot_hold_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    provider = {"name": "p", "endpoint": "http://p.example.org/v1", "models": ["nobody-knows-this-one"]}
    order = an_order(Overrides(max_cost_usd=1.0), providers=[provider])
    with pytest.raises(ConfigProblem, match="price"):
        examination(order, 10, a_world(tmp_path))


def test_an_interrupted_examination_says_what_it_has(tmp_path: Path) -> None:
    worlds: list[World] = []

    def interrupt(number: int) -> None:
        if number == 30:
            worlds[0].stop.request(Ending.INTERRUPTED, "the run was interrupted")

    world = a_world(tmp_path, transport=ChatTransport(on_send=interrupt))
    worlds.append(world)
    order = an_order()
    asked = examination(order, 200, world)
    measured, report = examine(asked, rules(order.sources, world), tmp_path / "run.json", world, NoWatcher())
    assert exit_code_of(measured.run) is ExitCode.INTERRUPTED
    assert report.ending is Ending.INTERRUPTED
    assert report.unchanged
    assert (tmp_path / "run.json").exists()
    assert 0 < len(measured.samples) < 100
