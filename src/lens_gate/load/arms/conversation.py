"""Conversations: turns of one prompt, each asked after the answer to the one before, which it carries along. Pure.

Every turn is a request of its own, planned with its place in the schedule and its pair; only the answers are missing,
and are put in when they are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lens_gate.artifacts.samples import Sample
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.arms.prompts import prompt_characters
from lens_gate.providers.base import Message
from lens_gate.vocabulary.requests import ErrorClass

ASSISTANT = "assistant"


def turn_id(prompt_id: str, turn: int) -> str:
    """Return the prompt id of a turn, counted from 1: turns pair with equal turns."""
    return f"{prompt_id}#{turn}"


def turns_of(planned: PlannedRequest) -> Iterator[PlannedRequest]:
    """Yield a request and the turns that follow it, without their answers."""
    turn: PlannedRequest | None = planned
    while turn is not None:
        yield turn
        turn = turn.follow_up


def next_turn(planned: PlannedRequest, sample: Sample, answer: str) -> PlannedRequest | None:
    """Return the turn after `planned` with the `answer` in it, and in all turns behind it.

    None after the last turn, and after one that failed: nobody goes on talking to silence.
    """
    following = planned.follow_up
    if following is None or sample.error_class is not ErrorClass.NONE:
        return None
    return _answered(following, len(planned.request.messages), Message(role=ASSISTANT, content=answer))


def _answered(planned: PlannedRequest, place: int, answer: Message) -> PlannedRequest:
    """Put an answer behind the first `place` messages; the hash stays that of the prompt, which is the same for all."""
    said = planned.request.messages
    request = replace(planned.request, messages=(*said[:place], answer, *said[place:]))
    later = planned.follow_up
    return replace(
        planned,
        request=request,
        prompt_characters=prompt_characters(request),
        follow_up=None if later is None else _answered(later, place, answer),
    )
