"""From the recordings of other tools to the samples of a run: one clock, one order, and gaps as sketches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from lens_gate.artifacts.foreign.recording import LONGEST_NS, Recorded, Recording
from lens_gate.artifacts.samples import Sample, Samples, TextColumn
from lens_gate.errors import ArtifactProblem
from lens_gate.stats import sketch
from lens_gate.vocabulary.requests import Arm

_INSTANTS = ("intended_ns", "sent_ns", "headers_ns", "first_token_ns", "first_visible_ns", "last_token_ns", "end_ns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The requests of several recordings; `started` is the time of day at 0, None where no file names one."""

    samples: Samples
    started: datetime | None


def merged(recordings: Sequence[Recording]) -> Merged:
    """Put the requests of several files on one clock and in the order in which they were due.

    Where a file names no time of day, all begin at 0. Raises ArtifactProblem where two files hold the same series (they
    are two measurements, and a run is one), or lie more than fifty days apart.
    """
    _require_apart(recordings)
    rows = [
        _moved(_samples(recording), offset) for recording, offset in zip(recordings, _offsets(recordings), strict=True)
    ]
    return Merged(
        samples=_in_order(Samples.concatenate(rows)),
        started=min((one.started for one in recordings if one.started is not None), default=None),
    )


def both(candidate: Merged, base: Merged) -> Merged | None:
    """Put two arms on one clock; None where a file names no time of day, or they lie more than fifty days apart.

    Where each arm has one series, the two are the same question, whatever their models are called.
    """
    if candidate.started is None or base.started is None:
        return None
    started = min(candidate.started, base.started)
    arms = {Arm.CANDIDATE: candidate, Arm.BASE: base}
    offsets = {arm: _nanoseconds(one.started - started) for arm, one in arms.items() if one.started is not None}
    if max(offsets.values()) > LONGEST_NS:
        return None
    series = _only_series(candidate.samples), _only_series(base.samples)
    asked = series[0] if None not in series else None
    rows = Samples.concatenate([_moved(_labelled(one.samples, arm, asked), offsets[arm]) for arm, one in arms.items()])
    return Merged(samples=_in_order(rows), started=started)


def arm_of_merged(one: Merged, arm: Arm) -> Merged | None:
    """Return the requests of one arm; None where there are none."""
    rows = one.samples.where(one.samples.texts["arm"].equals(arm))
    return Merged(samples=rows, started=one.started) if len(rows) else None


def alone(one: Merged) -> Merged:
    """Return requests of one arm as those of a run of their own: candidates without a pair."""
    nothing = np.full(len(one.samples), np.nan)
    numbers = {**one.samples.numbers, "pair": nothing, "slot": nothing}
    rows = _labelled(Samples(numbers=numbers, texts=one.samples.texts), Arm.CANDIDATE, None)
    return Merged(samples=_in_order(rows), started=one.started)


def _require_apart(recordings: Sequence[Recording]) -> None:
    holders: dict[tuple[str, Arm], int] = {}
    for number, recording in enumerate(recordings):
        for series, arm in {(one.sample.series, one.sample.arm) for one in recording.requests}:
            if holders.setdefault((series, arm), number) != number:
                raise ArtifactProblem(
                    f"another of the files holds {series} too, and a run is one measurement of it",
                    place=recording.source,
                    hint="Import each into a run of its own; the other version of a comparison goes after --base.",
                )


def _offsets(recordings: Sequence[Recording]) -> list[int]:
    """Return by how many nanoseconds each recording began after the first; zeros where that is not known of all."""
    begun = [one.started for one in recordings if one.timed and one.started is not None]
    if len(begun) < len(recordings):
        return [0] * len(recordings)
    offsets = [_nanoseconds(one - min(begun)) for one in begun]
    if max(offsets) > LONGEST_NS:
        raise ArtifactProblem(
            "the files lie more than fifty days apart",
            place=", ".join(one.source for one in recordings),
            hint="Import each into a run of its own.",
        )
    return offsets


def _nanoseconds(passed: timedelta) -> int:
    return passed // timedelta(microseconds=1) * 1000


def _samples(recording: Recording) -> Samples:
    return Samples.of(_sketched(one) for one in recording.requests)


def _sketched(one: Recorded) -> Sample:
    gaps = one.gaps_ns
    if not gaps:
        return one.sample
    return replace(one.sample, gap_sketch=sketch.encode(gaps), largest_gap_ns=max(gaps), zero_gaps=gaps.count(0))


def _moved(samples: Samples, offset_ns: int) -> Samples:
    moved = {name: samples.numbers[name] + offset_ns for name in _INSTANTS}
    return Samples(numbers={**samples.numbers, **moved}, texts=samples.texts)


def _in_order(samples: Samples) -> Samples:
    """Sort by when requests were due, and count them."""
    rows = samples.where(np.argsort(samples.numbers["intended_ns"], kind="stable"))
    return Samples(numbers={**rows.numbers, "index": np.arange(float(len(rows)))}, texts=rows.texts)


def _labelled(samples: Samples, arm: Arm, series: str | None) -> Samples:
    """Return the same requests, all of one arm, and of one series where that is named."""
    labels = {"arm": arm.value, **({} if series is None else {"series": series})}
    codes = np.zeros(len(samples), dtype=np.int32)
    texts = {name: TextColumn((label,), codes) for name, label in labels.items()}
    return Samples(numbers=samples.numbers, texts={**samples.texts, **texts})


def _only_series(samples: Samples) -> str | None:
    names = {name for name in samples.texts["series"].strings() if name is not None}
    return names.pop() if len(names) == 1 else None
