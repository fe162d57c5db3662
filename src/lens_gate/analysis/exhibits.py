"""From the samples to what figures are drawn from: the worst series, the course of the run, the slowest requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from lens_gate.analysis.quantities import Floats, column, with_status
from lens_gate.analysis.stored import arm_of, names_of
from lens_gate.artifacts.analysis import Finding
from lens_gate.artifacts.exhibits import (
    MOST_DOTS,
    MOST_SERIES,
    MOST_SLOWEST,
    MOST_STEPS,
    MOST_STRETCHES,
    ArmExhibit,
    Exhibits,
    QuantileChange,
    SeriesExhibit,
    Shown,
    SlowRequest,
    Stretch,
)
from lens_gate.artifacts.samples import Samples
from lens_gate.stats.quantiles import quantile_change
from lens_gate.stats.summary import carries
from lens_gate.vocabulary.metrics import Hypothesis, Quantity
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.requests import Arm, Status

CONFIDENCE = 0.95
_SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_FEWEST_IN_STRETCH = 5

_SHOWN: Mapping[Hypothesis, Shown] = {
    Hypothesis.TTFT: Quantity.TTFT,
    Hypothesis.TTFT_TAIL_EXCESS: Quantity.TTFT,
    Hypothesis.TTFT_TAIL_EXCEEDANCE: Quantity.TTFT,
    Hypothesis.CACHED_SHARE: Quantity.TTFT,
    Hypothesis.PER_TOKEN: Quantity.TPOT,
}
"""The times that show best what a question is about; of the others the whole answer does."""

_WORST_FIRST = (Outcome.REGRESSION, Outcome.NOT_MEASURED, Outcome.INCONCLUSIVE)


def exhibits(samples: Samples, *, base: Samples | None = None, findings: Sequence[Finding] = ()) -> Exhibits:
    """Return what the figures of a run, or of its comparison, are drawn from.

    `base` are the samples that it is compared with where they are not the other arm of the same run.
    """
    now = _successes(arm_of(samples, Arm.CANDIDATE))
    before = _successes(arm_of(samples, Arm.BASE) if base is None else arm_of(base, Arm.CANDIDATE))
    worst = _worst(findings)
    names = sorted(names_of(now), key=lambda name: (_badness(worst.get(name)), name))
    shown = [_series(name, worst.get(name), _of(now, name), _of(before, name)) for name in names[:MOST_SERIES]]
    return Exhibits(series=tuple(shown), slowest=_slowest(now), left_out=max(0, len(names) - MOST_SERIES))


def _successes(samples: Samples) -> Samples:
    return samples.where(with_status(samples, Status.OK))


def _of(samples: Samples, series: str) -> Samples:
    return samples.where(samples.texts["series"].equals(series))


def _worst(findings: Sequence[Finding]) -> Mapping[str, Finding]:
    """Return the finding of each series that is looked at first."""
    ordered = sorted((finding for finding in findings if finding.gated), key=_badness, reverse=True)
    return {finding.series: finding for finding in ordered}


def _badness(finding: Finding | None) -> tuple[int, float]:
    """Return a key that is lowest for what is worst: by outcome, then by the size of the change against its limit."""
    if finding is None:
        return len(_WORST_FIRST) + 1, 0.0
    place = _WORST_FIRST.index(finding.outcome) if finding.outcome in _WORST_FIRST else len(_WORST_FIRST)
    return place, -abs(finding.effect.estimate or 0.0) / (finding.threshold or 1.0)


def _series(name: str, finding: Finding | None, now: Samples, before: Samples) -> SeriesExhibit:
    asked = Quantity.TTFT if finding is None else _asked(finding)
    quantity: Shown = asked if np.isfinite(column(now, asked)).any() else Quantity.LATENCY
    arms = {Arm.BASE: before, Arm.CANDIDATE: now}
    times = {arm: rows for arm, rows in arms.items() if np.isfinite(column(rows, quantity)).any()}
    return SeriesExhibit(
        series=name,
        quantity=quantity,
        arms=tuple(_arm(arm, rows, quantity) for arm, rows in times.items()),
        changes=_changes(*(column(rows, quantity) for rows in times.values())) if len(times) == len(arms) else (),
        confidence=CONFIDENCE,
    )


def _asked(finding: Finding) -> Shown:
    return Quantity.LATENCY if finding.hypothesis is None else _SHOWN.get(finding.hypothesis, Quantity.LATENCY)


def _arm(arm: Arm, rows: Samples, quantity: Shown) -> ArmExhibit:
    times, due = column(rows, quantity), np.nan_to_num(rows.numbers["intended_ns"])
    known = np.isfinite(times)
    times, due = times[known], due[known]
    order = np.argsort(due, kind="stable")
    times, due = times[order], due[order]
    steps = min(len(times), MOST_STEPS)
    drawn = len(times) <= MOST_DOTS
    return ArmExhibit(
        arm=arm,
        requests=len(times),
        steps_ns=_whole(np.quantile(times, (np.arange(steps) + 0.5) / steps)),
        median_ns=round(float(np.median(times))),
        p95_ns=round(float(np.quantile(times, 0.95))) if carries(len(times), 0.95) else None,
        due_ns=_whole(due) if drawn else (),
        dot_ns=_whole(times) if drawn else (),
        stretches=_stretches(due, times),
    )


def _whole(values: Floats) -> tuple[int, ...]:
    return tuple(int(value) for value in np.rint(values))


def _stretches(due: Floats, times: Floats) -> tuple[Stretch, ...]:
    """Cut the run into parts of equal time; one with too few requests for a middle is left out."""
    parts = min(MOST_STRETCHES, max(1, len(times) // (2 * _FEWEST_IN_STRETCH)))
    edges = np.linspace(due[0], due[-1], parts + 1)
    cuts = [0, *np.searchsorted(due, edges[1:-1]).tolist(), len(due)]
    return tuple(
        _stretch(begin, close, times[first:last])
        for (begin, close), (first, last) in zip(pairwise(edges.tolist()), pairwise(cuts), strict=True)
        if last - first >= _FEWEST_IN_STRETCH
    )


def _stretch(start: float, end: float, times: Floats) -> Stretch:
    low, median, high = _whole(np.quantile(times, (0.1, 0.5, 0.9)))
    return Stretch(
        start_ns=round(start), end_ns=round(end), requests=len(times), low_ns=low, median_ns=median, high_ns=high
    )


def _changes(before: Floats, after: Floats) -> tuple[QuantileChange, ...]:
    """Compare the arms share by share, as far as both have enough requests beyond a share on either side."""
    old, new = (np.sort(times[np.isfinite(times)]) for times in (before, after))
    fewest = min(len(old), len(new))
    return tuple(_change(old, new, share) for share in _SHARES if carries(fewest, max(share, 1 - share)))


def _change(old: Floats, new: Floats, share: float) -> QuantileChange:
    found = quantile_change(old, new, share, tail=(1 - CONFIDENCE) / 2)
    return QuantileChange(
        share=share,
        base_ns=round(float(np.quantile(old, share))),
        change_ns=round(found.estimate),
        lower_ns=None if found.lower is None else round(found.lower),
        upper_ns=None if found.upper is None else round(found.upper),
    )


def _slowest(successes: Samples) -> tuple[SlowRequest, ...]:
    """Return the answers that took longest against the median of their series: models are not equally fast.

    What another tool measured may hold answers whose end nobody knows: they are left out.
    """
    total = column(successes, Quantity.LATENCY)
    successes = successes.where(np.isfinite(total))
    total = total[np.isfinite(total)]
    typical = np.full(len(total), np.nan)
    for name in names_of(successes):
        mine = successes.texts["series"].equals(name)
        typical[mine] = np.median(total[mine])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num(total / typical)
    order = np.argsort(-ratio, kind="stable")[:MOST_SLOWEST]
    rows = successes.where(order)
    return tuple(_slow(rows, row, typical[place]) for row, place in enumerate(order))


def _slow(rows: Samples, row: int, typical: float) -> SlowRequest:
    due, sent, connect, first, last, end = (
        float(rows.numbers[name][row])
        for name in ("intended_ns", "sent_ns", "connect_ns", "first_token_ns", "last_token_ns", "end_ns")
    )
    connect, streamed = float(np.nan_to_num(connect)), first <= last
    sent = due + connect if np.isnan(sent) else sent
    return SlowRequest(
        series=rows.texts["series"].strings()[row] or "",
        index=round(float(rows.numbers["index"][row])),
        prompt_id=rows.texts["prompt_id"].strings()[row] or "",
        due_ns=round(due),
        typical_ns=round(typical),
        queue_ns=max(0, round(sent - connect - due)),
        connect_ns=round(connect),
        wait_ns=max(0, round((first if streamed else end) - sent)),
        stream_ns=round(last - first) if streamed else 0,
        rest_ns=max(0, round(end - last)) if streamed else 0,
    )
