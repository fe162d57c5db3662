from __future__ import annotations

import asyncio
import gc
import weakref
from collections import Counter
from dataclasses import replace

import pytest

from lens_gate.artifacts.samples import Sample
from lens_gate.load.engine.clock import MonotonicClock
from lens_gate.load.engine.collector import collect_now_and_then, unburdened_collector
from lens_gate.load.engine.contract import RunnerSettings, StopSignal
from lens_gate.load.engine.runner import play
from lens_gate.load.engine.tasks import cancelled
from lens_gate.providers.base import Endpoint
from lens_gate.vocabulary.requests import ErrorClass
from tests.fakes.raw_server import HEAD, Handler, Writer, chunk, hang, raw_server, reset, sending, then_close, write
from tests.fakes.transport import ANSWER, FreeMoney, a_series, paced
from tests.transports import KINDS, PATIENT, Kind


class Ring:
    """An object that only a collection can free."""

    def __init__(self) -> None:
        self.itself = self


@pytest.mark.parametrize("was_on", [True, False])
def test_python_collects_nothing_by_itself_while_a_run_is_on_and_goes_on_as_before(*, was_on: bool) -> None:
    if not was_on:
        gc.disable()
    try:
        with unburdened_collector():
            assert not gc.isenabled()
            assert gc.get_freeze_count() > 0
        assert gc.isenabled() == was_on
        assert gc.get_freeze_count() == 0
    finally:
        gc.enable()


def test_garbage_that_others_left_is_collected_now_and_then() -> None:
    async def main() -> None:
        freed = asyncio.Event()
        weakref.finalize(Ring(), freed.set)
        collecting = asyncio.create_task(
            collect_now_and_then(MonotonicClock(), lambda *pass_ns: passes.append(pass_ns), every_s=0.01)
        )
        assert not freed.is_set()
        await asyncio.wait_for(freed.wait(), timeout=20)
        await asyncio.sleep(0)
        await cancelled(collecting)

    passes: list[tuple[int, ...]] = []
    with unburdened_collector():
        asyncio.run(main())
    assert all(began_ns < ended_ns for began_ns, ended_ns in passes)
    assert passes


async def reset_inside(_: bytes, writer: Writer) -> None:
    await write(writer, HEAD + chunk(b"text a\n"))
    await asyncio.sleep(0.01)
    await reset(writer)


FATES: dict[str, tuple[Handler, ErrorClass]] = {
    "whole": (sending(HEAD + chunk(ANSWER) + chunk(b"")), ErrorClass.NONE),
    "refused": (sending(b"HTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\nno"), ErrorClass.API_ERROR),
    "cut": (then_close(HEAD + chunk(b"text a\n")), ErrorClass.CUT_STREAM),
    "reset": (reset_inside, ErrorClass.RESET),
    "silent": (hang, ErrorClass.TIMEOUT),
    "no HTTP": (sending(b"What?\r\n\r\n"), ErrorClass.MALFORMED),
    "too long": (sending(HEAD + chunk(b"text a\n" * 30_000)), ErrorClass.MALFORMED),
    "not there": (hang, ErrorClass.CONNECT),
    "no name": (hang, ErrorClass.CONNECT),
    "no TLS": (hang, ErrorClass.CONNECT_TIMEOUT),
    "no URL": (hang, ErrorClass.INVALID_REQUEST),
}
URLS = {"not there": "http://127.0.0.1:1", "no name": "http://no-such-name.invalid", "no URL": "http://a\nb"}
EACH = 5
CLIENT = ("lens_gate.load.", "httpcore.", "httptools.", "h11.", "anyio.")
"""Where the classes are from that a client of ours is made of: the test's server is in the same process."""


@pytest.mark.parametrize("kind", [kind for name, kind in KINDS.items() if "uvloop" in name])
@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("defer_bytes", [None, 1_000_000], ids=["decoded at once", "put off"])
def test_a_request_leaves_nothing_that_only_a_collection_could_free(
    kind: Kind, fate: str, defer_bytes: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is put off finds a connection each, where there can be one, so that no task waits for it."""
    handler, error = FATES[fate]
    monkeypatch.setattr("lens_gate.load.wire.answer.ANSWER_LIMIT", 100_000)
    monkeypatch.setattr("lens_gate.load.wire.on_httpx.transport.ANSWER_LIMIT", 100_000)
    timeouts = replace(PATIENT, **{"silent": {"request_s": 0.2}, "no TLS": {"connect_s": 0.2}}.get(fate, {}))
    samples: list[Sample] = []

    async def main() -> None:
        async with raw_server(handler) as server:
            url = server.base_url if fate != "no TLS" else server.base_url.replace("http:", "https:")
            transport = kind.transport()
            if defer_bytes is not None and fate not in URLS and fate != "no TLS":
                await transport.warm(url, EACH)
            await play(
                paced(EACH, 0.001, series=[a_series(endpoint=Endpoint(base_url=URLS.get(fate, url)))]),
                transport=transport,
                settings=RunnerSettings(timeouts=timeouts, defer_bytes=defer_bytes),
                money=FreeMoney(),
                on_sample=samples.append,
                stop=StopSignal(),
            )
            await transport.aclose()

    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        kind.run(main())
        gc.collect()
        kinds = Counter(type(one) for one in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert [sample.error_class for sample in samples] == [error] * EACH
    left = {kind.__name__: count for kind, count in kinds.items() if f"{kind.__module__}.".startswith(CLIENT)}
    assert {name: count for name, count in left.items() if count >= EACH} == {}
