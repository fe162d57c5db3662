"""Does a cost cap hold? `python -m benchmarks.caps [--runs 1000]`.

Each run has a cap, prices, prompts, limits of answers, a pace and retries of its own, all drawn by chance, and a
provider inside this process that answers in four wire formats (the fourth is written by a template that sends a text of
its own, and may ask for several answers) and fails in many ways: cut streams that carry partial
usage, resets, errors in every place, answers without usage. It keeps its own bill: whole answers at the usage that it
told, everything else at the worst case, as if the model had run to its limit for nobody. The run is played by the
product's own runner, purse and decoders; only the socket and the clock's waiting are left out.

Held of each run: no request is billed more than was charged for it, and what was charged never exceeds the cap; a run
that its cap ended had not the money left for one more request at its worst case. Exit code 1 where one of these fails.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from itertools import count, islice
from random import Random
from typing import Any

import numpy as np
from benchmarks.truth import resolved
from typing_extensions import override

from lens_gate.artifacts.samples import Sample
from lens_gate.load.arms.plan import ArmPlan, PlannedRequest
from lens_gate.load.engine.clock import Clock
from lens_gate.load.engine.contract import Money, RunnerSettings, StopSignal
from lens_gate.load.engine.runner import play
from lens_gate.load.limits.failure_rules import FailureRules
from lens_gate.load.limits.retry import RetryPolicy
from lens_gate.load.money.bounds import Sent, upper_bound
from lens_gate.load.money.pricing import PriceList
from lens_gate.load.money.purse import HeldRequest, Purse
from lens_gate.load.record.run_end import RunEnd
from lens_gate.load.schedule.arrivals import Arrival
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.schedule.workload import schedule
from lens_gate.load.wire.transport import Exchange, Head, Received, Timeouts, Transport, TransportFailure
from lens_gate.providers.base import HttpRequest, ResponseHead, Usage
from lens_gate.steps.truth import MATCH, tagged
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import Api, ErrorClass

NOW = datetime(2026, 1, 1, tzinfo=UTC)
APIS = (Api.OPENAI_CHAT, Api.ANTHROPIC, Api.GOOGLE, Api.GENERIC)
TOLD = {"text": "$.text", "input_tokens": "$.in", "output_tokens": "$.out", "error": "$.error", "done": "$.done"}
PACE = ScheduleSettings(arrival=Arrival.FIXED, rate=100.0, concurrency=None, duration_s=None, requests=400)
UNITS = 10**12
"""To a dollar: the ledger counts whole ones."""

ALPHABET = "abcdefgh ijklmnop qrstuvwxyz äöü ßéè 漢字 🌊"

OUTCOMES = {
    "whole": 55,
    "no usage": 6,
    "cut": 8,
    "reset": 5,
    "never sent": 3,
    "status 500": 5,
    "status 429": 5,
    "status 400": 2,
    "error in stream": 5,
    "stalled": 3,
    "malformed": 3,
}
FREE = frozenset({"never sent", "status 429", "status 400"})
"""What no provider bills: the model was not asked."""


@dataclass(frozen=True)
class Case:
    """What one run is given."""

    arm: ArmPlan
    settings: RunnerSettings
    cap_usd: float
    prices: dict[str, tuple[Fraction, Fraction]]
    interrupted_after: int | None
    seed: int


class InstantClock(Clock):
    """Does not wait for an instant, but lets the event loop run."""

    @override
    def now_ns(self) -> int:
        return time.perf_counter_ns()

    @override
    async def sleep_until(self, t_ns: int) -> None:
        await asyncio.sleep(0)

    @override
    def close(self) -> None:
        pass


@dataclass
class Accounts(Money[tuple[int, HeldRequest]]):
    """The purse, with a note of what it charged for each request, in the ledger's own unit."""

    purse: Purse
    charged: Counter[int] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All that was charged."""
        return round(self.purse.spend().spent_usd * UNITS)

    @override
    def reserve(self, planned: PlannedRequest, wire: HttpRequest) -> tuple[int, HeldRequest] | None:
        held = self.purse.reserve(planned, wire)
        return None if held is None else (planned.index, held)

    @override
    def could_fit(self, planned: PlannedRequest, wire: HttpRequest) -> bool:
        return self.purse.could_fit(planned, wire)

    @override
    def settle(
        self, held: tuple[int, HeldRequest], error: ErrorClass, http_status: int | None, told: Usage
    ) -> float | None:
        before = self.total
        cost = self.purse.settle(held[1], error, http_status, told)
        self.charged[held[0]] += self.total - before
        return cost


@dataclass
class Billing(Transport):
    """The provider: answers by chance, and keeps the bill in dollars of every attempt, with the request's number."""

    case: Case
    rng: Random
    bill: list[tuple[int, Fraction]] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    @override
    def name(self) -> str:
        return "none"

    @override
    def exchange(self, request: HttpRequest, timeouts: Timeouts) -> Exchange:
        return BilledExchange(self, request)

    @override
    async def aclose(self) -> None:
        pass


@dataclass
class BilledExchange(Exchange):
    """One request; until it is answered whole its bill stands at the worst case."""

    provider: Billing
    request: HttpRequest
    came: Received = field(default_factory=Received)

    @override
    def received(self) -> Received:
        return self.came

    @override
    async def carry_out(self) -> None:
        rng, asked = self.provider.rng, Asked.of(self.request)
        outcome = rng.choices(list(OUTCOMES), list(OUTCOMES.values()))[0]
        self.provider.outcomes[outcome] += 1
        sent_ns = time.perf_counter_ns()
        if outcome == "never sent":
            raise TransportFailure(ErrorClass.CONNECT, "refused", t_ns=sent_ns, sent_ns=None)
        attempt, number = len(self.provider.bill), int(self.request.headers[MATCH])
        input_tokens = rng.randint(1, asked.input_bytes)
        worst = self._dollars(asked, input_tokens, asked.most_output)
        self.provider.bill.append((number, worst * (outcome not in FREE)))
        for _ in range(rng.randrange(12)):
            await asyncio.sleep(0)
        answer = Answer(asked, input_tokens, rng.randint(1, asked.max_tokens), rng)
        status, body = answer.of(outcome)
        if outcome != "reset":
            now_ns = time.perf_counter_ns()
            head = Head(t_ns=now_ns, sent_ns=sent_ns, head=ResponseHead(status=status, headers=EVENTS))
            self.came = Received(head, [now_ns], [body])
        await asyncio.sleep(0)
        if outcome == "whole":
            self.provider.bill[attempt] = number, self._dollars(asked, input_tokens, answer.output_tokens)
        if failure := BREAKS.get(outcome):
            raise TransportFailure(failure, outcome, t_ns=time.perf_counter_ns(), sent_ns=sent_ns)

    def _dollars(self, asked: Asked, input_tokens: int, output_tokens: int) -> Fraction:
        input_price, output_price = self.provider.case.prices[asked.model]
        return (input_tokens * input_price + output_tokens * output_price) / 1_000_000


EVENTS = {"content-type": "text/event-stream"}
BREAKS = {"cut": ErrorClass.CUT_STREAM, "reset": ErrorClass.RESET, "stalled": ErrorClass.IDLE_TIMEOUT}


@dataclass(frozen=True)
class Asked:
    """What the provider reads in a request: no tokenizer makes more tokens than there are bytes."""

    api: Api
    model: str
    input_bytes: int
    max_tokens: int
    answers: int

    @property
    def most_output(self) -> int:
        """The tokens of all answers at their limit."""
        return self.max_tokens * self.answers

    @classmethod
    def of(cls, request: HttpRequest) -> Asked:
        """Read the body in the dialect that the address tells."""
        body: dict[str, Any] = json.loads(request.body)
        several = body.get("n", 1)
        if "/messages" in request.url:
            api, model, limit, texts = Api.ANTHROPIC, body["model"], body["max_tokens"], body["messages"]
        elif "/models/" in request.url:
            api, model = Api.GOOGLE, request.url.partition("/models/")[2].partition(":")[0]
            limit, texts = body["generationConfig"]["maxOutputTokens"], body["contents"]
        elif "/ask" in request.url:
            api, model, limit, texts = Api.GENERIC, body["engine"], body["limit"], [body["frame"], body["question"]]
            several = body["options"]["num_outputs"]
        else:
            api, model, texts = Api.OPENAI_CHAT, body["model"], body["messages"]
            limit = body.get("max_completion_tokens", body.get("max_tokens"))
        size = sum(len(json.dumps(text, ensure_ascii=False).encode()) for text in texts)
        return cls(api, model, size, limit, several)


@dataclass(frozen=True)
class Answer:
    """A stream in the dialect that was asked for; `tokens` are those of each of its answers."""

    asked: Asked
    input_tokens: int
    tokens: int
    rng: Random

    @property
    def output_tokens(self) -> int:
        """All tokens, as usage tells them."""
        return self.tokens * self.asked.answers

    def of(self, outcome: str) -> tuple[int, bytes]:
        """Return the status and what of the body arrives."""
        frames = self._frames(usage=outcome != "no usage")
        match outcome:
            case "status 500" | "status 429" | "status 400":
                return int(outcome[-3:]), b'{"error":{"message":"no"}}'
            case "cut" | "stalled":
                return 200, b"".join(frames[: self.rng.randrange(len(frames))])
            case "error in stream":
                return 200, b"".join(frames[: self.rng.randrange(len(frames))]) + self._error()
            case "malformed":
                return 200, frames[0] + b'data: {"choices": [\n\n' + b"".join(frames[1:])
            case _:
                return 200, b"".join(frames)

    def _error(self) -> bytes:
        error = {"type": "overloaded_error", "code": 503, "status": "UNAVAILABLE", "message": "overloaded"}
        return _event({"type": "error", "error": error})

    def _frames(self, *, usage: bool) -> list[bytes]:
        match self.asked.api:
            case Api.ANTHROPIC:
                return self._anthropic(usage=usage)
            case Api.GOOGLE:
                return self._google(usage=usage)
            case Api.GENERIC:
                return self._generic(usage=usage)
            case _:
                return self._openai(usage=usage)

    def _openai(self, *, usage: bool) -> list[bytes]:
        texts: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": {"content": "w"}}]} for _ in range(min(self.tokens, 4))
        ]
        counts = {"prompt_tokens": self.input_tokens, "completion_tokens": self.output_tokens}
        told = [{"choices": [], "usage": counts}] if usage else []
        stop = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        return [*map(_event, [*texts, stop, *told]), b"data: [DONE]\n\n"]

    def _anthropic(self, *, usage: bool) -> list[bytes]:
        placeholder = {"usage": {"input_tokens": self.input_tokens, "output_tokens": 1}} if usage else {}
        texts: list[dict[str, Any]] = [
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "w"}}
            for _ in range(min(self.tokens, 4))
        ]
        told = {"usage": {"output_tokens": self.output_tokens}} if usage else {}
        end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, **told}
        start = {"type": "message_start", "message": {"model": "m", "content": [], **placeholder}}
        return [*map(_event, [start, *texts, end, {"type": "message_stop"}])]

    def _generic(self, *, usage: bool) -> list[bytes]:
        counts = {"in": self.input_tokens, "out": self.output_tokens} if usage else {}
        return [_event({"text": "w"}) for _ in range(min(self.tokens, 4))] + [_event({"done": True, **counts})]

    def _google(self, *, usage: bool) -> list[bytes]:
        shown = min(self.tokens, 4)
        frames = []
        for number in range(1, shown + 1):
            so_far = self.output_tokens if number == shown else number
            counts = {"promptTokenCount": self.input_tokens, "candidatesTokenCount": so_far}
            finish = {"finishReason": "STOP"} if number == shown else {}
            candidate = {"content": {"parts": [{"text": "w"}], "role": "model"}, **finish}
            frames.append(_event({"candidates": [candidate], **({"usageMetadata": counts} if usage else {})}))
        return frames


def _event(data: Mapping[str, Any]) -> bytes:
    name = f"event: {data['type']}\n" if "type" in data else ""
    return f"{name}data: {json.dumps(data)}\n\n".encode()


def drawn_case(seed: int) -> Case:
    """Draw a run."""
    rng = Random(seed)
    models = [_model(rng, number) for number in range(rng.randint(1, 3))]
    providers = [
        {
            "name": f"p{n}",
            "api": api.value,
            "endpoint": f"http://127.0.0.1:{n + 1}/v1",
            "api_key": "k",
            "models": [model],
            **({"generic": _template(rng)} if api is Api.GENERIC else {}),
        }
        for n, (api, model) in enumerate(models)
    ]
    prompts = [
        {"id": f"q{n}", "template": "".join(rng.choices(ALPHABET, k=rng.randint(1, 400)))}
        for n in range(rng.randint(1, 4))
    ]
    _, arm = resolved(json.dumps({"providers": providers, "workload": {"prompts": prompts}}))
    return Case(
        arm=arm,
        settings=RunnerSettings(
            concurrency=rng.choice([None, rng.randint(1, 32)]),
            failures=FailureRules(
                retry=RetryPolicy(max_attempts=rng.randint(1, 3), initial_delay_s=0.0005, max_delay_s=2.0),
                luck=rng.random,
            ),
            drain_s=0.0,
            clock=InstantClock(),
        ),
        cap_usd=_cap(arm, rng),
        prices={model["id"]: _price(model) for _, model in models},
        interrupted_after=rng.randint(1, 100) if rng.random() < 0.1 else None,
        seed=seed,
    )


def _model(rng: Random, number: int) -> tuple[Api, dict[str, Any]]:
    api = rng.choice(APIS)
    several = {"params": {"n": rng.randint(2, 4)}} if api is Api.OPENAI_CHAT and rng.random() < 0.3 else {}
    return api, {
        "id": f"m{number}",
        "max_tokens": round(10 ** rng.uniform(0, 4.5)),
        "input_usd_per_million": round(10 ** rng.uniform(-3, 2), 6),
        "output_usd_per_million": round(10 ** rng.uniform(-3, 3), 6),
        **several,
    }


def _template(rng: Random) -> dict[str, Any]:
    """Draw a template: a text of its own, and how many answers are asked for."""
    body = {
        "engine": "{{model}}",
        "limit": "{{max_tokens}}",
        "frame": "".join(rng.choices(ALPHABET, k=rng.randint(0, 4000))),
        "question": "{{prompt}}",
        "options": {"num_outputs": rng.randint(1, 8)},
    }
    return {"path": "/ask", "body": body, "response": TOLD}


def _price(model: dict[str, Any]) -> tuple[Fraction, Fraction]:
    return Fraction(str(model["input_usd_per_million"])), Fraction(str(model["output_usd_per_million"]))


def _cap(arm: ArmPlan, rng: Random) -> float:
    """Draw a cap from less than one request to more than a run needs."""
    return max(worst_cases(arm)) * 10 ** rng.uniform(-0.5, 2.5)


def worst_cases(arm: ArmPlan) -> list[float]:
    """Return the bounds of the requests that an arm sends."""
    prices = PriceList.of(arm.series, NOW)
    planned = islice(schedule(arm, None, PACE, np.random.default_rng(0)), 100)
    return [bound for one in planned if (bound := upper_bound(prices, Sent.of(one.series, one.request))) is not None]


@dataclass(frozen=True)
class Outcome:
    """How a run came out; dollars."""

    end: RunEnd
    cap: Fraction
    ledger: Fraction
    bill: Fraction
    undercharged: int
    worst_case: Fraction
    requests: int
    outcomes: Counter[str]

    @property
    def broken(self) -> tuple[str, ...]:
        """What does not hold."""
        checks = (
            ("the bill is over the cap", self.bill <= self.cap),
            ("the ledger is over the cap", self.ledger <= self.cap),
            ("a request was charged less than its bill", not self.undercharged),
            ("more than a worst case was left", not self.capped or self.cap - self.ledger < self.worst_case),
        )
        return tuple(name for name, holds in checks if not holds)

    @property
    def capped(self) -> bool:
        """Whether the cap ended it."""
        return self.end.ending is Ending.COST_CAP


def played(case: Case) -> Outcome:
    """Play one run."""
    accounts = Accounts(Purse(PriceList.of(case.arm.series, NOW), case.cap_usd))
    provider = Billing(case, Random(case.seed + 1))
    stop, ended = StopSignal(), count(1)

    def kept(_: Sample) -> None:
        if next(ended) == case.interrupted_after:
            stop.request()

    planned = tagged(schedule(case.arm, None, PACE, np.random.default_rng(case.seed)))
    end = asyncio.run(
        play(planned, transport=provider, settings=case.settings, money=accounts, on_sample=kept, stop=stop)
    )
    bills: dict[int, Fraction] = defaultdict(Fraction)
    for number, dollars in provider.bill:
        bills[number] += dollars
    return Outcome(
        end=end,
        cap=Fraction(case.cap_usd),
        ledger=Fraction(accounts.total, UNITS),
        bill=sum(bills.values(), Fraction(0)),
        undercharged=sum(dollars > Fraction(accounts.charged[number] + 1, UNITS) for number, dollars in bills.items()),
        worst_case=Fraction(max(worst_cases(case.arm))) + Fraction(1, UNITS),
        requests=len(provider.bill),
        outcomes=provider.outcomes,
    )


def told(outcomes: Sequence[Outcome]) -> str:
    """Return the figures."""
    capped = [outcome for outcome in outcomes if outcome.capped]
    used = [float(outcome.bill / outcome.cap) for outcome in outcomes]
    left = [float((outcome.cap - outcome.ledger) / outcome.worst_case) for outcome in capped]
    ways = sum((outcome.outcomes for outcome in outcomes), Counter())
    endings = Counter(outcome.end.ending.value for outcome in outcomes)
    lines = [
        f"{len(outcomes)} runs, {sum(outcome.requests for outcome in outcomes)} requests billed",
        "ended: " + ", ".join(f"{name} {number}" for name, number in endings.most_common()),
        "answers: " + ", ".join(f"{name} {number}" for name, number in ways.most_common()),
        f"highest bill: {max(used):.4f} of its cap" if used else "",
        f"left at a cap, in worst-case requests: at most {max(left):.4f}" if left else "no run was ended by its cap",
        f"runs in which something does not hold: {sum(bool(outcome.broken) for outcome in outcomes)}",
    ]
    return "\n".join(filter(None, lines))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first run; the others follow it")
    options = parser.parse_args()
    outcomes = []
    for seed in range(options.seed, options.seed + options.runs):
        outcomes.append(played(drawn_case(seed)))
        if outcomes[-1].broken:
            print(f"seed {seed}: {', '.join(outcomes[-1].broken)}: {outcomes[-1]}")
    print(told(outcomes))
    return int(any(outcome.broken for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
