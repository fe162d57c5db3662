"""A run that ends when it is decided, on an endpoint that answers from memory."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from lens_gate.analysis.rules import rules_of
from lens_gate.analysis.sequential import Progress
from lens_gate.artifacts.run import Look, Run, Validity
from lens_gate.artifacts.samples import Samples
from lens_gate.config.load import Source
from lens_gate.config.model import Regression
from lens_gate.errors import ConfigProblem, CouldNotMeasure, UsageProblem
from lens_gate.load.engine.contract import StopSignal
from lens_gate.load.record.recorder import unsent
from lens_gate.steps.judging.judge import analysis_of, rules
from lens_gate.steps.resolving.arms import Arms, RunOrder, resolve
from lens_gate.steps.resolving.order import Against, Overrides
from lens_gate.steps.running import lookout
from lens_gate.steps.running.intent import MeasureOptions
from lens_gate.steps.running.lookout import Lookout, LookPlan, looks_of
from lens_gate.steps.running.measure import measure
from lens_gate.steps.running.watcher import Looked
from lens_gate.steps.world import World
from lens_gate.vocabulary.outcomes import Decision, Ending, Outcome
from lens_gate.vocabulary.requests import Phase
from tests.fakes.transport import paced
from tests.fakes.world import ChatTransport, NoWatcher, a_world

MODELS = [{"id": name, "max_tokens": 8, "input_usd_per_million": 1, "output_usd_per_million": 2} for name in "mn"]


class SlowerModel(ChatTransport):
    """Answers one model later than the others."""

    @override
    def exchange(self, request: Any, timeouts: Any) -> Any:
        self.wait_s = 0.02 if json.loads(request.body)["model"] == "slow" else 0.004
        return super().exchange(request, timeouts)


def arms_of(world: World, *, model: str = "m", requests: int | None = 400, **sections: Any) -> Arms:
    provider = {"name": "p", "endpoint": "http://p.example.org/v1", "models": [MODELS[0]]}
    config = {
        "profiler": {"requests": requests} if requests else {"duration": "2s", "warmup": "1s"},
        "providers": [provider],
        "workload": {"fixed": {"requests_per_second": 400}},
    } | sections
    source = Source("lens-gate.yaml", json.dumps(config))
    order = RunOrder(sources=(source,), overrides=Overrides(model=model), against=Against(kind="model", value="n"))
    return resolve(order, world)


def run_until_decided(world: World, arms: Arms) -> Run:
    looks = looks_of(arms, Regression(), asked=True)
    return measure(arms, world.directory / "run.json", world, NoWatcher(), MeasureOptions(looks=looks)).run


def spawned() -> Executor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (Progress(open=frozenset({"p/m"}), decided=False), Looked(pairs=2, most=4, still_open=1, series=1)),
        (Progress(open=frozenset({"p/m"}), decided=True), Looked(pairs=2, most=4, still_open=0, series=1)),
    ],
)
def test_whoever_watches_learns_what_a_look_found(
    found: Progress, told: Looked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookout, "progress", lambda *_: found)
    plan = LookPlan(pairs=(2, 4), series=1, rules=rules_of(Regression()), limit_ns=1e9)
    heard: list[Looked] = []

    async def watched() -> None:
        with ThreadPoolExecutor(1) as executor:
            looking = Lookout(
                plan, executor=executor, samples=lambda: Samples.of([]), stop=StopSignal(), on_found=heard.append
            )
            planned = list(looking.following(iter(paced(6, 0.1))))
            for request in planned[:4]:
                looking.note(unsent(request, intended_ns=0, phase=Phase.MEASURE))
            await looking.finish()

    asyncio.run(watched())
    assert heard == [told]


@pytest.mark.measuring  # the answer must come while there is something left to send
@pytest.mark.parametrize("in_a_process", [False, True])
def test_a_clear_answer_ends_the_run_and_is_found_again_in_its_file(tmp_path: Path, in_a_process: bool) -> None:
    world = a_world(tmp_path, transport=SlowerModel())
    world = replace(world, executor=spawned) if in_a_process else world
    # The first look may load what it computes with, and another process takes seconds to begin.
    slowly = {"fixed": {"requests_per_second": 40}}

    run = run_until_decided(world, arms_of(world, model="slow", workload=slowly))

    assert run.ending is Ending.DECIDED
    assert run.plan.looks == (25, 50, 100, 200)
    assert run.looks[0] == Look(pairs=25, through_pair=25, share=0.25)
    assert run.summary.total_requests < 200
    # At such a rate a busy machine is late; that is not what is asked here.
    trusted = run.model_copy(update={"validity": Validity(valid=True, checks=())})
    analysis = analysis_of(trusted, tmp_path / "run.json", rules((), world), world)
    # While a busy machine thinks over one look, the pairs of the next may be there.
    looked = [look.pairs for look in analysis.looks]
    assert looked == [look.pairs for look in run.looks][: len(looked)]
    assert analysis.regression.verdict is Outcome.REGRESSION


@pytest.mark.measuring  # looks must keep up with what is sent
def test_series_that_are_decided_are_not_sent_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def first_passes(samples: Any, looks: Any, *_: Any) -> Progress:
        names = frozenset(str(name) for name in samples.texts["series"].values)
        return Progress(open=names - {"p/m"} if looks else names, decided=False)

    monkeypatch.setattr(lookout, "progress", first_passes)
    world = a_world(tmp_path)
    two = {"name": "p", "endpoint": "http://p.example.org/v1", "models": MODELS}
    other = {"version": "1.0", "providers": [two | {"headers": {"x-version": "2"}}]}
    (tmp_path / "other.yaml").write_text(json.dumps(other))
    source = Source("lens-gate.yaml", json.dumps({"profiler": {"requests": 400}, "providers": [two],
                                                  "workload": {"fixed": {"requests_per_second": 400}}}))  # fmt: skip
    against = Against(kind="config", value="other.yaml")
    arms = resolve(RunOrder(sources=(source,), overrides=Overrides(), against=against), world)

    run = run_until_decided(world, arms)

    requests = {model.id: model.requests.total for model in run.providers[0].models}
    assert requests["n"] == 100
    assert 25 <= requests["m"] < 100
    assert requests == {model.id: model.requests.total for model in run.base_providers[0].models}
    assert [look.pairs for look in run.looks] == [25, 50, 100]
    assert run.ending is Ending.COMPLETE


def test_what_was_measured_after_the_last_look_is_looked_at_once_more(tmp_path: Path) -> None:
    world = a_world(tmp_path, transport=ChatTransport(on_send=lambda n: world.stop.request() if n == 90 else None))

    run = run_until_decided(world, arms_of(world))

    assert run.ending is Ending.INTERRUPTED
    assert run.looks[0].pairs == 25
    assert run.looks[-1].through_pair >= 40
    assert all(look.share == 0.25 for look in run.looks)


def test_a_warm_up_is_no_part_of_any_look(tmp_path: Path) -> None:
    world = a_world(tmp_path)

    run = run_until_decided(world, arms_of(world, requests=None))

    assert run.plan.looks[-1] == 200
    assert run.looks[0].through_pair == pytest.approx(200 + run.looks[0].pairs, abs=2)


def test_a_look_that_fails_ends_the_run_with_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(samples: Any, looks: Any, *_: Any) -> Progress:
        if looks:
            msg = "no such thing"
            raise RuntimeError(msg)
        return Progress(open=frozenset(), decided=False)

    monkeypatch.setattr(lookout, "progress", broken)
    transport = ChatTransport()
    world = a_world(tmp_path, transport=transport)

    with pytest.raises(RuntimeError, match="no such thing"):
        run_until_decided(world, arms_of(world))
    assert len(transport.urls) < 400


def test_a_look_whose_process_has_ended_is_told_as_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(samples: Any, looks: Any, *_: Any) -> Progress:
        if looks:
            raise BrokenProcessPool
        return Progress(open=frozenset(), decided=False)

    monkeypatch.setattr(lookout, "progress", killed)
    said: list[str] = []
    world = a_world(tmp_path, said=said)

    with pytest.raises(CouldNotMeasure, match="the process that looks at the run has ended"):
        run_until_decided(world, arms_of(world))
    assert said[-1].startswith("what was measured is kept in")


def test_only_pairs_under_the_calibrated_rules_can_be_decided_and_the_obstacle_is_named(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    arms = arms_of(world)

    assert looks_of(arms, Regression(), asked=False) is None
    assert arms.comparison is not None
    controlled = replace(arms, comparison=arms.comparison.model_copy(update={"control_share": 0.2}))
    classic = Regression(decision=Decision.CLASSIC)
    for asked, regression, message, hint in (
        (replace(arms, base=None), Regression(), "two versions", "--against-ref"),
        (controlled, Regression(), "--control", "Leave --control out"),
        (arms, classic, "calibrated", "decision: classic"),
    ):
        with pytest.raises(UsageProblem, match=message) as caught:
            looks_of(asked, regression, asked=True)
        assert hint in str(caught.value.hint)


def test_the_configuration_can_ask_for_it_too(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    arms = arms_of(world, profiler={"requests": 100, "until_decided": True})

    looks = looks_of(arms, Regression(), asked=False)

    assert looks is not None
    assert looks.pairs == (25, 50)


def test_a_run_of_unknown_length_cannot_plan_its_looks(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    closed = {"type": "closed", "closed": {"concurrency": 2}}

    with pytest.raises(ConfigProblem, match="at most"):
        looks_of(arms_of(world, requests=None, workload=closed), Regression(), asked=True)


def test_a_closed_loop_with_a_warm_up_cannot_plan_its_looks(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    sections: dict[str, Any] = {"workload": {"type": "closed", "closed": {"concurrency": 2}},
                "profiler": {"requests": 100, "warmup": "1s"}}  # fmt: skip

    with pytest.raises(ConfigProblem, match="warm-up"):
        looks_of(arms_of(world, **sections), Regression(), asked=True)
