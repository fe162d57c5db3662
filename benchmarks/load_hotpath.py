"""What one request costs beside the network: microseconds of CPU time by part, for each wire format.

The streams are the simulator's, 32 tokens long, every event a read of its own; nothing is sent. `decode` is the
provider's decoder alone, `record` what the recorder adds to it, `keep` the journal with its share of a block, `watch`
what decides whether to go on and the live view's counters, `runner` what is left of `play` on a transport that answers
from memory: the tasks and the event loop. `window` is the whole before the first answer is decoded, where decoding is
deferred. Times are CPU times of this process, the least of `--rounds`: other work on the machine only adds.

    python benchmarks/load_hotpath.py --requests 2000 --rounds 5
    python benchmarks/load_hotpath.py --api anthropic --profile
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import pstats
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
from typing_extensions import override

from lens_gate.artifacts.samples import Sample
from lens_gate.cli.wiring import world
from lens_gate.config.load import Source, load_config
from lens_gate.config.model import Config
from lens_gate.config.substitute import substitute
from lens_gate.load.arms.plan import ArmPlan, PlannedRequest
from lens_gate.load.arms.resolve import resolve_arm
from lens_gate.load.engine.contract import RunnerSettings, StopSignal
from lens_gate.load.engine.deferred import LIMIT_BYTES
from lens_gate.load.engine.runner import play
from lens_gate.load.limits.watch import Watch
from lens_gate.load.money.pricing import PriceList
from lens_gate.load.money.purse import Purse
from lens_gate.load.record.progress import Progress
from lens_gate.load.record.recorder import Recorder
from lens_gate.load.schedule.settings import schedule_settings
from lens_gate.load.schedule.workload import schedule
from lens_gate.load.wire.transport import Exchange, Head, Received, Timeouts, Transport
from lens_gate.providers.base import HttpRequest, ResponseHead, Usage
from lens_gate.simulator import wire_anthropic, wire_google, wire_openai_chat, wire_openai_responses
from lens_gate.simulator.dialogue import Answer, Ask, Counts, Identity, Piece, Wire
from lens_gate.steps.running.keeper import Keeper
from lens_gate.vocabulary.requests import Arm, FinishReason, TokenKind

APIS: dict[str, tuple[Wire, str]] = {
    "openai-chat": (wire_openai_chat, "gpt-4o-mini"),
    "openai-responses": (wire_openai_responses, "gpt-4o-mini"),
    "anthropic": (wire_anthropic, "claude-3-5-haiku-latest"),
    "google": (wire_google, "gemini-2.0-flash"),
}
PARTS = ("schedule", "build", "decode", "record", "money", "keep", "watch", "runner", "all", "window")
SLOTS = 64
PROMPT = {"id": "p", "template": "Explain {{what}} to a child.", "variables": {"what": ["rain", "snow"]}}


@dataclass(frozen=True)
class Case:
    """One wire format: its arm, its pace, and the answer that every request gets."""

    config: Config
    arm: ArmPlan
    prices: PriceList
    answer: Received

    def planned(self, requests: int) -> list[PlannedRequest]:
        """Draw the schedule."""
        return list(islice(self.drawing(), requests))

    def drawing(self) -> Iterator[PlannedRequest]:
        """Draw the schedule bit by bit."""
        return schedule(self.arm, None, schedule_settings(self.config), np.random.default_rng(1))

    @property
    def purse(self) -> Purse:
        """A purse without a cap, with the list's prices."""
        return Purse(self.prices, None)


class Answered(Exchange):
    """An exchange that had its answer from the start."""

    def __init__(self, answer: Received) -> None:
        self._answer = answer

    @override
    async def carry_out(self) -> None:
        # Give way once, as a socket would.
        await asyncio.sleep(0)

    @override
    def received(self) -> Received:
        return self._answer


class Memory(Transport):
    """A transport that knows one answer."""

    def __init__(self, answer: Received) -> None:
        self._answer = answer

    @property
    @override
    def name(self) -> str:
        return "memory"

    @override
    def exchange(self, request: HttpRequest, timeouts: Timeouts) -> Answered:
        return Answered(self._answer)

    @override
    async def aclose(self) -> None:
        """Close nothing."""


def case(api: str, tokens: int) -> Case:
    """Describe a run of one model of an API, whose prompts vary."""
    wire, model = APIS[api]
    text = json.dumps(
        {
            "providers": [
                {
                    "name": api.partition("-")[0],
                    "api": api,
                    "endpoint": "http://127.0.0.1:9",
                    "api_key": "sk-none",
                    "models": [{"id": model, "max_tokens": 64}],
                }
            ],
            "profiler": {"requests": 10_000_000},
            "workload": {"closed": {"concurrency": SLOTS}, "prompts": [PROMPT]},
        }
    )
    config = substitute(load_config([Source("hotpath.yaml", text)]), {}, used=None)
    arm = resolve_arm(
        config,
        read_file=lambda name: Path(name).read_bytes(),
        base_series=None,
        arm=Arm.CANDIDATE,
        label="hotpath",
        commit=None,
        config_hash="",
        target_name=None,
        target_endpoint=None,
    )
    return Case(config, arm, PriceList.of(arm.series, datetime.now(UTC)), streamed(wire, model, tokens))


def streamed(wire: Wire, model: str, tokens: int) -> Received:
    """Return a stream of so many tokens: 50 ms to the first, then one every 5 ms, each in a read of its own."""
    pieces = [Piece(TokenKind.TEXT, f" word{number}", 1, 0.05 + 0.005 * number) for number in range(tokens)]
    answer = Answer(
        pieces=pieces,
        opening_s=0.045,
        done_s=pieces[-1].due_s,
        finish=FinishReason.STOP,
        counts=Counts(prompt=10, output=tokens),
    )
    head = ResponseHead(status=200, headers={"content-type": "text/event-stream"})
    frames = tuple(wire.frames(Ask(model=model, prompt="…", stream=True), answer, Identity(1, 1_750_000_000)))
    return Received(
        Head(t_ns=45_000_000, sent_ns=0, head=head),
        [round(frame.due_s * 1e9) for frame in frames],
        [frame.data for frame in frames],
    )


class Bill:
    """Microseconds of CPU per request, by part."""

    def __init__(self, requests: int) -> None:
        self.parts: dict[str, float] = {}
        self._requests = requests

    @contextmanager
    def entry(self, part: str) -> Iterator[None]:
        """Charge what happens inside to `part`."""
        start_ns = time.process_time_ns()
        yield
        self.parts[part] = (time.process_time_ns() - start_ns) / 1000 / self._requests


def costs(one: Case, requests: int) -> dict[str, float]:
    """Do each part by itself, then everything together."""
    bill = Bill(requests)
    with bill.entry("schedule"):
        planned = one.planned(requests)
    with bill.entry("build"):
        wires = [each.series.provider.build(each.request, each.series.endpoint) for each in planned]
    with bill.entry("decode"):
        decode(one, planned)
    with bill.entry("record"):
        samples = recorded(one, planned)
    with bill.entry("money"):
        settle(one.purse, zip(planned, wires, strict=True), samples)
    with bill.entry("keep"):
        keep(samples)
    with bill.entry("watch"):
        watch(planned, samples)
    frozen()
    with bill.entry("all"):
        whole(one, requests)
    frozen()
    parts = bill.parts
    parts["window"] = whole(one, requests, deferring=True) / 1000 / requests
    parts["record"] -= parts["decode"]
    parts["runner"] = parts["all"] - sum(parts[part] for part in PARTS[:-3])
    return parts


def frozen() -> None:
    """Keep everything out of the collection that `play` begins with: it takes 0.1 s, however many requests follow."""
    gc.collect()
    gc.freeze()


def decode(one: Case, planned: Iterable[PlannedRequest]) -> None:
    """Decode the answer of each request, without looking at what it says."""
    head, _, parts = one.answer
    assert head is not None
    for each in planned:
        decoder = each.series.provider.decoder(head.head, stream=True)
        for part in parts:
            decoder.feed(part)
        decoder.close()


def recorded(one: Case, planned: Iterable[PlannedRequest]) -> list[Sample]:
    """Make the sample of each request."""
    head, times_ns, parts = one.answer
    assert head is not None
    samples = []
    for each in planned:
        recorder = Recorder(each, anchor_ns=0, intended_ns=0, phase=each.phase)
        recorder.open(head)
        for number, part in enumerate(parts):
            recorder.take(times_ns[number : number + 1], [part])
        samples.append(recorder.finish())
    return samples


def settle(purse: Purse, asked: Iterable[tuple[PlannedRequest, HttpRequest]], samples: Iterable[Sample]) -> None:
    """Reserve and settle the money of each request."""
    for each, sample in zip(asked, samples, strict=True):
        held = purse.reserve(*each)
        assert held is not None
        told = Usage(input=sample.input_tokens, output=sample.output_tokens)
        purse.settle(held, sample.error_class, sample.http_status, told)


def keep(samples: Iterable[Sample]) -> None:
    """Write the journal."""
    with tempfile.TemporaryDirectory() as folder:
        keeper = Keeper(Path(folder) / "run.json", run_id="hotpath", say=lambda _: None)
        with keeper:
            for sample in samples:
                keeper.take(sample)


def watch(planned: Iterable[PlannedRequest], samples: Iterable[Sample]) -> None:
    """Decide after each request whether to go on, and count it for the live view."""
    watching, progress = Watch(frozenset(), 5), Progress()
    for _, sample in zip(progress.following(planned), samples, strict=True):
        watching.ended(sample)
        watching.verdict()
        progress.note(sample)


def whole(one: Case, requests: int, *, deferring: bool = False) -> int:
    """Play the schedule on a transport that answers from memory, with journal, money and counters.

    Return the nanoseconds of CPU until the first sample was made: with deferring that is the time in which is sent.
    """
    progress, purse = Progress(), one.purse
    start_ns, window_ns = time.process_time_ns(), 0

    async def played(keeper: Keeper) -> None:
        def note(sample: Sample) -> None:
            nonlocal window_ns
            window_ns = window_ns or time.process_time_ns() - start_ns
            keeper.take(sample)
            progress.note(sample)

        await play(
            progress.following(islice(one.drawing(), requests)),
            transport=Memory(one.answer),
            settings=RunnerSettings(concurrency=SLOTS, defer_bytes=LIMIT_BYTES if deferring else None),
            money=purse,
            on_sample=note,
            stop=StopSignal(),
        )

    with (
        tempfile.TemporaryDirectory() as folder,
        Keeper(Path(folder) / "run.json", run_id="hotpath", say=lambda _: None) as keeper,
        asyncio.Runner(loop_factory=world().new_loop) as runner,
    ):
        runner.run(played(keeper))
    return window_ns


def profiled(one: Case, requests: int) -> None:
    """Say where the time goes."""
    profile = cProfile.Profile()
    profile.runcall(whole, one, requests)
    pstats.Stats(profile).sort_stats("tottime").print_stats(40)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--api", choices=APIS, action="append", help="wire format; all of them without it")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="show the dearest functions instead")
    options = parser.parse_args()
    cases = {api: case(api, options.tokens) for api in options.api or APIS}
    if options.profile:
        for one in cases.values():
            profiled(one, options.requests)
        return
    print(f"{'µs of CPU per request':22}" + "".join(f"{part:>10}" for part in PARTS))
    for api, one in cases.items():
        bills = [costs(one, options.requests) for _ in range(options.rounds)]
        print(f"{api:22}" + "".join(f"{min(bill[part] for bill in bills):10.1f}" for part in PARTS))


if __name__ == "__main__":
    main()
