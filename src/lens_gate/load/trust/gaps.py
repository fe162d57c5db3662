"""What the gaps of a run that was resumed do to its validity. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from lens_gate.artifacts.run import Validity, ValidityCheck
from lens_gate.artifacts.segment import Segment


def with_gaps(validity: Validity, segments: Sequence[Segment]) -> Validity:
    """Add the check `resumed` where a run has more than one stretch: never ok, and never more than a warning."""
    if len(segments) < 2:
        return validity
    gaps = [_gap(before, after) for before, after in pairwise(segments)]
    lost = sum(segment.lost for segment in segments)
    told = (
        f"the run was interrupted {'once' if len(gaps) == 1 else f'{len(gaps)} times'} and went on after "
        f"{', '.join(f'{gap.total_seconds():.0f} s' for gap in gaps)}; connections, caches and load may have changed "
        "meanwhile"
    )
    told += f"; of up to {lost} requests nobody knows what became" if lost else ""
    check = ValidityCheck(
        name="resumed", value=len(gaps), limit=None, unit="gaps", ok=False, effect="warn", message=told
    )
    return validity.model_copy(update={"checks": (*validity.checks, check)})


def _gap(before: Segment, after: Segment) -> timedelta:
    """Return how long the run's clock stood still between two stretches."""
    ran = timedelta(microseconds=(after.begin_ns - before.begin_ns) / 1000)
    return max(timedelta(), datetime.fromisoformat(after.start_time) - datetime.fromisoformat(before.start_time) - ran)
