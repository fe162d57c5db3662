"""How true a machine measures: errors against a known truth become rungs, and rungs a ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lens_gate.artifacts.selftest import Limits, Rung

Floats = NDArray[np.float64]

FAR_OFF = 4.0
"""So many times its limit: nothing that a second try could change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Measured minus true, in milliseconds, each over the successful requests (`gaps`: over their gaps).

    `send` is from the intended send to the actual one, `pickup` from there to the server's taking up, `read` from the
    server's writing of the first token to our reading it. `unmatched` streams had a write that came in two parts, so
    that their gaps could not be compared.
    """

    ttft: Floats
    gaps: Floats
    send: Floats
    read: Floats
    pickup: Floats
    unmatched: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one try sent and what it took: requests, failed ones, achieved share of the rate, share of a core."""

    requests: int
    failed: int
    achieved: float | None
    cpu_share: float | None
    valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Which rates are tried: from `first` up by `factor` until one is wrong or `highest` is reached, then between.

    Where the first is wrong it goes down to `lowest`. The search ends when the lowest wrong rate is at most `precision`
    times the highest right one.
    """

    first: float = 50.0
    lowest: float = 5.0
    highest: float = 6400.0
    factor: float = 2.0
    precision: float = 1.25


def rung_of(rate: float, errors: Errors, counts: Counts, limits: Limits) -> Rung:
    """Sum up what was found at one rate, and say what was wrong with it."""
    rung = Rung(
        rate_rps=rate,
        requests=counts.requests,
        failed=counts.failed,
        ttft_bias_ms=_median(errors.ttft),
        ttft_p99_ms=_p99(errors.ttft),
        gap_bias_ms=_median(errors.gaps),
        gap_p99_ms=_p99(errors.gaps),
        send_median_ms=_median(errors.send),
        send_p99_ms=_p99(errors.send),
        read_p99_ms=_p99(errors.read),
        pickup_p99_ms=_p99(errors.pickup),
        achieved=counts.achieved,
        cpu_share=counts.cpu_share,
        valid=counts.valid,
    )
    return rung.model_copy(update={"because": tuple(_wrong(rung, limits))})


def _wrong(rung: Rung, limits: Limits) -> list[str]:
    found = []
    if rung.failed or not rung.requests:
        found.append(f"{rung.failed} of {rung.requests} requests failed")
    if rung.achieved is not None and rung.achieved < limits.achieved:
        found.append(f"only {100 * rung.achieved:.1f} % of the rate was sent")
    beyond = (
        ("the median time to first token", rung.ttft_bias_ms, limits.ttft_bias_ms),
        ("1 % of the times to first token", rung.ttft_p99_ms, limits.ttft_p99_ms),
        ("the sending of 1 % of the requests", rung.send_p99_ms, limits.send_p99_ms),
    )
    found += [f"{what} is {value:.1f} ms late or more" for what, value, limit in beyond if value and value > limit]
    return found


def _median(values: Floats) -> float | None:
    return float(np.median(values)) if values.size else None


def _p99(values: Floats) -> float | None:
    return float(np.percentile(np.abs(values), 99)) if values.size else None


def next_rate(rungs: Sequence[Rung], ladder: Ladder, limits: Limits) -> float | None:
    """Return the rate to try next, None where the ceiling is known well enough.

    A rate that was wrong by a little is tried once more, since a machine has other things to do now and then.
    """
    if not rungs:
        return ladder.first
    last = rungs[-1]
    tries = sum(rung.rate_rps == last.rate_rps for rung in rungs)
    if not last.right and tries == 1 and not _far_off(last, limits):
        return last.rate_rps
    match bracket(rungs):
        case None, float() as wrong:
            return _round(wrong / ladder.factor) if wrong > ladder.lowest else None
        case float() as right, float() as wrong:
            return _round(sqrt(right * wrong)) if wrong > ladder.precision * right else None
        case _:
            return _round(last.rate_rps * ladder.factor) if last.rate_rps < ladder.highest else None


def patience(rungs: Sequence[Rung]) -> float:
    """Return how many times the usual time the search may take: a machine without a right rate is a slow one."""
    right, wrong = bracket(rungs)
    return 2.0 if right is None and wrong is not None else 1.0


def _far_off(rung: Rung, limits: Limits) -> bool:
    read_late = (rung.ttft_p99_ms or 0.0) > FAR_OFF * limits.ttft_p99_ms
    sent_late = (rung.send_p99_ms or 0.0) > FAR_OFF * limits.send_p99_ms
    return read_late or sent_late or rung.failed > 0.1 * rung.requests


def bracket(rungs: Sequence[Rung]) -> tuple[float | None, float | None]:
    """Return the highest right rate below every wrong one, and the lowest wrong rate; None where there is none.

    A rate is right where one of its tries was.
    """
    right = {rung.rate_rps for rung in rungs if rung.right}
    wrong = {rung.rate_rps for rung in rungs} - right
    lowest_wrong = min(wrong, default=None)
    below = [rate for rate in right if lowest_wrong is None or rate < lowest_wrong]
    return max(below, default=None), lowest_wrong


def limiting(rungs: Sequence[Rung], limits: Limits) -> Literal["lens-gate", "simulator"] | None:
    """Say who was too slow at the lowest wrong rate, None where none was wrong.

    It was the simulator where everything that is ours was in time: sends, reads, and the event loop (`valid`).
    """
    _, wrong = bracket(rungs)
    tried = [rung for rung in rungs if rung.rate_rps == wrong]
    if not tried:
        return None
    ours = [rung for rung in tried if not _in_time(rung, limits)]
    return "lens-gate" if ours else "simulator"


def _in_time(rung: Rung, limits: Limits) -> bool:
    sent = rung.send_p99_ms is not None and rung.send_p99_ms <= limits.send_p99_ms
    read = rung.read_p99_ms is not None and rung.read_p99_ms <= limits.ttft_bias_ms
    return rung.valid and sent and read


def _round(rate: float) -> float:
    """Return a rate with two significant digits, as people write one."""
    return float(f"{rate:.2g}")
