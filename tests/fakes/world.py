"""The outside of one invocation: a clock, a seed, a folder, and an endpoint that answers from memory."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from typing_extensions import override

from lens_gate.artifacts.samples import Sample
from lens_gate.ci.repository import Repository
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.engine.contract import StopSignal
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.wire.transport import Exchange, Head, Received, Timeouts, Transport
from lens_gate.notify.delivery import Answer, Messenger
from lens_gate.notify.letter import Letter
from lens_gate.providers.base import HttpRequest, ResponseHead
from lens_gate.reports.template import rendered
from lens_gate.secrets.keyring import Keyring, unfetched
from lens_gate.steps.resolving.arms import Arms
from lens_gate.steps.running.watcher import Looked, Watcher
from lens_gate.steps.running.worker import Tools, work
from lens_gate.steps.wire import Assignment
from lens_gate.steps.world import Runner, Spawned, World
from lens_gate.stores.file import FileStore

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def _frame(value: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _choice(delta: Mapping[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


ANSWER = (
    _frame(_choice({"content": "hello"})),
    _frame(_choice({"content": " world"})),
    _frame(_choice({}, "stop"))
    + _frame({"model": "m", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}})
    + b"data: [DONE]\n\n",
)


REFUSAL = b'{"error": {"message": "refused"}}'


class ChatTransport(Transport):
    """Answers every request with two tokens in the format of OpenAI's chat, or with a status and no answer."""

    def __init__(self, *, status: int = 200, wait_s: float = 0.0, on_send: Callable[[int], None] | None = None) -> None:
        self.status = status
        self.wait_s = wait_s
        self.on_send = on_send or (lambda _: None)
        self.urls: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.closed = False

    @property
    @override
    def name(self) -> str:
        return "memory"

    @override
    def exchange(self, request: HttpRequest, timeouts: Timeouts) -> Exchange:
        return ChatExchange(self, self.wait_s, request)

    @override
    async def aclose(self) -> None:
        self.closed = True


class ChatExchange(Exchange):
    """Tells its transport when it is sent, and answers as that says."""

    def __init__(self, transport: ChatTransport, wait_s: float, request: HttpRequest) -> None:
        self._transport = transport
        self._wait_s = wait_s
        self._request = request
        self._head: Head | None = None
        self._times: list[int] = []
        self._parts: list[bytes] = []

    @override
    async def carry_out(self) -> None:
        transport, sent_ns = self._transport, time.perf_counter_ns()
        transport.urls.append(self._request.url)
        transport.bodies.append(json.loads(self._request.body or b"{}"))
        transport.on_send(len(transport.urls))
        await asyncio.sleep(self._wait_s)
        head = ResponseHead(status=transport.status, headers={"content-type": "text/event-stream"})
        self._head = Head(t_ns=time.perf_counter_ns(), sent_ns=sent_ns, head=head)
        for part in ANSWER if transport.status == 200 else (REFUSAL,):
            await asyncio.sleep(0.001)
            self._times.append(time.perf_counter_ns())
            self._parts.append(part)

    @override
    def received(self) -> Received:
        return Received(self._head, self._times, self._parts)


class NoWatcher(Watcher):
    """Watches, and shows nothing."""

    @override
    def begin(self, settings: ScheduleSettings, arms: Arms) -> None:
        pass

    @override
    def following(self, planned: Iterator[PlannedRequest]) -> Iterator[PlannedRequest]:
        return planned

    @override
    def note(self, sample: Sample) -> None:
        pass

    @override
    def looked(self, look: Looked) -> None:
        pass


class ThreadedProcess(Spawned):
    """Sends a share of a run from a thread of this process, through a transport from memory."""

    def __init__(self, end: socket.socket, assignment: Assignment, transport: Transport | None) -> None:
        tools = Tools(
            transport=lambda _: transport or ChatTransport(),
            rng=np.random.default_rng,
            now_ns=time.perf_counter_ns,
            new_loop=asyncio.new_event_loop,
        )
        self._thread = Thread(target=work, args=(end.dup(), assignment, tools), daemon=True)
        self._thread.start()

    @override
    def exited(self, within_s: float) -> int | None:
        self._thread.join(within_s)
        return None if self._thread.is_alive() else 0

    @override
    def kill(self) -> None:
        """Leave it alone: a thread cannot be killed."""


def nobody(letter: Letter) -> Answer:
    """Fail the test that sends a notification without saying to whom."""
    raise AssertionError(f"a notification was sent: {letter.body!r}")


def a_world(
    directory: Path,
    *,
    git: bool = False,
    trusted_ref: str | None = None,
    environment: Mapping[str, str] | None = None,
    transport: Transport | None = None,
    said: list[str] | None = None,
) -> World:
    """Return a world in a folder; with `git` it lies in the repository there."""
    numbers = count(1)
    lines: list[str] = [] if said is None else said
    return World(
        open_store=lambda address, _: FileStore(directory / address),
        keyring=Keyring(unfetched),
        messenger=Messenger(exchange=nobody, sleep=lambda _: None, now=lambda: NOW),
        render_template=rendered,
        version="0.0.0",
        environment=environment or {},
        directory=directory,
        repository=Repository.find(directory) if git else None,
        trusted_ref=trusted_ref,
        runner=Runner(name="runner", platform="linux", python="3.12", region=None, ci_run=None),
        now=lambda: NOW,
        now_ns=time.perf_counter_ns,
        new_id=lambda: f"run{next(numbers)}",
        rng=np.random.default_rng,
        transport=lambda _: transport or ChatTransport(),
        stop=StopSignal(),
        say=lines.append,
        executor=lambda: ThreadPoolExecutor(1),
        spawn=lambda end, assignment: ThreadedProcess(end, assignment, transport),
    )
