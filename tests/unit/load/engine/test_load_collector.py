from __future__ import annotations

import asyncio
import gc
import weakref
from collections import Counter
from collections.abc import Iterator

import pytest

from lens_gate.artifacts.samples import Sample
from lens_gate.load.engine.collector import collected, unburdened_collector
from lens_gate.load.engine.contract import RunnerSettings, StopSignal
from lens_gate.load.engine.runner import play
from lens_gate.load.wire.transport import Timeouts
from lens_gate.providers.base import Endpoint
from lens_gate.vocabulary.requests import ErrorClass
from tests.fakes.raw_server import HEAD, Handler, Writer, chunk, hang, raw_server, reset, sending, then_close, write
from tests.fakes.transport import ANSWER, FreeMoney, a_series, paced
from tests.transports import KINDS, Kind


class Ring:
    """An object that only a collection can free."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


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


@pytest.mark.usefixtures("_thawed")
def test_much_garbage_is_collected_all_the_same_and_what_lives_is_not_looked_at_again() -> None:
    with unburdened_collector():
        frozen = gc.get_freeze_count()
        ring = weakref.ref(Ring())
        assert not collected(most_new=10_000)
        assert ring() is not None
        alive = [[number] for number in range(10_001)]
        assert collected(most_new=10_000)
        assert ring() is None
        assert gc.get_freeze_count() >= frozen + len(alive)
        assert not collected(most_new=10_000)


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
}
CASES = [pytest.param(kind, fate, id=f"{fate}, {name}") for name, kind in KINDS.items() for fate in FATES]
HTTPCORE_KEEPS = {"no HTTP, httpx on uvloop", "no HTTP, httpx on asyncio"}
"""What refuses the answer is an error of httpcore's own, which keeps the connection."""


@pytest.mark.parametrize(("kind", "fate"), [case for case in CASES if case.id not in HTTPCORE_KEEPS])
def test_a_request_leaves_nothing_that_only_a_collection_could_free(kind: Kind, fate: str) -> None:
    handler, error = FATES[fate]
    samples: list[Sample] = []

    async def main() -> None:
        async with raw_server(handler) as server:
            transport = kind.transport()
            await play(
                paced(5, 0.001, series=[a_series(endpoint=Endpoint(base_url=server.base_url))]),
                transport=transport,
                settings=RunnerSettings(timeouts=Timeouts(request_s=0.2)),
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
        left = Counter(type(one).__name__ for one in gc.garbage if type(one).__module__.startswith("lens_gate.load"))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert {sample.error_class for sample in samples} == {error}
    assert [count for count in left.values() if count >= 5] == [], left
