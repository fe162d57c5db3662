"""What a translation yields: requests as another tool recorded them, and what its file says of the measurement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from lens_gate.artifacts.run import Plan
from lens_gate.artifacts.samples import Sample
from lens_gate.errors import ArtifactCorrupt
from lens_gate.vocabulary.requests import Status

DAMAGED = "Copy the file again, or repeat the measurement: recorded values are never repaired."

LONGEST_NS = 50 * 86_400 * 10**9
"""Fifty days: samples are exact for twice as long, and two files may lie so far apart."""

_ROUNDING_NS = 1_000
"""Files hold seconds or milliseconds as decimals; two times that were equal may differ by less than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file that was given: its name, for messages, and its content, unpacked."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the user calls the measured thing, where a file does not say it or says it otherwise."""

    provider: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One request; `gaps_ns` are the waits between its chunks, empty where the file does not hold them."""

    sample: Sample
    gaps_ns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What one file holds. The times of its requests count from `started`, in the order of the file.

    `started` is None where the file names no time of day, and `timed` False where it does not even say when one request
    was sent after another: then all of them are due at 0. `remarks` say what the format lacks, as parts of a sentence.
    """

    source: str
    tool: str
    requests: tuple[Recorded, ...]
    plan: Plan
    started: datetime | None
    timed: bool = True
    endpoints: tuple[str, ...] = ()
    platform: str = "unknown"
    python: str = "unknown"
    remarks: tuple[str, ...] = ()


def blank(names: Names, *, provider: str, model: str) -> Sample:
    """Return a request of which only the names are known: translations replace what their file says.

    What the user calls the measured thing goes before what the file calls it.
    """
    provider, model = names.provider or provider, names.model or model
    return Sample(
        index=0,
        series=f"{provider}/{model}",
        provider=provider,
        model=model,
        prompt_id="",
        draw="",
        intended_ns=0,
        prompt_hash="",
        prompt_characters=0,
        status=Status.OK,
    )


def a_plan(
    *,
    requests: int,
    arrival: str | None = None,
    requests_per_second: float | None = None,
    concurrency: int | None = None,
    seed: int | None = None,
    request_timeout_s: float | None = None,
) -> Plan:
    """Return what was asked of the other tool, as far as its file says."""
    return Plan(
        arrival=arrival or "unknown",
        requests_per_second=requests_per_second,
        concurrency=concurrency,
        requests=requests,
        duration_s=None,
        warmup_s=0.0,
        cooldown_s=0.0,
        seed=seed,
        request_timeout_s=request_timeout_s,
    )


def recorded(sample: Sample, *, place: str, gaps_ns: tuple[int, ...] = ()) -> Recorded:
    """Return a request whose instants follow each other and fit into a run; `place` names it.

    Raises ArtifactCorrupt otherwise.
    """
    later = (("first token", sample.first_token_ns), ("last token", sample.last_token_ns), ("end", sample.end_ns))
    # A timer may fire early, so that a request is sent before it is due: both must only lie before what came back.
    for begin in (("due time", sample.intended_ns), ("send", sample.sent_ns)):
        known = [(name, instant) for name, instant in (begin, *later) if instant is not None]
        for (earlier, before), (following, after) in pairwise(known):
            if after < before - _ROUNDING_NS:
                raise ArtifactCorrupt(
                    f"the {following} of a request lies {(before - after) / 1e6:.3f} ms before its {earlier}",
                    place=place,
                    hint=DAMAGED,
                )
    instants = (sample.intended_ns, sample.sent_ns, sample.headers_ns, sample.first_visible_ns, *gaps_ns)
    if any(time is not None and not 0 <= time <= LONGEST_NS for time in (*instants, *(time for _, time in later))):
        raise ArtifactCorrupt("a time lies before the first request, or days after it", place=place, hint=DAMAGED)
    return Recorded(sample=sample, gaps_ns=gaps_ns)
