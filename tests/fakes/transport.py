"""Doubles for the port `Transport` and for a provider: a body of plain lines instead of a real wire format."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from typing_extensions import override

from lens_gate.load.arms.plan import PlannedRequest, SeriesPlan
from lens_gate.load.engine.contract import Money
from lens_gate.load.wire.transport import Exchange, Head, Received, Timeouts, Transport, TransportFailure
from lens_gate.providers.base import (
    ChatRequest,
    Decoder,
    End,
    Endpoint,
    Event,
    Failure,
    Finish,
    HttpRequest,
    Message,
    ModelReturned,
    NoTokens,
    Provider,
    ResponseHead,
    Token,
    Usage,
)
from lens_gate.providers.decoding import FailureDecoder
from lens_gate.providers.errors import failure_of
from lens_gate.vocabulary.requests import Api, Arm, ErrorClass, FinishReason, Phase, TokenKind

ANSWER = b"text hello\ntext  world\nusage 3 2\nend\n"


class LineDecoder(Decoder):
    """`text x`, `reasoning x`, `counted N x`, `usage IN OUT`, `model M`, `finish R`, `fail CLASS MESSAGE`, `end`.

    After `end without tokens` an answer without any is a success.
    """

    def __init__(self, *, ends_with_body: bool) -> None:
        self._rest = b""
        self._ends_with_body = ends_with_body

    @override
    def feed_run(self, reads: Sequence[bytes]) -> None:
        """Take none."""

    @override
    def feed(self, data: bytes) -> Sequence[Event]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [event for line in lines for event in _events(line.decode())]

    @override
    def close(self) -> Sequence[Event]:
        return [End()] if self._ends_with_body else []


def _events(line: str) -> list[Event]:
    word, _, rest = line.partition(" ")
    first, _, last = rest.partition(" ")
    events: list[Event] = []
    match word:
        case "text" | "reasoning" | "refusal" | "tool":
            events = [Token(TokenKind(word), rest)]
        case "counted":
            events = [Token(TokenKind.TEXT, last, int(first))]
        case "usage":
            events = [Usage(input=int(first), output=int(last), cached=1, cache_write=2, reasoning=0)]
        case "model":
            events = [ModelReturned(rest)]
        case "finish":
            events = [Finish(FinishReason(rest), rest)]
        case "fail":
            events = [Failure(error_class=ErrorClass(first), message=last)]
        case "end":
            events = [NoTokens(), End()] if rest == "without tokens" else [End()]
        case _:
            pass
    return events


class LineProvider(Provider):
    """Sends the model's name, and decodes lines; what a status of failure means it reads as every provider does."""

    def __init__(self, *, ends_with_body: bool = False) -> None:
        self._ends_with_body = ends_with_body

    @override
    def build(self, request: ChatRequest, endpoint: Endpoint) -> HttpRequest:
        return HttpRequest(
            method="POST",
            url=f"{endpoint.base_url}/{request.model}",
            headers={**endpoint.headers, **request.headers},
            body=b"{}",
        )

    @override
    def decoder(self, head: ResponseHead, *, stream: bool) -> Decoder:
        if 200 <= head.status < 300:
            return LineDecoder(ends_with_body=self._ends_with_body)
        return FailureDecoder(lambda body: failure_of(head, body))


def a_series(name: str = "line/one", *, endpoint: Endpoint | None = None, ends_with_body: bool = False) -> SeriesPlan:
    provider, model = name.split("/")
    return SeriesPlan(
        series=name,
        provider_name=provider,
        api=Api.GENERIC,
        provider=LineProvider(ends_with_body=ends_with_body),
        endpoint=endpoint or Endpoint(base_url="http://127.0.0.1:1"),
        model=model,
        max_tokens=None,
        temperature=None,
        system=None,
        params={},
    )


def a_request(
    index: int = 0,
    *,
    offset_ns: int = 0,
    series: SeriesPlan | None = None,
    arm: Arm = Arm.CANDIDATE,
    phase: Phase = Phase.MEASURE,
    stream: bool = True,
) -> PlannedRequest:
    plan = series or a_series()
    return PlannedRequest(
        index=index,
        offset_ns=offset_ns,
        arm=arm,
        series=plan,
        pair=index // 2,
        slot=index % 2,
        prompt_id="greeting",
        draw="d0",
        repetition=0,
        phase=phase,
        request=ChatRequest(model=plan.model, messages=(Message(role="user", content="hi"),), stream=stream),
        prompt_hash="p0",
        prompt_characters=2,
    )


def paced(count: int, gap_s: float, *, series: Iterable[SeriesPlan] | None = None) -> list[PlannedRequest]:
    """An open loop of `count` requests, `gap_s` apart, taking the series in turn."""
    plans = list(series or [a_series()])
    return [a_request(n, offset_ns=int(n * gap_s * 1e9), series=plans[n % len(plans)]) for n in range(count)]


class Reply:
    """What the scripted transport does with a request: wait (some time, and for an event), then answer or fail."""

    def __init__(
        self,
        body: bytes = ANSWER,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        wait_s: float = 0.0,
        wait_for: asyncio.Event | None = None,
        fails: ErrorClass | None = None,
    ) -> None:
        self.body = body
        self.status = status
        self.headers = headers or {}
        self.wait_s = wait_s
        self.wait_for = wait_for
        self.fails = fails


class ScriptedTransport(Transport):
    """Answers each request by `script(url)`; counts what it was sent, when, and how many waited at the same time."""

    def __init__(self, script: Callable[[str], Reply] | None = None) -> None:
        self._script = script or (lambda _: Reply())
        self.sent_ns: list[int] = []
        self.urls: list[str] = []
        self.waiting = self.most_waiting = 0

    @property
    @override
    def name(self) -> str:
        return "scripted"

    @override
    def exchange(self, request: HttpRequest, timeouts: Timeouts) -> Exchange:
        return ScriptedExchange(self, self._script(request.url), request)

    @override
    async def aclose(self) -> None:
        pass


class ScriptedExchange(Exchange):
    """Tells its transport when it is sent, and does what the reply says."""

    def __init__(self, transport: ScriptedTransport, reply: Reply, request: HttpRequest) -> None:
        self._transport = transport
        self._reply = reply
        self._request = request
        self._received = Received()

    @override
    async def carry_out(self) -> None:
        sent_ns = time.perf_counter_ns()
        self._transport.sent_ns.append(sent_ns)
        self._transport.urls.append(self._request.url)
        reply = self._reply
        self._transport.waiting += 1
        self._transport.most_waiting = max(self._transport.most_waiting, self._transport.waiting)
        try:
            await asyncio.sleep(reply.wait_s)
            if reply.wait_for is not None:
                await asyncio.wait_for(reply.wait_for.wait(), 20)
        finally:
            self._transport.waiting -= 1
        now_ns = time.perf_counter_ns()
        if reply.fails is not None:
            raise TransportFailure(reply.fails, f"{reply.fails.value} happened", t_ns=now_ns, sent_ns=None)
        head = Head(t_ns=now_ns, sent_ns=sent_ns, head=ResponseHead(status=reply.status, headers=reply.headers))
        self._received = Received(head, [now_ns], [reply.body])

    @override
    def received(self) -> Received:
        return self._received


class FreeMoney(Money[int]):
    """A purse that holds `funds` requests (None: endless); each costs a dollar and gives back `refund` requests."""

    def __init__(self, funds: float | None = None, *, refund: float = 0.0) -> None:
        self.funds = funds
        self.refund = refund
        self.held = 0
        self.settled: list[tuple[ErrorClass, int | None, Usage]] = []

    @override
    def reserve(self, planned: PlannedRequest, wire: HttpRequest) -> int | None:
        if self.funds is not None and self.funds < 1:
            return None
        self.funds = None if self.funds is None else self.funds - 1
        self.held += 1
        return planned.index

    @override
    def could_fit(self, planned: PlannedRequest, wire: HttpRequest) -> bool:
        return self.funds is None or self.funds + self.held * self.refund >= 1

    @override
    def settle(self, held: int, error: ErrorClass, http_status: int | None, told: Usage) -> float | None:
        self.held -= 1
        self.funds = None if self.funds is None else self.funds + self.refund
        self.settled.append((error, http_status, told))
        return 1.0
