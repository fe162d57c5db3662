"""What each fault does: to the request as a whole, to the answer, or to the frames of a good answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

from lens_gate.simulator.dialogue import Frame, Problem, ProblemKind
from lens_gate.simulator.effects import Fault

HTML_PAGE = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Gateway sign-in</h1></body></html>\n"
RETRY_AFTER_S = 1.0


class Ending(StrEnum):
    """What happens to the connection after the last write."""

    COMPLETE = "complete"
    CLOSE = "close"
    RESET = "reset"
    SILENCE = "silence"


_PROBLEMS: Mapping[Fault, Problem] = MappingProxyType(
    {
        Fault.SERVER_ERROR: Problem(ProblemKind.SERVER_ERROR, "The server had an error while processing your request."),
        Fault.THROTTLED: Problem(ProblemKind.THROTTLED, "Rate limit reached for requests.", RETRY_AFTER_S),
        Fault.OVERLOADED: Problem(ProblemKind.OVERLOADED, "The model is overloaded.", RETRY_AFTER_S),
        Fault.WRONG_KEY: Problem(ProblemKind.WRONG_KEY, "The API key is not valid."),
        Fault.QUOTA: Problem(ProblemKind.QUOTA, "You exceeded your current quota; check your plan and billing."),
    }
)

_BROKEN_OFF: Mapping[Fault, Ending] = MappingProxyType(
    {
        Fault.CUT: Ending.CLOSE,
        Fault.END_EARLY: Ending.COMPLETE,
        Fault.ERROR_IN_STREAM: Ending.COMPLETE,
        Fault.STALL: Ending.SILENCE,
        Fault.RESET: Ending.RESET,
    }
)


def problem_of(fault: Fault | None) -> Problem | None:
    """Return the problem that a fault answers with in place of an answer, if it is such a fault."""
    return None if fault is None else _PROBLEMS.get(fault)


def breaks_off(fault: Fault | None) -> bool:
    """Whether a fault ends an answer before its finish reason is out."""
    return fault is Fault.HTML or fault in _BROKEN_OFF


def bend(frames: Sequence[Frame], fault: Fault | None, *, stall_s: float) -> tuple[list[Frame], Ending]:
    """Apply a fault to the frames of a good answer; faults that are no matter of frames leave them as they are."""
    if fault is not None and fault in _BROKEN_OFF:
        return first_half(frames), _BROKEN_OFF[fault]
    match fault:
        case Fault.BUFFERED:
            return [_joined(frames)], Ending.COMPLETE
        case Fault.MALFORMED:
            return _damaged(frames), Ending.COMPLETE
        case Fault.SLOW_HEADERS:
            return [frame._replace(due_s=frame.due_s + stall_s) for frame in frames], Ending.COMPLETE
        case _:
            return list(frames), Ending.COMPLETE


def first_half(frames: Sequence[Frame]) -> list[Frame]:
    """Return the frames that come before the answer breaks off; of a single one, the first half of its bytes."""
    if len(frames) == 1:
        only = frames[0]
        return [Frame(only.due_s, only.data[: len(only.data) // 2], 0, "half")]
    return list(frames[: (len(frames) + 1) // 2])


def _joined(frames: Sequence[Frame]) -> Frame:
    """Return all frames as one write at the time of the last: what a proxy makes of a stream that it buffers."""
    kind = next((frame.kind for frame in frames if frame.tokens), frames[-1].kind)
    data = b"".join(frame.data for frame in frames)
    return Frame(frames[-1].due_s, data, sum(frame.tokens for frame in frames), kind)


def _damaged(frames: Sequence[Frame]) -> list[Frame]:
    """Cut the JSON of the middle frame in half and go on as if nothing had happened."""
    middle = (len(frames) - 1) // 2
    frame = frames[middle]
    cut = frame._replace(data=frame.data[: len(frame.data) // 2] + b"\n\n", tokens=0, kind="malformed")
    return [*frames[:middle], cut, *frames[middle + 1 :]]
