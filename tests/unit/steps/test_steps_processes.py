"""A run that several processes send: threads stand in for them, and answers come from memory."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from lens_gate.artifacts.journal import decode_journal
from lens_gate.errors import CouldNotMeasure, UsageProblem
from lens_gate.load.wire.transport import Exchange, Received, Timeouts
from lens_gate.providers.base import HttpRequest
from lens_gate.steps.resolving.order import Against
from lens_gate.steps.running import crew
from lens_gate.steps.running.crew import ProcessBroken, told_exit
from lens_gate.steps.running.foreseen import preview
from lens_gate.steps.wire import Assignment, Batch, Line, Promise
from lens_gate.steps.world import Spawned, World
from lens_gate.vocabulary.outcomes import Ending
from tests.builders import a_sample
from tests.fakes.world import ChatExchange, ChatTransport, ThreadedProcess, a_world
from tests.unit.steps.test_steps_measure import a_config, arms_of, measured, names

FIXED = {"fixed": {"requests_per_second": 400}}


def rows(done: Any, *columns: str) -> list[tuple[object, ...]]:
    samples = done.samples
    found = [
        samples.numbers[name].tolist() if name in samples.numbers else samples.texts[name].strings() for name in columns
    ]
    return sorted(zip(*found, strict=True))


@pytest.mark.parametrize("against", [None, Against(kind="model", value="n")])
@pytest.mark.parametrize("workload", [FIXED, {"closed": {"concurrency": 5}}])
def test_several_processes_send_the_schedule_of_one(
    tmp_path: Path, against: Against | None, workload: dict[str, Any]
) -> None:
    columns = ["index", "series", "arm", "prompt_hash", "status", *(["intended_ns"] if workload is FIXED else [])]
    found = []
    for processes in (1, 3):
        world = a_world(tmp_path)
        profiler = {"requests": 50, "processes": processes}
        done = measured(world, arms_of(world, against, profiler=profiler, workload=workload))
        assert (done.run.plan.processes, done.run.ending) == (processes, Ending.COMPLETE)
        found.append(rows(done, *columns))
    assert found[0] == found[1]
    assert names(tmp_path) == ["run.json"]


def test_the_account_is_the_sum_and_chunks_and_bodies_arrive(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    profiler = {"requests": 30, "processes": 2, "max_cost_usd": 5}
    done = measured(
        world, arms_of(world, workload=FIXED, profiler=profiler, privacy={"save_bodies": True}), save_chunks=True
    )
    assert done.run.spend.spent_usd == pytest.approx(30 * (5 * 1 + 2 * 2) / 1e6)
    assert done.run.spend.cap_usd == 5
    for beside in ("chunks", "bodies"):
        with gzip.open(tmp_path / f"run.{beside}.jsonl.gz") as lines:
            assert sorted(json.loads(line)["index"] for line in lines) == list(range(30))


@pytest.mark.parametrize("processes", [2, 3])
def test_the_parts_of_a_cap_end_the_run_before_their_sum_passes_it(tmp_path: Path, processes: int) -> None:
    world = a_world(tmp_path)
    cap = 0.001
    profiler = {"duration": "5s", "processes": processes, "max_cost_usd": cap}
    done = measured(world, arms_of(world, workload=FIXED, profiler=profiler))
    assert done.run.ending is Ending.COST_CAP
    assert 0 < done.run.spend.spent_usd <= cap


def test_a_refused_key_ends_the_run_in_all_processes(tmp_path: Path) -> None:
    world = a_world(tmp_path, transport=ChatTransport(status=401))
    done = measured(world, arms_of(world, workload=FIXED, profiler={"duration": "20s", "processes": 3}))
    assert done.run.ending is Ending.AUTHENTICATION
    assert done.run.ending_message is not None
    assert done.run.ending_message.startswith("p/m at http://p.example.org/v1")


def test_no_process_tells_a_secret_that_an_endpoint_says_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fakes.world.REFUSAL", b'{"error": {"message": "bad key sk-very-secret-0123456789"}}')
    world = a_world(tmp_path, environment={"KEY": "sk-very-secret-0123456789"}, transport=ChatTransport(status=401))
    provider = {"name": "p", "endpoint": "http://p.example.org/v1", "api_key": "${KEY}", "models": ["m"]}
    done = measured(world, arms_of(world, providers=[provider], profiler={"requests": 10, "processes": 2}))
    assert "bad key" in (done.run.ending_message or "")
    assert b"very-secret" not in (tmp_path / "run.json").read_bytes()


def test_ctrl_c_ends_all_processes_and_keeps_what_was_measured(tmp_path: Path) -> None:
    transport = ChatTransport(on_send=lambda number: os.kill(os.getpid(), signal.SIGINT) if number == 20 else None)
    world = a_world(tmp_path, transport=transport)
    done = measured(world, arms_of(world, workload=FIXED, profiler={"duration": "20s", "processes": 2}))
    assert (done.run.ending, done.run.ending_message) == (Ending.INTERRUPTED, "the run was interrupted")
    assert 20 <= done.run.summary.total_requests == len(transport.urls)


class BrokenTransport(ChatTransport):
    """Has a defect in the first request after twenty answers were read, however many were due at once before."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    @override
    def exchange(self, request: HttpRequest, timeouts: Timeouts) -> Exchange:
        if self.read >= 20:
            msg = "a defect of ours"
            raise ZeroDivisionError(msg)
        return CountedExchange(self, request)


class CountedExchange(ChatExchange):
    """Tells its transport that it was read."""

    def __init__(self, transport: BrokenTransport, request: HttpRequest) -> None:
        super().__init__(transport, 0.0, request)
        self._counting = transport

    @override
    def received(self) -> Received:
        self._counting.read += 1
        return super().received()


def test_a_defect_in_a_process_is_raised_here_and_what_was_measured_is_kept(tmp_path: Path) -> None:
    said: list[str] = []
    world = a_world(tmp_path, transport=BrokenTransport(), said=said)
    arms = arms_of(world, workload=FIXED, profiler={"duration": "20s", "processes": 2})
    with pytest.raises(ProcessBroken, match="ZeroDivisionError: a defect of ours"):
        measured(world, arms)
    (journal,) = tmp_path.glob("*.journal.jsonl.gz")
    assert said == [f"what was measured is kept in {journal}"]
    contents = decode_journal([journal.read_bytes()], name="journal")
    assert len(contents.samples) > 0
    # More was promised than was sent, so that nobody sends a request twice.
    assert contents.stretches[-1].through > max(contents.samples.numbers["index"])


def _cut(end: socket.socket) -> None:
    with end:
        end.shutdown(socket.SHUT_RDWR)


class Mortal(ThreadedProcess):
    """Dies, as far as the other end can tell, after it has sent a while."""

    def __init__(self, end: socket.socket, assignment: Assignment, after_s: float) -> None:
        if assignment.script.settings.share.number == 1:
            asyncio.get_running_loop().call_later(after_s, _cut, end.dup())
        super().__init__(end, assignment, None)

    @override
    def exited(self, within_s: float) -> int | None:
        super().exited(within_s)
        return -9


def with_spawn(world: World, spawn: Callable[[socket.socket, Assignment], Spawned]) -> World:
    return replace(world, spawn=spawn)


@pytest.mark.parametrize("cap", [None, 0.5])
def test_a_process_that_dies_ends_the_run_and_loses_no_more_than_it_had_in_flight(
    tmp_path: Path, cap: float | None
) -> None:
    world = with_spawn(a_world(tmp_path), lambda end, assignment: Mortal(end, assignment, after_s=1.5))
    profiler = {"duration": "30s", "processes": 2} | ({} if cap is None else {"max_cost_usd": cap})
    done = measured(world, arms_of(world, workload=FIXED, profiler=profiler))
    assert done.run.ending is Ending.INTERRUPTED
    assert done.run.ending_message == ("process 2 of 2 was killed by signal 9, and what it had in flight is lost")
    index = sorted(done.samples.numbers["index"].astype(int).tolist())
    assert any(one % 2 == 1 for one in index)
    # Of the other not one is missing, those that were cut off included.
    survived = [one for one in index if one % 2 == 0]
    assert survived == list(range(0, 2 * len(survived), 2))
    known_usd = len(index) * (5 * 1 + 2 * 2) / 1e6
    # Nobody knows what the dead one spent, so that its whole share of the cap counts.
    if cap is None:
        # What it had in flight may have been billed.
        assert known_usd * 0.999 <= done.run.spend.spent_usd < known_usd + 0.05
    else:
        assert cap / 2 < done.run.spend.spent_usd <= cap


class Mute(Spawned):
    """Never says a word."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end.dup()
        self.killed = False

    @override
    def exited(self, within_s: float) -> int | None:
        return None

    @override
    def kill(self) -> None:
        self.killed = True
        self._end.close()


def test_a_process_that_does_not_start_is_told_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "READY_WITHIN_S", 0.1)
    mutes: list[Mute] = []

    def spawn(end: socket.socket, _: Assignment) -> Spawned:
        mutes.append(Mute(end))
        return mutes[-1]

    world = with_spawn(a_world(tmp_path), spawn)
    with pytest.raises(CouldNotMeasure, match=r"process 1 of 2 did not start within 0\.1 s"):
        measured(world, arms_of(world, profiler={"requests": 10, "processes": 2}))
    assert [mute.killed for mute in mutes] == [True, True]
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"resilience": {"circuit_breaker": {"enabled": True}}}, "the circuit breaker must see all requests"),
        ({"resilience": {"abort": {"error_rate": 50}}}, "the abort at an error rate must see all requests"),
        ({"workload": {"closed": {"concurrency": 2}}}, "a closed loop of 2 cannot be split over 3 processes"),
    ],
)
def test_what_holds_for_all_requests_together_is_refused_before_anything_is_sent(
    tmp_path: Path, sections: dict[str, Any], told: str
) -> None:
    transport = ChatTransport()
    world = a_world(tmp_path, transport=transport)
    arms = arms_of(world, **({"profiler": {"requests": 10, "processes": 3}} | sections))
    for attempt in (lambda: preview(arms, world), lambda: measured(world, arms)):
        with pytest.raises(UsageProblem, match=told) as raised:
            attempt()
        assert raised.value.place == "profiler.processes"
        assert raised.value.hint
    assert transport.urls == []


def test_rate_limits_that_pace_are_refused(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    config = a_config(profiler={"requests": 10, "processes": 2})
    config["providers"][0]["rate_limits"] = {"requests_per_minute": 60000}
    arms = arms_of(world, **{name: config[name] for name in ("profiler", "providers")})
    with pytest.raises(UsageProblem, match="the rate limits must see all requests"):
        measured(world, arms)


@pytest.mark.parametrize(
    ("code", "told"),
    [(None, "fell silent"), (-9, "was killed by signal 9"), (1, "ended before the run, with code 1")],
)
def test_how_a_process_ended_is_told(code: int | None, told: str) -> None:
    assert told_exit(code) == told


def test_messages_of_any_size_pass_whole_and_in_order_and_writing_never_waits() -> None:
    async def talk() -> list[object]:
        ours, theirs = socket.socketpair()
        one, other = await Line.over(ours), await Line.over(theirs)
        batch = Batch(samples=[a_sample(index=index) for index in range(5000)])
        for message in (Promise(1), batch, Promise(2)):
            one.put(message)
        heard: list[object] = [await other.next() for _ in range(3)]
        closing = asyncio.create_task(one.close())
        heard.append(await other.next())
        await closing
        other.put(Promise(3))
        await other.close()
        return heard

    first, batch, last, end = asyncio.run(talk())
    assert (first, last, end) == (Promise(1), Promise(2), None)
    assert isinstance(batch, Batch)
    assert [sample.index for sample in batch.samples] == list(range(5000))


def test_last_words_are_heard_whatever_is_said_to_the_one_who_leaves_meanwhile() -> None:
    async def talk() -> list[object]:
        ours, theirs = socket.socketpair()
        one, other = await Line.over(ours), await Line.over(theirs)
        other.put(Promise(7))
        leaving = asyncio.create_task(other.see_off())
        await asyncio.sleep(0.05)
        for number in (1, 2):
            one.put(Promise(number))
            await asyncio.sleep(0.01)
        heard: list[object] = [await one.next(), await one.next()]
        await one.close()
        await asyncio.wait_for(leaving, 5)
        return heard

    assert asyncio.run(talk()) == [Promise(7), None]
