"""A run against stored runs, with a control that git knows from them, on an endpoint that answers from memory."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lens_gate.analysis.baseline import Stored
from lens_gate.artifacts.analysis import Analysis
from lens_gate.config.load import Source
from lens_gate.errors import NoBaseline, UsageProblem
from lens_gate.load.engine.contract import StopSignal
from lens_gate.steps.judging.against_stored import stored_for, with_stored_base
from lens_gate.steps.judging.judge import Chosen, Rules, analyze_run, rules
from lens_gate.steps.resolving.arms import RunOrder, resolve
from lens_gate.steps.resolving.order import Against, Overrides
from lens_gate.steps.running.measure import Measured, measure
from lens_gate.steps.world import World
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.requests import Arm
from tests.fakes.git import commit, git, make_repository
from tests.fakes.world import NOW, ChatTransport, NoWatcher, a_world
from tests.measuring import be_patient

_DAYS = count()
"""Each run is made on a later day than all before it."""

MODEL = {"id": "m", "max_tokens": 8, "input_usd_per_million": 1, "output_usd_per_million": 2}


def write(folder: Path, text: str) -> None:
    config = {
        "profiler": {"requests": 80},
        "providers": [{"name": "p", "endpoint": "http://p.example.org/v1", "models": [MODEL]}],
        "workload": {
            "fixed": {"requests_per_second": 400},
            "prompts": [{"id": "q", "template": text}],
        },
    }
    (folder / "lens-gate.yaml").write_text(json.dumps(config), encoding="utf-8")


def an_order(folder: Path, **options: Any) -> RunOrder:
    text = (folder / "lens-gate.yaml").read_text(encoding="utf-8")
    return RunOrder(sources=(Source("lens-gate.yaml", text),), overrides=Overrides(), **options)


def measured(order: RunOrder, world: World, name: str) -> Measured:
    day = NOW + timedelta(days=next(_DAYS))
    fresh = replace(world, stop=StopSignal(), now=lambda: day)
    return measure(resolve(order, fresh), world.directory / name, fresh, NoWatcher())


def judged_by(world: World, *baselines: str) -> Rules:
    return rules((), world, Chosen(baselines=baselines))


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with other things, which must not turn a measurement of this test invalid."""
    be_patient(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_repository(tmp_path)
    (tmp_path / ".gitignore").write_text("main/\n*.json\n", encoding="utf-8")
    write(tmp_path, "old")
    commit(tmp_path)
    return tmp_path


@pytest.fixture
def world(folder: Path) -> World:
    return a_world(folder, git=True, transport=ChatTransport())


@pytest.fixture
def stored(folder: Path, world: World) -> World:
    """Two stored runs of the committed configuration, and a changed one in the work tree."""
    (folder / "main").mkdir()
    for name in ("main/1.json", "main/2.json"):
        measured(an_order(folder), world, name)
    write(folder, "new")
    return world


def test_a_control_is_what_the_newest_stored_run_measured(folder: Path, stored: World) -> None:
    order = an_order(folder, control=0.3)
    found = stored_for(order, judged_by(stored, "main"), stored)

    against = with_stored_base(order, found, stored).against

    assert against == Against(kind="ref", value=git(folder, "rev-parse", "HEAD"))


def test_a_control_corrects_the_expectation_end_to_end(folder: Path, stored: World) -> None:
    by = judged_by(stored, "main")
    order = an_order(folder, control=0.3)
    found = stored_for(order, by, stored)
    done = measured(with_stored_base(order, found, stored), stored, "run.json")

    analysis = analyze_run(done.run, done.samples, by, stored, stored=found)

    control = done.samples.where(done.samples.texts["arm"].equals(Arm.BASE))
    assert 10 <= len(control) <= 40
    assert np.isnan(done.samples.numbers["pair"]).all()
    assert done.run.comparison is not None
    assert done.run.comparison.control_share == 0.3
    assert done.run.base_providers[0].models[0].requests.total == len(control)
    assert done.run.spend.spent_usd > 0
    assert histories(analysis) == {(2, len(control))}
    assert analyze_run(done.run, done.samples, by, stored).findings == analysis.findings


def histories(analysis: Analysis) -> set[tuple[int, int]]:
    return {(f.history.runs, f.history.control_requests) for f in analysis.findings if f.history is not None}


def test_a_control_of_another_version_than_the_stored_one_stands_alone(folder: Path, stored: World) -> None:
    by = judged_by(stored, "main")
    commit(folder)
    write(folder, "newer")
    done = measured(an_order(folder, control=0.3, against=Against(kind="ref", value="HEAD")), stored, "run.json")

    analysis = analyze_run(done.run, done.samples, by, stored)

    assert {runs for runs, _ in histories(analysis)} == {0}
    assert "left aside" in analysis.notes[0]


def test_a_control_needs_no_stored_runs(folder: Path, stored: World) -> None:
    order = an_order(folder, control=0.3, against=Against(kind="ref", value="HEAD"))
    done = measured(order, stored, "run.json")

    analysis = analyze_run(done.run, done.samples, judged_by(stored), stored)

    assert analysis.source == "stored"
    assert analysis.regression.verdict is not Outcome.NO_BASELINE


def test_a_commit_that_git_does_not_know_is_no_control(folder: Path, stored: World) -> None:
    order = an_order(folder, control=0.3)
    found = stored_for(order, judged_by(stored, "main"), stored)
    assert isinstance(found, Stored)
    forgotten = replace(found, run=found.run.model_copy(update={"arms": ()}))

    for unknown, world in ((forgotten, stored), (found, a_world(folder))):
        with pytest.raises(UsageProblem, match="git does not know") as caught:
            with_stored_base(order, unknown, world)
        assert "--against" in str(caught.value.hint)


def test_what_is_named_or_not_asked_for_is_left_as_it_is(folder: Path, stored: World) -> None:
    by = judged_by(stored, "main")
    named = an_order(folder, control=0.3, against=Against(kind="ref", value="HEAD"))
    alone = an_order(folder)
    found = stored_for(named, by, stored)

    assert with_stored_base(named, found, stored) is named
    assert with_stored_base(alone, found, stored) is alone
    assert with_stored_base(an_order(folder, control=0.3), None, stored).against is None


def test_pairs_need_no_stored_runs(folder: Path, world: World) -> None:
    pairs = an_order(folder, against=Against(kind="ref", value="HEAD"))

    assert stored_for(pairs, judged_by(world, "gone"), world) is None
    with pytest.raises(NoBaseline):
        stored_for(an_order(folder), judged_by(world, "gone"), world)
