"""What a run stamped, held against what the simulator says that it really wrote, and when.

Both clocks are `time.perf_counter_ns` of one machine, so the times need no other alignment than the run's anchor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from lens_gate.analysis.selftest import Errors
from lens_gate.artifacts.samples import Samples
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.simulator.log import RequestRecord
from lens_gate.vocabulary.requests import Status, TokenKind

MATCH = "x-lens-request"
"""The header by which a line of the log is found again."""

_TOKENS = frozenset(TokenKind)
_MS = 1e6

Chunks = Mapping[int, Sequence[Sequence[int]]]
"""By the index of a request: nanoseconds from the anchor, and bytes, of each part of the body."""


def tagged(planned: Iterator[PlannedRequest]) -> Iterator[PlannedRequest]:
    """Give each request the header by which its line is found again."""
    for one in planned:
        headers = {**one.request.headers, MATCH: str(one.index)}
        yield replace(one, request=replace(one.request, headers=headers))


def by_index(records: Iterator[RequestRecord]) -> dict[int, RequestRecord]:
    """Return the lines of the log by the index of the request."""
    return {int(record.request_id): record for record in records if record.request_id is not None}


def compared(samples: Samples, chunks: Chunks, truth: Mapping[int, RequestRecord], anchor_ns: int) -> Errors:
    """Compare the times of every stream that was a success.

    The error of a time to first token is measured from the actual send, against the server's from its taking up the
    request, so it includes the way over loopback both ways.
    """
    rows = samples.where(samples.texts["status"].equals(Status.OK))
    numbers = rows.numbers
    index = [int(one) for one in numbers["index"]]
    received, first = (
        np.array([getattr(truth[one], name) or 0 for one in index], dtype=np.int64) - anchor_ns
        for name in ("received_ns", "first_token_ns")
    )
    gaps = [_gaps(chunks.get(one, ()), truth[one]) for one in index]
    return Errors(
        ttft=((numbers["first_token_ns"] - numbers["sent_ns"]) - (first - received)) / _MS,
        gaps=np.array([error for found in gaps for error in found or ()], dtype=np.float64) / _MS,
        send=(numbers["sent_ns"] - numbers["intended_ns"] - np.nan_to_num(numbers["connect_ns"])) / _MS,
        read=(numbers["first_token_ns"] - first) / _MS,
        pickup=(received - numbers["sent_ns"]) / _MS,
        unmatched=sum(found is None for found in gaps),
    )


def _gaps(read: Sequence[Sequence[int]], record: RequestRecord) -> list[int] | None:
    """Return the error of each gap between chunks with tokens, None where reads and writes are not one for one.

    The head has a write of its own, or shares the first one; every other write is one chunk of the body.
    """
    written = [(t_ns, kind) for t_ns, _, kind in record.writes if kind != "head"]
    if len(written) != len(read):
        return None
    both = [(t_ns, stamp[0]) for (t_ns, kind), stamp in zip(written, read, strict=True) if kind in _TOKENS]
    return [(later[1] - earlier[1]) - (later[0] - earlier[0]) for earlier, later in pairwise(both)]
