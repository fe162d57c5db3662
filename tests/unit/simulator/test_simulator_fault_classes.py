"""Each fault, over real HTTP and through the real decoders, ends in the error class that belongs to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from pydantic import SecretStr

from lens_gate.artifacts.samples import Sample
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.record.recorder import Recorder
from lens_gate.load.wire.fast.transport import FastTransport
from lens_gate.load.wire.on_httpx.transport import HttpxTransport
from lens_gate.load.wire.transport import Timeouts, Transport, TransportFailure
from lens_gate.providers.base import ChatRequest, Endpoint, Message
from lens_gate.providers.select import provider_for
from lens_gate.simulator.effects import Fault
from lens_gate.simulator.server import serve
from lens_gate.simulator.settings import ModelBehaviour, SimulatorSettings
from lens_gate.vocabulary.requests import Api, Arm, ErrorClass, Phase, Status
from tests.plans import a_series

CLASSES: Mapping[Fault, ErrorClass] = MappingProxyType(
    {
        Fault.SERVER_ERROR: ErrorClass.API_ERROR,
        Fault.THROTTLED: ErrorClass.RATE_LIMIT,
        Fault.OVERLOADED: ErrorClass.OVERLOADED,
        Fault.WRONG_KEY: ErrorClass.AUTHENTICATION,
        Fault.QUOTA: ErrorClass.QUOTA,
        Fault.ERROR_IN_STREAM: ErrorClass.ERROR_IN_STREAM,
        Fault.CUT: ErrorClass.CUT_STREAM,
        Fault.END_EARLY: ErrorClass.CUT_STREAM,
        Fault.STALL: ErrorClass.IDLE_TIMEOUT,
        Fault.BUFFERED: ErrorClass.BUFFERED,
        Fault.MALFORMED: ErrorClass.MALFORMED,
        Fault.SLOW_HEADERS: ErrorClass.HEADERS_TIMEOUT,
        Fault.RESET: ErrorClass.RESET,
        Fault.EMPTY: ErrorClass.EMPTY,
        Fault.REFUSAL: ErrorClass.REFUSED,
        Fault.HTML: ErrorClass.WRONG_CONTENT,
    }
)
STREAMING = (Api.OPENAI_CHAT, Api.OPENAI_RESPONSES, Api.ANTHROPIC, Api.GOOGLE)
PATHS = {Api.OPENAI_CHAT: "/v1", Api.OPENAI_RESPONSES: "/v1", Api.ANTHROPIC: "/v1", Api.GOOGLE: "/v1beta"}
KINDS: tuple[Callable[..., Transport], ...] = (FastTransport, HttpxTransport)
MODEL = ModelBehaviour(ttft_ms=20, inter_token_ms=2, output_min=12)


def planned(api: Api, effects: str, base_url: str) -> PlannedRequest:
    series = replace(
        a_series(f"quick+{effects}" if effects else "quick"),
        api=api,
        provider=provider_for(api),
        endpoint=Endpoint(base_url=base_url + PATHS[api], api_key=SecretStr("sk-simulated")),
    )
    request = ChatRequest(
        model=series.model, messages=(Message(role="user", content="Say something about tides."),), max_tokens=200
    )
    return PlannedRequest(
        index=0,
        offset_ns=0,
        arm=Arm.CANDIDATE,
        series=series,
        pair=None,
        slot=None,
        prompt_id="p",
        draw="",
        repetition=0,
        phase=Phase.MEASURE,
        request=request,
        prompt_hash="",
        prompt_characters=0,
    )


async def measured(request: PlannedRequest, kind: Callable[..., Transport]) -> Sample:
    recorder = Recorder(request, anchor_ns=0, intended_ns=0, phase=Phase.MEASURE)
    transport = kind()
    wire = request.series.provider.build(request.request, request.series.endpoint)
    exchange = transport.exchange(wire, Timeouts(connect_s=5, request_s=5, idle_s=0.6))
    failure: TransportFailure | None = None
    try:
        await exchange.carry_out()
    except TransportFailure as error:
        failure = error
    finally:
        await transport.aclose()
    received = exchange.received()
    if received.head is not None:
        recorder.open(received.head)
    recorder.take(received.times_ns, received.parts)
    if failure is not None:
        recorder.fail(failure)
    return recorder.finish()


async def sampled(api: Api, effects: str, kind: Callable[..., Transport]) -> Sample:
    async with await serve(SimulatorSettings(models={"quick": MODEL}, stall_s=5)) as simulator:
        return await measured(planned(api, effects, simulator.base_url), kind)


def test_the_table_names_every_fault() -> None:
    assert set(CLASSES) == set(Fault)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("api", STREAMING)
@pytest.mark.parametrize("fault", Fault)
def test_each_fault_lands_in_its_own_error_class(api: Api, fault: Fault, kind: Callable[..., Transport]) -> None:
    sample = asyncio.run(sampled(api, f"fault={fault}", kind))
    assert sample.error_class is CLASSES[fault]
    assert sample.status is (Status.THROTTLED if CLASSES[fault].throttled else Status.FAILED)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("api", STREAMING)
def test_an_answer_without_a_fault_is_a_success(api: Api, kind: Callable[..., Transport]) -> None:
    sample = asyncio.run(sampled(api, "", kind))
    assert (sample.status, sample.error_class) == (Status.OK, ErrorClass.NONE)
    assert sample.output_tokens is not None
    assert sample.chunk_count == sample.output_tokens >= 12


def test_the_documentation_has_the_same_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text(encoding="utf-8")
    rows = [line for fault, error in CLASSES.items() for line in page.splitlines() if _row(line, fault, error)]
    assert len(rows) == len(CLASSES)


def _row(line: str, fault: Fault, error: ErrorClass) -> bool:
    return line.startswith(f"| `{fault}` |") and line.endswith(f"| `{error}` |")
