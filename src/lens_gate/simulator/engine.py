"""Decides what a request gets: bytes with their due times, and how the connection ends. It sends nothing.

What it remembers between requests is how many each model had, which prompts were seen, and the rate limit.
"""

from __future__ import annotations

from collections import Counter
from typing import assert_never
from urllib.parse import parse_qs

from lens_gate.simulator import (
    wire_anthropic,
    wire_google,
    wire_http,
    wire_models,
    wire_openai,
    wire_openai_chat,
    wire_openai_responses,
)
from lens_gate.simulator.dialogue import (
    Allowance,
    Ask,
    Declined,
    Frame,
    Identity,
    Problem,
    ProblemKind,
    Reply,
    Wire,
)
from lens_gate.simulator.draws import (
    Circumstances,
    Lot,
    compose,
    draw_lot,
    generator_for,
    load_at,
    prompt_factor,
    wave_phase,
)
from lens_gate.simulator.effects import HEADER, Effects, Fault, UnknownEffect, parse_effects, split_model
from lens_gate.simulator.faults import RETRY_AFTER_S, Ending, problem_of
from lens_gate.simulator.prefix_cache import SeenPrefixes
from lens_gate.simulator.rate_limit import RateLimit
from lens_gate.simulator.routes import Listing, Route, find_route
from lens_gate.simulator.settings import ModelBehaviour, SimulatorSettings
from lens_gate.simulator.staging import Call, Facts, Scene, Script, client_id, perform, refuse
from lens_gate.vocabulary.requests import Api, TokenKind

_WRONG_KEY = "The API key is not valid."


def wire_of(api: Api) -> Wire:
    """Return the module that speaks this API."""
    match api:
        case Api.OPENAI_CHAT:
            return wire_openai_chat
        case Api.OPENAI_RESPONSES:
            return wire_openai_responses
        case Api.ANTHROPIC:
            return wire_anthropic
        case Api.GOOGLE:
            return wire_google
        case Api.GENERIC:
            raise ValueError("the simulator has no API of its own")
        case _:
            assert_never(api)


class Engine:
    """One simulator's mind; `elapsed_s` is any steady clock's seconds since it started, `started_s` the wall clock."""

    def __init__(self, settings: SimulatorSettings, *, started_s: float) -> None:
        self._settings = settings
        self._started_s = started_s
        self._phase = wave_phase(settings.seed)
        self._requests: Counter[str] = Counter()
        self._answers = 0
        self._seen = SeenPrefixes()
        self._limit = RateLimit(settings.rate_limit_rps)

    def answer(self, call: Call, elapsed_s: float) -> Script:
        """Decide about one request."""
        self._answers += 1
        identity = Identity(self._answers, int(self._started_s + elapsed_s))
        route = find_route(call.method, call.target)
        if isinstance(route, Route):
            allowance = self._limit.take(elapsed_s)
            scene = Scene(
                call=call,
                api=route.api,
                wire=wire_of(route.api),
                identity=identity,
                allowance=allowance,
                elapsed_s=elapsed_s,
            )
            return self._converse(scene, route)
        return self._page(call, route, identity)

    def _page(self, call: Call, page: Listing | None, identity: Identity) -> Script:
        """Answer what needs no model; lists of models ask for the key, as they do in reality."""
        reply = self._page_reply(call, page, identity)
        head = wire_http.head(
            reply.status, wire_http.JSON, reply.headers, length=len(reply.body), keep_alive=call.keep_alive
        )
        facts = Facts(id=identity.request_id, status=reply.status, request_id=client_id(call))
        return Script(writes=[Frame(0.0, head + reply.body, 0, "page")], ending=Ending.COMPLETE, facts=facts)

    def _page_reply(self, call: Call, page: Listing | None, identity: Identity) -> Reply:
        if page is None:
            url = call.target.partition("?")[0]
            return wire_openai.refuse(
                Problem(ProblemKind.NOT_FOUND, f"Unknown request URL: {call.method} {url}."), identity
            )
        if page is not Listing.HEALTH and not self._knows_key(call):
            return wire_openai.refuse(Problem(ProblemKind.WRONG_KEY, _WRONG_KEY), identity)
        return Reply(200, wire_models.listing(page, self._settings.model_names(), call.headers))

    def _converse(self, scene: Scene, route: Route) -> Script:
        """Answer a request to a model, or say why not."""
        if not self._knows_key(scene.call):
            return refuse(scene, Problem(ProblemKind.WRONG_KEY, _WRONG_KEY))
        try:
            ask = scene.wire.read(scene.call.body, route)
            base, suffix = split_model(ask.model)
            effects = parse_effects(suffix, scene.call.headers.get(HEADER, ""))
        except Declined as declined:
            return refuse(scene, declined.problem)
        except UnknownEffect as unknown:
            return refuse(scene, Problem(ProblemKind.BAD_REQUEST, str(unknown)))
        return self._draw(scene, ask, effects, self._settings.behaviour(base))

    def _draw(self, scene: Scene, ask: Ask, effects: Effects, behaviour: ModelBehaviour) -> Script:
        """Draw this request's lot and turn it into an answer, a broken answer, or a problem."""
        number = self._requests[ask.model]
        self._requests[ask.model] += 1
        rng = generator_for(self._settings.seed, ask.model, number)
        lot = draw_lot(behaviour, rng)
        fault = _fault_of(effects, lot)
        problem = _problem(behaviour, effects, lot, fault=fault, allowance=scene.allowance)
        if problem is not None:
            return refuse(scene, problem, model=ask.model, fault=fault)
        cached, cache_write = self._cached(behaviour, effects, ask)
        circumstances = Circumstances(
            load=load_at(behaviour.load_wave, scene.elapsed_s, self._phase),
            prompt_tokens=ask.prompt_tokens,
            cached_tokens=cached,
            cache_write_tokens=cache_write,
            prompt_factor=prompt_factor(behaviour, self._settings.seed, ask.prompt),
            max_tokens=None if fault is Fault.REFUSAL else ask.max_tokens,
            min_tokens=ask.min_tokens,
            kind=_kind(effects, fault),
            empty=fault is Fault.EMPTY,
        )
        answer = compose(behaviour, effects, lot, rng=rng, circumstances=circumstances)
        return perform(scene, ask, answer, fault, stall_s=self._settings.stall_s)

    def _cached(self, behaviour: ModelBehaviour, effects: Effects, ask: Ask) -> tuple[int, int]:
        """Return cached and newly cached tokens of the prompt; only Anthropic bills the latter."""
        if behaviour.cache is None or effects.no_cache or not ask.cacheable:
            return 0, 0
        return self._seen.visit(behaviour.cache, ask.model, ask.prompt)

    def _knows_key(self, call: Call) -> bool:
        keys = self._settings.api_keys
        return not keys or _key_of(call) in keys


def _key_of(call: Call) -> str:
    """Return the key from wherever one of the APIs puts it."""
    headers = call.headers
    bearer = headers.get("authorization", "").removeprefix("Bearer ").strip()
    named = (headers.get(name) for name in ("x-api-key", "api-key", "x-goog-api-key"))
    query = parse_qs(call.target.partition("?")[2]).get("key", [""])
    return bearer or next(filter(None, named), "") or query[0]


def _fault_of(effects: Effects, lot: Lot) -> Fault | None:
    hit = effects.fault is not None and lot.fault_share * 100 < effects.fault.percent
    return effects.fault.fault if effects.fault is not None and hit else None


def _problem(
    behaviour: ModelBehaviour, effects: Effects, lot: Lot, *, fault: Fault | None, allowance: Allowance
) -> Problem | None:
    """Return why this request gets no answer, if it gets none."""
    if not allowance.admitted:
        return Problem(ProblemKind.THROTTLED, "Rate limit reached for requests.", allowance.retry_after_s)
    if lot.throttle_share < max(behaviour.throttle_rate, effects.throttle / 100):
        return Problem(ProblemKind.THROTTLED, "Rate limit reached for requests.", RETRY_AFTER_S)
    if lot.error_share < max(behaviour.error_rate, effects.errors / 100):
        return problem_of(Fault.SERVER_ERROR)
    return problem_of(fault)


def _kind(effects: Effects, fault: Fault | None) -> TokenKind:
    if fault is Fault.REFUSAL:
        return TokenKind.REFUSAL
    return TokenKind.TOOL if effects.tool_call else TokenKind.TEXT
