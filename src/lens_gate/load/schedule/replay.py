"""A recorded log as a schedule: which of its requests are sent, when, to whom, and how long an answer is asked for.

Pure and lazy: a log of any length is read as it is played. Each logged request is due at its own time, counted from the
beginning of the window and divided by the time scale, as an absolute deadline. In a comparison both arms are sent it at
that instant, in random order, so each arm meets the whole traffic of the log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from pydantic import JsonValue

from lens_gate.artifacts.traffic.call import Call
from lens_gate.config.workload import Replay
from lens_gate.load.arms.identity import requests_hash
from lens_gate.load.arms.pairing import paired_series
from lens_gate.load.arms.plan import ArmPlan, PlannedRequest, PromptPlan, SeriesPlan
from lens_gate.load.arms.prompts import prompt_characters, prompt_hash
from lens_gate.load.schedule.arrivals import NS_PER_S
from lens_gate.load.schedule.lengths import Asked
from lens_gate.load.schedule.settings import ScheduleSettings, phase_at, require_time_to_measure
from lens_gate.load.schedule.synthetic import prompt_of
from lens_gate.providers.base import ChatRequest, Message
from lens_gate.vocabulary.logs import LogFormat
from lens_gate.vocabulary.requests import Arm

PROMPT_ID = "replay"
"""The prompt of every replayed request; its draw is the line of the log."""

_AFTER_LAST_S = 0.001
_SHORTEST_FOR_A_RATE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A request of the window, `offset_ns` after its beginning in the log's time; `number` counts from the log's."""

    number: int
    offset_ns: int
    call: Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a window of a log holds. `digest` is equal for windows of which the same would be sent.

    `unanswered` have neither a prompt nor an answer's length, which is how traces record a failure; `unrouted` went to
    models that are not measured. Neither are played. `series` are asked something. `last_ns` is the offset of
    the last request that is played.
    """

    requests: int = 0
    unanswered: int = 0
    unrouted: int = 0
    prompts: int = 0
    series: frozenset[str] = frozenset()
    last_ns: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log that was read through once; `reopen` begins it anew, in order of time."""

    source: str
    form: LogFormat
    how: Replay
    reopen: Callable[[], Iterator[Call]]
    survey: Survey


def narrowed(how: Replay, settings: ScheduleSettings, sends: int) -> Replay:
    """Return the window as the run's own `duration` and `requests` leave it; each logged request is `sends` of ours."""
    limits = [how.limit] if how.limit is not None else []
    limits += [settings.requests // sends] if settings.requests is not None else []
    ends = [how.end] if how.end is not None else []
    ends += [how.begin + settings.duration_s * how.time_scale] if settings.duration_s is not None else []
    return how.model_copy(update={"limit": min(limits, default=None), "end": min(ends, default=None)})


def within(calls: Iterable[Call], how: Replay) -> Iterator[Due]:
    """Yield what lies in the window; `limit` counts what can be played."""
    first_ns = None
    begin_ns, end_ns = round(how.begin * NS_PER_S), None if how.end is None else round(how.end * NS_PER_S)
    left = how.limit
    for number, call in enumerate(calls):
        first_ns = call.at_ns if first_ns is None else first_ns
        passed_ns = call.at_ns - first_ns
        if left == 0 or (end_ns is not None and passed_ns >= end_ns):
            return
        if passed_ns >= begin_ns:
            left = left - 1 if left is not None and call.playable else left
            yield Due(number=number, offset_ns=passed_ns - begin_ns, call=call)


def surveyed(calls: Iterable[Call], how: Replay, series: Sequence[SeriesPlan]) -> Survey:
    """Read a window through and count what it holds, so that damage is found before anything is sent."""
    digest = hashlib.sha256()
    asked: set[str] = set()
    requests = unanswered = unrouted = prompts = last_ns = 0
    for due in within(calls, how):
        if not due.call.playable:
            unanswered += 1
        elif not (there := routed(due.call, how, series)):
            unrouted += 1
        else:
            asked.update(one.series for one in there)
            requests += 1
            prompts += bool(due.call.messages)
            last_ns = due.offset_ns
            digest.update(_identity(due))
    return Survey(
        requests=requests,
        unanswered=unanswered,
        unrouted=unrouted,
        prompts=prompts,
        series=frozenset(asked),
        last_ns=last_ns,
        digest=digest.hexdigest(),
    )


def routed(call: Call, how: Replay, series: Sequence[SeriesPlan]) -> list[SeriesPlan]:
    """Return the series that a request is sent to: all of them, or the one that answered it then."""
    if how.route == "all":
        return list(series)
    return [one for one in series if one.model == call.model and call.provider in {None, one.provider_name}][:1]


def _identity(due: Due) -> bytes:
    """Return what distinguishes a request of the log; plain Python writes it five times as fast as JSON."""
    call = due.call
    own = (call.messages, call.system, call.tools, call.params, call.max_tokens, call.temperature)
    return repr((due.offset_ns, own, call.input_tokens, call.output_tokens, call.blocks)).encode()


def with_log(arm: ArmPlan, log: Log) -> ArmPlan:
    """Return the arm with the log in place of its prompts."""
    prompt = PromptPlan(
        id=PROMPT_ID,
        weight=1.0,
        messages=(("user", "{{prompt}}"),),
        system=None,
        tools=(),
        params={},
        headers={},
        variables={"prompt": ()},
        generators={"prompt": (f"log {log.survey.digest} {log.how.exact_output}", 0)},
    )
    return replace(arm, prompts=(prompt,), requests_hash=requests_hash(arm.series, (prompt,)))


def paced(settings: ScheduleSettings, log: Log, sends: int) -> ScheduleSettings:
    """Return the pace of a replay: how long it takes, how much it sends, and its mean rate.

    Raises ConfigProblem where warm-up and cool-down leave nothing to measure.
    """
    duration_s = log.survey.last_ns / NS_PER_S / log.how.time_scale + _AFTER_LAST_S
    requests = log.survey.requests * sends
    found = replace(
        settings,
        duration_s=duration_s,
        requests=requests,
        rate=requests / duration_s if duration_s >= _SHORTEST_FOR_A_RATE_S else None,
    )
    require_time_to_measure(found)
    return found


def sends_per_call(candidate: ArmPlan, base: ArmPlan | None, settings: ScheduleSettings, how: Replay) -> int:
    """Return how many requests of ours one request of the log becomes."""
    if candidate.asked is not None:
        return len(candidate.series)
    both = base is not None and settings.control_share is None
    models = 1 if how.route == "log" else len(candidate.series if base is None else paired_series(candidate, base))
    return max(1, models) * (2 if both else 1)


@dataclass(frozen=True, slots=True)
class _Group:
    """Requests that belong together: the two arms of a series, all that are compared, or just one.

    `series` decides whether a logged request goes there.
    """

    series: SeriesPlan
    members: tuple[tuple[Arm, SeriesPlan], ...]


def replayed(
    candidate: ArmPlan,
    base: ArmPlan | None,
    settings: ScheduleSettings,
    log: Log,
    rng: np.random.Generator,
    asked: Asked,
) -> Iterator[PlannedRequest]:
    """Yield the requests of a replay in the order of their instants; those of another share are left out.

    `asked` learns the lengths of each, whoever sends it.
    """
    groups = _groups(candidate, base)
    compared = any(len(group.members) > 1 for group in groups) and settings.control_share is None
    index = count()
    for number, (due, members) in enumerate(_sent(groups, settings, log, rng)):
        offset_ns = round(due.offset_ns / log.how.time_scale)
        for slot, (arm, series) in enumerate(members):
            asked.note(due.call)
            request_number = next(index)
            if not settings.share.has(number):
                continue
            request = request_of(series, due, log.how)
            yield PlannedRequest(
                index=request_number,
                offset_ns=offset_ns,
                arm=arm,
                series=series,
                pair=number if compared else None,
                slot=slot if compared else None,
                prompt_id=PROMPT_ID,
                draw=due.call.place.rpartition(":")[2],
                repetition=0,
                phase=phase_at(settings, offset_ns),
                request=request,
                prompt_hash=prompt_hash(request),
                prompt_characters=prompt_characters(request),
            )


def _sent(
    groups: Sequence[_Group], settings: ScheduleSettings, log: Log, rng: np.random.Generator
) -> Iterator[tuple[Due, Sequence[tuple[Arm, SeriesPlan]]]]:
    """Yield each request of the log that is played, once for every group that it goes to, in random order."""
    for due in within(log.reopen(), log.how):
        if not due.call.playable:
            continue
        wanted = {one.series for one in routed(due.call, log.how, [group.series for group in groups])}
        for place in rng.permutation(len(groups)).tolist():
            if groups[place].series.series in wanted:
                yield due, _taking(groups[place], settings, rng)


def _groups(candidate: ArmPlan, base: ArmPlan | None) -> list[_Group]:
    if base is not None:
        return [
            _Group(pair.candidate, ((candidate.arm, pair.candidate), (base.arm, pair.base)))
            for pair in paired_series(candidate, base)
        ]
    if candidate.asked is not None:
        members = tuple((candidate.arm, one) for one in candidate.series)
        return [_Group(members[0][1], members)]
    return [_Group(one, ((candidate.arm, one),)) for one in candidate.series]


def _taking(group: _Group, settings: ScheduleSettings, rng: np.random.Generator) -> Sequence[tuple[Arm, SeriesPlan]]:
    """Return who takes the slots: all in random order, or with a control one of the two by chance."""
    if settings.control_share is None:
        return [group.members[place] for place in rng.permutation(len(group.members)).tolist()]
    mine, control = group.members
    return [control if rng.random() < settings.control_share else mine]


def request_of(series: SeriesPlan, due: Due, how: Replay) -> ChatRequest:
    """Return what a model is asked: what the configuration sets wins, and the log says the rest.

    Where the log holds counts only, the answer's length is the log's, whatever limit is configured.
    """
    call = due.call
    if call.messages:
        return ChatRequest(
            model=series.model,
            messages=tuple(Message(role=role, content=content) for role, content in call.messages),
            system=call.system if series.system is None else series.system,
            tools=call.tools,
            max_tokens=call.max_tokens if series.max_tokens is None else series.max_tokens,
            temperature=call.temperature if series.temperature is None else series.temperature,
            params={**call.params, **series.params},
        )
    text = prompt_of(due.number, call.input_tokens or 0, call.blocks)
    return ChatRequest(
        model=series.model,
        messages=(Message(role="user", content=text),),
        system=series.system,
        max_tokens=call.output_tokens,
        temperature=series.temperature,
        params={**series.params, **_forced(call, how)},
    )


def _forced(call: Call, how: Replay) -> dict[str, JsonValue]:
    """Return the parameter that keeps an answer from ending early, where the user says that the server knows it."""
    match how.exact_output:
        case None:
            return {}
        case "ignore_eos":
            return {"ignore_eos": True}
        case "min_tokens":
            return {"min_tokens": call.output_tokens}
