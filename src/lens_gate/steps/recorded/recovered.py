"""From the journal of a run to the run: what a kill left, or what could not be published (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import PurePath

import numpy as np
from pydantic import JsonValue, TypeAdapter

from lens_gate.artifacts.assemble import INLINE_LIMIT, sidecar_of
from lens_gate.artifacts.columns import encode
from lens_gate.artifacts.journal import JournalContents
from lens_gate.artifacts.run import InlineSamples, Look, Run, Sidecar, Spend, Validity, ValidityCheck
from lens_gate.artifacts.run_head import RunHead, read_head
from lens_gate.artifacts.samples import Samples
from lens_gate.artifacts.segment import Segment
from lens_gate.load.record.run_end import RunEnd, Spread
from lens_gate.reports.numbers import plural
from lens_gate.steps.recorded.tail import Tail, read_tail
from lens_gate.steps.recorded.written import Measurement, written
from lens_gate.steps.world import rfc3339
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import Phase, Status

LAG_UNKNOWN = "the run was killed, and its journal does not hold how late arriving bytes may have been read"

_LAG = "loop_lag_p99"
_INSTANTS = ("intended_ns", "sent_ns", "end_ns")


def recovered(contents: JournalContents, data: bytes, *, name: str) -> Run:
    """Make the run that a journal holds; `data` are its bytes, and `name` its file.

    Without a last line that says how it ended the run was killed: it is interrupted, and the validity says what nobody
    knows. Raises ArtifactCorrupt where the head is not that of a run.
    """
    known = read_head(contents.header.run_head, name=name)
    tail = read_tail(contents.end, name=name)
    segments = segments_of(contents, known)
    measured = Measurement(
        run_id=contents.header.run,
        head=known,
        tail=tail or _killed(contents, known, segments),
        samples=contents.samples,
        reference=_reference(contents.samples, data, name),
        attempts=contents.attempts if len(contents.samples) <= INLINE_LIMIT else (),
        segments=segments if tail is None or len(segments) > 1 else (),
    )
    run = written(measured, known.provenance)
    return run if tail else run.model_copy(update={"validity": _without_lag(run.validity)})


def segments_of(contents: JournalContents, known: RunHead) -> tuple[Segment, ...]:
    """Return the stretches of sending; what was promised and has no sample is lost."""
    segments: list[Segment] = []
    taken = 0
    for stretch in contents.stretches:
        note = stretch.note if isinstance(stretch.note, dict) else {}
        taken += stretch.requests
        before = sum(segment.lost for segment in segments)
        segment = Segment(
            start_time=str(note.get("start_time", known.start_time)),
            begin_ns=int(str(note.get("begin_ns", 0))),
            requests=stretch.requests,
            lost=max(0, stretch.through - taken - before),
        )
        segments.append(segment)
    return tuple(segments)


def looks_so_far(noted: Sequence[JsonValue], samples: Samples, known: RunHead) -> tuple[Look, ...]:
    """Return the looks that were taken before a kill, and a last one at what was measured after them."""
    looks = TypeAdapter(tuple[Look, ...]).validate_python(tuple(noted))
    seen = looks[-1].through_pair if looks else 0
    beyond = samples.where(samples.texts["phase"].equals(Phase.MEASURE) & (samples.numbers["pair"] >= seen))
    if len(looks) >= len(known.plan.looks) or not len(beyond):
        return looks
    series = len(set(beyond.texts["series"].strings()))
    pairs = (looks[-1].pairs if looks else 0) + len(beyond) // (2 * series)
    through = int(np.max(beyond.numbers["pair"])) + 1
    return (*looks, Look(pairs=pairs, through_pair=through, share=1 / len(known.plan.looks)))


def _killed(contents: JournalContents, known: RunHead, segments: Sequence[Segment]) -> Tail:
    samples, started = contents.samples, datetime.fromisoformat(known.start_time)
    return Tail(
        end=_killed_end(samples, segments, truncated=contents.truncated),
        ended=rfc3339(started + timedelta(microseconds=lasted_ns(samples) / 1000)),
        spend=_spent(samples, known, lost=sum(segment.lost for segment in segments)),
        looks=looks_so_far(contents.looks, samples, known),
    )


def _killed_end(samples: Samples, segments: Sequence[Segment], *, truncated: bool) -> RunEnd:
    shed = int(samples.texts["status"].equals(Status.SHED).sum())
    lost = sum(segment.lost for segment in segments)
    told = [f"the run was killed: its journal holds {plural(len(samples), 'request')}"]
    told += [f"up to {lost} more had been sent, and nobody knows what became of them"] if lost else []
    told += ["the last line of the file was cut, and is left out"] if truncated else []
    return RunEnd(
        ending=Ending.INTERRUPTED,
        message="; ".join(told),
        anchor_ns=0,
        scheduled=len(samples) + lost,
        sent=len(samples) - shed + lost,
        shed=shed,
        lateness=Spread(),
        loop_lag=Spread(),
        given_up={},
        examples={},
    )


def lasted_ns(samples: Samples) -> int:
    """Return how long the run's clock ran, as far as the samples tell."""
    return round(max(float(np.nanmax(samples.numbers[name], initial=0.0)) for name in _INSTANTS))


def _spent(samples: Samples, known: RunHead, *, lost: int) -> Spend:
    """Add up the costs that are known; what was held back for requests without a known one is not in the journal."""
    spent_usd = float(np.nansum(samples.numbers["cost_usd"]))
    return known.spend.model_copy(update={"spent_usd": spent_usd, "lost_requests": lost})


def _reference(samples: Samples, data: bytes, name: str) -> InlineSamples | Sidecar:
    """Put the samples into the run while they are few; else the journal is the file beside it."""
    if len(samples) <= INLINE_LIMIT:
        return InlineSamples(requests=len(samples), columns=encode(samples))
    return sidecar_of([data], file=PurePath(name).name, requests=len(samples))


def _without_lag(validity: Validity) -> Validity:
    def told(check: ValidityCheck) -> ValidityCheck:
        unknown = {"value": None, "ok": False, "effect": "warn", "message": LAG_UNKNOWN}
        return check.model_copy(update=unknown) if check.name == _LAG else check

    return validity.model_copy(update={"checks": tuple(map(told, validity.checks))})
