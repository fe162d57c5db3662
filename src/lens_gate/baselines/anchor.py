"""A fixed run beside the moving baseline: many small steps under the limit are a large one together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lens_gate.vocabulary.index import RunRow


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a median lies from that of the anchor, in percent of it."""

    series: str
    quantity: str
    percent: float


def drifted(now: RunRow, anchor: RunRow) -> tuple[Drift, ...]:
    """Return the distance of every median that both runs have."""
    return tuple(_drifted(now, anchor))


def _drifted(now: RunRow, anchor: RunRow) -> Iterable[Drift]:
    then = {(one.provider, one.model): one.middles for one in anchor.series}
    for one in now.series:
        before = then.get((one.provider, one.model), {})
        for quantity, middle in one.middles.items():
            if quantity in before:
                change = 100 * (middle.median_ms / before[quantity].median_ms - 1)
                yield Drift(f"{one.provider}/{one.model}", quantity, change)


def largest(drifts: Iterable[Drift], *, name: str) -> str | None:
    """Say which median has moved furthest towards slow since the anchor; None where none is known."""
    found = max(drifts, key=lambda drift: drift.percent, default=None)
    if found is None:
        return None
    way = "above" if found.percent >= 0 else "below"
    quantity = found.quantity.replace("_", " ")
    return (
        f"The median of {quantity} of {found.series} lies {abs(found.percent):.1f} % {way} that of the anchor {name}, "
        "and no other lies higher above it."
    )
