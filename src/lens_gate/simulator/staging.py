"""From an answer to the writes of a connection: framing, head, and what a fault does to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lens_gate.simulator import wire_http
from lens_gate.simulator.dialogue import (
    Allowance,
    Answer,
    Ask,
    Counts,
    Frame,
    Identity,
    Problem,
    ProblemKind,
    Standing,
    Wire,
)
from lens_gate.simulator.effects import Fault
from lens_gate.simulator.faults import HTML_PAGE, Ending, bend, breaks_off
from lens_gate.vocabulary.requests import Api, FinishReason

_CLIENT_ID_LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request; header names are in lower case. Its headers stay out of `repr` because they hold the key."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    keep_alive: bool

    def __repr__(self) -> str:
        """Show the request line's path only: headers and query may hold a key."""
        return f"Call({self.method} {self.target.partition('?')[0]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the log says of an answer besides its times; counts are those of the whole answer as billed."""

    id: str
    api: Api | None = None
    model: str | None = None
    status: int
    fault: Fault | None = None
    counts: Counts = field(default_factory=lambda: Counts(prompt=0))
    finish_reason: FinishReason = FinishReason.NONE
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Everything a connection has to do for one request; `due_s` counts from when the request was received."""

    writes: Sequence[Frame]
    ending: Ending
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One request to a model, with all that surrounds its answer."""

    call: Call
    api: Api
    wire: Wire
    identity: Identity
    allowance: Allowance
    elapsed_s: float


def client_id(call: Call) -> str | None:
    """Return the id by which the client will know this request again."""
    sent = call.headers.get("x-lens-request") or call.headers.get("x-request-id")
    return sent[:_CLIENT_ID_LIMIT] if sent else None


def refuse(scene: Scene, problem: Problem, *, model: str | None = None, fault: Fault | None = None) -> Script:
    """Answer at once with a problem."""
    reply = scene.wire.refuse(problem, scene.identity)
    standing = Standing(allowance=scene.allowance, identity=scene.identity, processing_s=0.0, tokens=0)
    headers = (*scene.wire.headers(standing), *reply.headers)
    head = wire_http.head(
        reply.status, wire_http.JSON, headers, length=len(reply.body), keep_alive=scene.call.keep_alive
    )
    facts = Facts(
        id=scene.identity.request_id,
        api=scene.api,
        model=model,
        status=reply.status,
        fault=fault,
        request_id=client_id(scene.call),
    )
    return Script(writes=[Frame(0.0, head + reply.body, 0, "problem")], ending=Ending.COMPLETE, facts=facts)


def perform(scene: Scene, ask: Ask, answer: Answer, fault: Fault | None, *, stall_s: float) -> Script:
    """Turn an answer into writes, bent by the fault."""
    payload = _payload(scene, ask, answer, fault, stall_s=stall_s)
    standing = Standing(
        allowance=scene.allowance,
        identity=scene.identity,
        processing_s=answer.opening_s,
        tokens=answer.counts.prompt + answer.counts.output,
    )
    head = wire_http.head(
        200,
        payload.content_type,
        scene.wire.headers(standing),
        length=payload.length,
        keep_alive=scene.call.keep_alive,
    )
    facts = Facts(
        id=scene.identity.request_id,
        api=scene.api,
        model=ask.model,
        status=200,
        fault=fault,
        counts=answer.counts,
        finish_reason=FinishReason.NONE if breaks_off(fault) else answer.finish,
        request_id=client_id(scene.call),
    )
    opening_s = answer.opening_s + (stall_s if fault is Fault.SLOW_HEADERS else 0.0)
    return Script(writes=_with_head(payload, head, opening_s), ending=payload.ending, facts=facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Payload:
    """A body in frames; `length` is its Content-Length, None for chunks."""

    frames: Sequence[Frame]
    length: int | None
    content_type: str
    ending: Ending


def _payload(scene: Scene, ask: Ask, answer: Answer, fault: Fault | None, *, stall_s: float) -> _Payload:
    """Return the body of an answer after its fault; a body that breaks off still announces its whole length."""
    content_type = wire_http.SSE if ask.stream and not ask.json_array else wire_http.JSON
    whole = _frames(scene, ask, answer)
    frames, ending = bend(whole, fault, stall_s=stall_s)
    if fault is Fault.ERROR_IN_STREAM:
        frames = _broken_off(scene, ask, frames)
    if fault is Fault.HTML:
        frames, content_type = [Frame(answer.opening_s, HTML_PAGE, 0, "html")], wire_http.HTML
    announced = frames if ending is Ending.COMPLETE else whole
    length = None if ask.stream and fault is not Fault.HTML else sum(len(frame.data) for frame in announced)
    return _Payload(frames=frames, length=length, content_type=content_type, ending=ending)


def _frames(scene: Scene, ask: Ask, answer: Answer) -> list[Frame]:
    """Return the body of a good answer, in one frame where it is not streamed."""
    if ask.stream:
        return scene.wire.frames(ask, answer, scene.identity)
    body = scene.wire.whole(ask, answer, scene.identity)
    kind = answer.pieces[0].kind if answer.pieces else "end"
    return [Frame(answer.done_s, body, sum(piece.tokens for piece in answer.pieces), kind)]


def _broken_off(scene: Scene, ask: Ask, kept: list[Frame]) -> list[Frame]:
    """Put an error where the stream breaks off; an answer that is not streamed is the error alone, with status 200."""
    problem = Problem(ProblemKind.SERVER_ERROR, "The server had an error while generating.")
    due_s = kept[-1].due_s
    if not ask.stream:
        return [Frame(due_s, scene.wire.refuse(problem, scene.identity).body, 0, "error")]
    return [*kept, Frame(due_s, scene.wire.break_off(problem, scene.identity, kept), 0, "error")]


def _with_head(payload: _Payload, head: bytes, opening_s: float) -> list[Frame]:
    """Put the head before the first frame: into its write where both are due together, else into one of its own.

    Servers that announce a length write head and body together.
    """
    if payload.length is not None:
        first, *others = payload.frames
        return [first._replace(data=head + first.data), *others]
    writes = [Frame(due_s, wire_http.chunk(data), tokens, kind) for due_s, data, tokens, kind in payload.frames]
    if payload.ending is Ending.COMPLETE:
        writes[-1] = writes[-1]._replace(data=writes[-1].data + wire_http.LAST_CHUNK)
    if writes[0].due_s > opening_s:
        return [Frame(opening_s, head, 0, "head"), *writes]
    return [writes[0]._replace(data=head + writes[0].data), *writes[1:]]
