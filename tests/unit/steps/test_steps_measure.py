"""The step `run` on an endpoint that answers from memory."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from lens_gate.artifacts.codec import loads
from lens_gate.artifacts.envelope import Fingerprint, Provenance
from lens_gate.artifacts.journal import decode_journal
from lens_gate.artifacts.run import ArmIdentity, Comparison, Plan, Run, Spend, Uncovered, Validity
from lens_gate.ci.repository import Repository
from lens_gate.config.load import Source
from lens_gate.errors import ConfigProblem, PublishFailed, TargetNotReady
from lens_gate.load.wire.transport import Exchange, Timeouts
from lens_gate.providers.base import HttpRequest
from lens_gate.steps.recorded.reading import samples_beside
from lens_gate.steps.resolving.arms import Arms, RunOrder, resolve
from lens_gate.steps.resolving.order import Against, Overrides
from lens_gate.steps.running import session
from lens_gate.steps.running.foreseen import preview
from lens_gate.steps.running.intent import MeasureOptions
from lens_gate.steps.running.measure import Measured, exit_code_of, measure
from lens_gate.steps.world import World
from lens_gate.vocabulary.outcomes import Ending, ExitCode
from tests.builders import a_duet_run, a_run, a_summary
from tests.fakes.git import commit, make_repository
from tests.fakes.world import ANSWER, ChatExchange, ChatTransport, NoWatcher, a_world


def a_config(**sections: Any) -> dict[str, Any]:
    model = {"id": "m", "max_tokens": 8, "input_usd_per_million": 1, "output_usd_per_million": 2}
    provider = {"name": "p", "endpoint": "http://p.example.org/v1", "models": [model]}
    workload = {"fixed": {"requests_per_second": 200}}
    return {"profiler": {"requests": 10}, "providers": [provider], "workload": workload} | sections


def arms_of(
    world: World, against: Against | None = None, *, overrides: Overrides | None = None, **sections: Any
) -> Arms:
    source = Source("lens-gate.yaml", json.dumps(a_config(**sections)))
    return resolve(RunOrder(sources=(source,), overrides=overrides or Overrides(), against=against), world)


def measured(world: World, arms: Arms, **options: Any) -> Measured:
    return measure(arms, world.directory / "run.json", world, NoWatcher(), MeasureOptions(**options))


class Slow(Repository):
    """A repository that takes its time to answer, as one on a busy machine does."""

    @override
    def head(self) -> str:
        time.sleep(0.5)
        return super().head()


@pytest.mark.parametrize("processes", [1, 2])
def test_no_request_is_late_because_git_takes_long_to_tell_the_commit(tmp_path: Path, processes: int) -> None:
    make_repository(tmp_path)
    commit(tmp_path)
    world = replace(a_world(tmp_path), repository=Slow(tmp_path))
    done = measured(world, arms_of(world, profiler={"requests": 4, "processes": processes}))
    late_ms = (done.samples.numbers["sent_ns"] - done.samples.numbers["intended_ns"]) / 1e6
    assert done.run.provenance.commit
    assert late_ms.min() < 50


def written(world: World) -> Run:
    run = loads((world.directory / "run.json").read_bytes(), name="run.json")
    assert isinstance(run, Run)
    return run


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_run_sends_its_requests_and_writes_what_it_returns(tmp_path: Path) -> None:
    transport = ChatTransport()
    world = a_world(tmp_path, transport=transport)
    done = measured(world, arms_of(world))
    assert written(world) == done.run
    assert names(tmp_path) == ["run.json"]
    assert len(transport.urls) == done.run.summary.successful_requests == len(done.samples) == 10
    assert transport.closed
    assert (done.run.ending, done.run.transport, done.run.base_providers) == (Ending.COMPLETE, "memory", ())
    assert done.run.spend.spent_usd == pytest.approx(10 * (5 * 1 + 2 * 2) / 1e6)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_says_where_its_times_lie_on_the_clock_of_the_machine(tmp_path: Path, processes: int) -> None:
    world = a_world(tmp_path)
    began_ns = time.perf_counter_ns()
    run = measured(world, arms_of(world, profiler={"requests": 4, "processes": processes})).run
    assert run.anchor_ns is not None
    sent_ns = samples_beside(run, world.directory / "run.json").numbers["sent_ns"] + run.anchor_ns
    assert began_ns < sent_ns.min() < sent_ns.max() < time.perf_counter_ns()


@pytest.mark.parametrize(("drop", "kept"), [(0.5, 0), (1.0, 20)])
def test_chunks_that_came_together_leave_the_inter_chunk_latency_out_of_both_arms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drop: float, kept: int
) -> None:
    monkeypatch.setattr("tests.fakes.world.ANSWER", (b"".join(ANSWER),))
    world = a_world(tmp_path)
    done = measured(
        world,
        arms_of(
            world,
            Against(kind="model", value="n"),
            profiler={"requests": 40},
            validity={"zero_gap_share": {"drop": drop}},
        ),
    )
    for provider in (*done.run.providers, *done.run.base_providers):
        assert provider.models[0].latency.inter_token.count == kept
        assert provider.models[0].latency.total.count == 20


def test_both_arms_are_sent_the_same_prompts_and_summarised_apart(tmp_path: Path) -> None:
    transport = ChatTransport()
    world = a_world(tmp_path, transport=transport)
    done = measured(world, arms_of(world, Against(kind="model", value="n")))
    assert sorted(body["model"] for body in transport.bodies) == ["m"] * 5 + ["n"] * 5
    assert [model.id for provider in done.run.base_providers for model in provider.models] == ["n"]
    assert [model.id for provider in done.run.providers for model in provider.models] == ["m"]
    assert done.run.comparison == Comparison(kind="model", value="n", equal=False)


@pytest.mark.parametrize("extra", [False, True])
def test_equal_arms_send_nothing(tmp_path: Path, extra: bool) -> None:
    prompts = [{"id": "a", "template": "hi"}]
    other = a_config(workload={"fixed": {"requests_per_second": 200}, "prompts": prompts})
    (tmp_path / "other.yaml").write_text(json.dumps(other), encoding="utf-8")
    transport = ChatTransport()
    world = a_world(tmp_path, transport=transport)
    mine = [*prompts, *([{"id": "b", "template": "ho"}] if extra else [])]
    workload = {"fixed": {"requests_per_second": 200}, "prompts": mine}
    done = measured(world, arms_of(world, Against(kind="config", value="other.yaml"), workload=workload))
    assert transport.urls == []
    assert done.run.comparison is not None
    assert done.run.comparison.equal
    expected = "what both arms have is the same" if extra else "both arms are the same"
    assert done.run.ending_message == f"{expected}, so nothing was sent"
    assert exit_code_of(done.run) is ExitCode.OK
    assert names(tmp_path) == ["other.yaml", "run.json"]


def test_a_closed_loop_ends_by_its_duration(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    overrides = Overrides(concurrency=2, duration_s=0.15, warmup_s=0.05)
    done = measured(world, arms_of(world, overrides=overrides, profiler={}))
    assert done.run.plan.concurrency == 2
    assert {"warmup", "measure"} == set(done.samples.texts["phase"].merged().values)
    assert done.run.ending is Ending.COMPLETE


def test_many_samples_lie_beside_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lens_gate.steps.running.keeper.INLINE_LIMIT", 10)
    world = a_world(tmp_path)
    done = measured(world, arms_of(world, overrides=Overrides(requests=300, concurrency=8)))
    assert names(tmp_path) == ["run.json", "run.samples.jsonl.gz"]
    assert len(samples_beside(written(world), tmp_path / "run.json")) == len(done.samples) == 300


def test_raw_chunk_times_are_kept_where_asked(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    done = measured(world, arms_of(world), save_chunks=True)
    lines = gzip.decompress((tmp_path / "run.chunks.jsonl.gz").read_bytes()).splitlines()
    kept = {line["index"]: line["chunks"] for line in map(json.loads, lines)}
    assert sorted(kept) == list(range(10))
    assert [size for _, size in kept[0]] == [len(part) for part in ANSWER]
    first = dict(zip(done.samples.numbers["index"], done.samples.numbers["first_token_ns"], strict=True))
    assert kept[3][0][0] == first[3]


def test_a_preview_sends_nothing(tmp_path: Path) -> None:
    transport = ChatTransport()
    world = a_world(tmp_path, transport=transport)
    assert preview(arms_of(world), world).requests == 10
    assert transport.urls == []


def test_a_cap_that_cannot_hold_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    provider = {"name": "p", "endpoint": "http://p.example.org", "models": ["no-price-is-known"]}
    with pytest.raises(ConfigProblem):
        measured(world, arms_of(world, providers=[provider], profiler={"max_cost_usd": 1, "requests": 2}))
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_keeps_what_was_measured(tmp_path: Path, name: signal.Signals) -> None:
    transport = ChatTransport(on_send=lambda sent: os.kill(os.getpid(), name) if sent == 5 else None)
    world = a_world(tmp_path, transport=transport)
    before = signal.getsignal(name)
    done = measured(world, arms_of(world, overrides=Overrides(requests=200, rps=50)))
    assert signal.getsignal(name) == before
    assert done.run.ending is Ending.INTERRUPTED
    assert 5 <= len(done.samples) < 100
    assert written(world) == done.run
    assert exit_code_of(done.run) is ExitCode.INTERRUPTED


def test_a_refused_key_ends_the_run_with_an_example_of_the_answer(tmp_path: Path) -> None:
    world = a_world(tmp_path, transport=ChatTransport(status=401))
    done = measured(world, arms_of(world, overrides=Overrides(requests=200, rps=100)))
    (error,) = done.run.providers[0].models[0].errors
    assert error.example == "refused"
    assert done.run.ending is Ending.AUTHENTICATION
    assert exit_code_of(done.run) is ExitCode.COULD_NOT_MEASURE


@pytest.mark.parametrize("seed", range(4))
def test_a_refused_key_of_the_model_asked_first_leaves_the_others_to_be_measured(tmp_path: Path, seed: int) -> None:
    class Half(ChatTransport):
        def exchange(self, request: HttpRequest, timeouts: Timeouts) -> Exchange:
            refusing = request.url.startswith("http://bad")
            return ChatExchange(ChatTransport(status=401) if refusing else self, 0.0, request)

    world = a_world(tmp_path, transport=Half())
    providers = [
        {"name": name, "endpoint": f"http://{name}.example.org/v1", "models": ["m"]} for name in ("bad", "good")
    ]
    workload = {"closed": {"concurrency": 1}}
    done = measured(
        world, arms_of(world, providers=providers, workload=workload, profiler={"requests": 8, "seed": seed})
    )
    assert done.run.ending is Ending.COMPLETE
    assert done.run.summary.successful_requests == 4


def test_a_crash_leaves_a_journal_with_all_that_a_run_needs(tmp_path: Path) -> None:
    class Crash(NoWatcher):
        seen = 0

        def note(self, sample: object) -> None:
            self.seen += 1
            if self.seen == 4:
                raise ZeroDivisionError

    said: list[str] = []
    world = a_world(tmp_path, said=said)
    prompts = [{"id": "a", "template": "hi"}]
    other = a_config(workload={"prompts": [*prompts, {"id": "b", "template": "ho"}]})
    other["providers"][0]["models"][0]["temperature"] = 1
    (tmp_path / "other.yaml").write_text(json.dumps(other), encoding="utf-8")
    workload = {"fixed": {"requests_per_second": 200}, "prompts": prompts}
    arms = arms_of(world, Against(kind="config", value="other.yaml"), workload=workload)
    with pytest.raises(ZeroDivisionError):
        measure(arms, tmp_path / "run.json", world, Crash())
    (path,) = tmp_path.glob("run.*.journal.jsonl.gz")
    assert said == [f"what was measured is kept in {path}"]
    journal = decode_journal(path.read_bytes(), name=path.name)
    assert len(journal.samples) >= 4
    head = journal.header.run_head
    assert isinstance(head, dict)
    assert Provenance.model_validate(head["provenance"]) == world.provenance()
    assert Fingerprint.model_validate(head["fingerprint"]) == world.fingerprint(arms.config_hash)
    assert [ArmIdentity.model_validate(arm).arm.value for arm in list(head["arms"])] == ["candidate", "base"]  # type: ignore[arg-type] # JSON of our own
    assert Comparison.model_validate(head["comparison"]) == arms.comparison
    assert [Uncovered.model_validate(one) for one in list(head["uncovered"])] == list(arms.uncovered)  # type: ignore[arg-type] # JSON of our own
    assert Plan.model_validate(head["plan"]).requests == 10
    assert Spend.model_validate(head["spend"]).prices[0].model == "m"
    assert head["config"] == arms.loaded.snapshot()
    assert (head["name"], head["transport"]) == (arms.candidate_side.config.profiler.name, "memory")
    assert str(head["start_time"]).startswith("2026-03-02T10:00:00.")
    assert (head["percentiles"], head["resolution_seconds"]) == ([50, 75, 90, 95, 99, 99.9], 1.0)


def test_the_journal_grows_while_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "FLUSH_EVERY_S", 0.02)
    sizes: list[int] = []

    def look(sent: int) -> None:
        (path,) = tmp_path.glob("*.journal.jsonl.gz")
        with suppress(ValueError):
            sizes.append(len(decode_journal(path.read_bytes(), name="journal").samples))

    world = a_world(tmp_path, transport=ChatTransport(on_send=look))
    measured(world, arms_of(world, overrides=Overrides(requests=20, rps=20)))
    assert sizes[-1] > 0
    assert sizes == sorted(sizes)


def test_a_disk_that_is_full_for_a_moment_ends_the_run_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    real, failed = os.write, list[int]()

    def write(descriptor: int, data: bytes) -> int:
        if len(sent) >= 10 and not failed:
            failed.append(len(sent))
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(session, "FLUSH_EVERY_S", 0.02)
    monkeypatch.setattr("lens_gate.stores.files.os.write", write)
    world = a_world(tmp_path, transport=ChatTransport(on_send=sent.append))
    with pytest.raises(PublishFailed, match=r"No space left on device; what was measured until then is in .*run\.json"):
        measured(world, arms_of(world, overrides=Overrides(requests=2000, rps=100)))
    run = written(world)
    assert run.ending is Ending.INTERRUPTED
    assert run.ending_message is not None
    assert "could not be written" in run.ending_message
    assert run.summary.successful_requests <= len(sent) == len(samples_beside(run, tmp_path / "run.json")) < 200
    assert names(tmp_path) == ["run.json"]


def test_a_target_is_started_and_asked_in_place_of_the_endpoint(tmp_path: Path) -> None:
    target = {"command": "python3 -m http.server --bind 127.0.0.1 {port}", "ready_url": "http://127.0.0.1:{port}/"}
    transport = ChatTransport()
    world = a_world(tmp_path, transport=transport, environment={"PATH": os.environ["PATH"]})
    provider = {"name": "q", "endpoint": "http://q.example.org/v1", "models": ["n"]}
    providers = [*a_config()["providers"], provider]
    done = measured(world, arms_of(world, target={**target, "provider": "p"}, providers=providers))
    assert {re.sub(r":\d+/", ":PORT/", url) for url in transport.urls} == {
        "http://127.0.0.1:PORT/chat/completions",
        "http://q.example.org/v1/chat/completions",
    }
    assert done.run.arms[0].endpoints == ("target", "http://q.example.org/v1")
    assert names(tmp_path) == ["run.json", "target-candidate.log"]


def test_a_target_that_does_not_start_leaves_its_log_and_no_journal(tmp_path: Path) -> None:
    target = {"command": "false", "ready_url": "http://127.0.0.1:{port}/"}
    world = a_world(tmp_path)
    with pytest.raises(TargetNotReady):
        measured(world, arms_of(world, target=target))
    assert names(tmp_path) == ["target-candidate.log"]


def test_an_interruption_while_a_target_starts_ends_it_at_once(tmp_path: Path) -> None:
    """The signal is sent by the target itself, once it runs; it would never get ready."""
    kill = f"import os, signal, time; os.kill({os.getpid()}, signal.SIGINT); time.sleep(60)"
    target = {"command": f'python3 -c "{kill}"', "ready_url": "http://127.0.0.1:{port}/"}
    world = a_world(tmp_path, environment={"PATH": os.environ["PATH"]})
    with pytest.raises(KeyboardInterrupt):
        measured(world, arms_of(world, target=target))
    assert world.stop.ending is Ending.INTERRUPTED
    assert names(tmp_path) == ["target-candidate.log"]


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (Ending.COMPLETE, ExitCode.OK),
        (Ending.DECIDED, ExitCode.OK),
        (Ending.COST_CAP, ExitCode.CAP_REACHED),
        (Ending.TIME_CAP, ExitCode.CAP_REACHED),
        (Ending.INTERRUPTED, ExitCode.INTERRUPTED),
        (Ending.AUTHENTICATION, ExitCode.COULD_NOT_MEASURE),
        (Ending.UNREACHABLE, ExitCode.COULD_NOT_MEASURE),
    ],
)
def test_every_ending_has_its_exit_code(ending: Ending, code: ExitCode) -> None:
    assert exit_code_of(a_run(ending=ending)) is code


def test_a_run_that_cannot_be_trusted_or_measured_nothing_is_no_success() -> None:
    assert exit_code_of(a_run(validity=Validity(valid=False, checks=()))) is ExitCode.COULD_NOT_MEASURE
    empty = a_run(summary=a_summary(successful_requests=0))
    assert exit_code_of(empty) is ExitCode.COULD_NOT_MEASURE
    equal = Comparison(kind="ref", value="main", equal=True)
    nothing = a_duet_run(comparison=equal, summary=a_summary(successful_requests=0))
    assert exit_code_of(nothing) is ExitCode.OK
