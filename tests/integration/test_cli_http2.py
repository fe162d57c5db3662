"""`providers[].http2`: a run by HTTP/2 from the command line to its artifact."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lens_gate.artifacts.run import Run
from lens_gate.steps.recorded.reading import read_artifact
from tests.certificates import Authority
from tests.fakes.http2_server import Http2Server, Stream, http2_server
from tests.integration.conftest import KEY, Invoke

Configure = Callable[..., Path]
TOKEN = b'data: {"model":"m-1","choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'
END = (
    b'data: {"model":"m-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"model":"m-1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}\n\n'
    b"data: [DONE]\n\n"
)


async def speak(stream: Stream) -> None:
    await stream.whole.wait()
    await stream.head()
    for _ in range(4):
        await stream.data(TOKEN)
        await asyncio.sleep(0.02)
    await stream.data(END, end=True)


@contextmanager
def serving(ours: Authority) -> Iterator[Http2Server]:
    """Serve in another thread, as the command line has a loop of its own."""
    ready, done, found = threading.Event(), asyncio.Event(), list[Http2Server]()

    async def main() -> None:
        async with http2_server(speak, ours.server("localhost")) as server:
            found.append(server)
            ready.set()
            await done.wait()

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=runner.run, args=(main(),), daemon=True)
        thread.start()
        try:
            assert ready.wait(20)
            yield found[0]
        finally:
            loop.call_soon_threadsafe(done.set)
            thread.join(20)


def configured(configure: Configure, server: str, ours: Authority, **profiler: Any) -> None:
    provider = {
        "name": "near",
        "api": "openai-chat",
        "endpoint": f"{server}/v1",
        "api_key": "${SIM_KEY}",
        "http2": True,
        "tls": {"ca_bundle": ours.bundle},
        "models": ["m"],
    }
    configure(providers=[provider], profiler=profiler)


@pytest.mark.usefixtures("unhurried")
def test_a_run_by_http2_says_so_and_measures_what_the_server_wrote(
    invoke: Invoke, configure: Configure, home: Path
) -> None:
    ours = Authority.make(home / "ours")
    with serving(ours) as server:
        configured(configure, server.base_url, ours, requests=20)
        answer = invoke("run", "--output", "run.json")
    assert answer.code == 0, answer.err
    assert "localhost is asked by HTTP/2" in answer.err
    run = read_artifact(home / "run.json")
    assert isinstance(run, Run)
    assert (run.transport, run.arms[0].http2) == ("httpx", ("near/m",))
    assert (run.summary.total_requests, run.summary.successful_requests) == (20, 20)
    assert server.connections == 1
    assert {stream.headers["authorization"] for stream in server.requests} == {f"Bearer {KEY}"}
    [model] = run.providers[0].models
    ttft, total = model.latency.ttft.mean_ms, model.latency.total.mean_ms
    assert ttft is not None
    assert total is not None
    assert total - ttft > 60
    assert model.tokens.output == 80


def test_a_transport_that_cannot_is_refused_before_anything_is_sent(
    invoke: Invoke, configure: Configure, home: Path
) -> None:
    ours = Authority.make(home / "ours")
    with serving(ours) as server:
        configured(configure, server.base_url, ours, requests=20, transport="fast")
        answer = invoke("run", "--output", "run.json")
    assert answer.code == 2
    assert "the fast transport speaks HTTP/1.1 only" in answer.err
    assert server.requests == []
