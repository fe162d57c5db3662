"""Whether the instrument can be trusted: what is judged here is the measuring, never the endpoint. Pure.

Times that are ours by mistake (a late send, a late read) are held against what is measured: a lateness is a warning
from 5 ms or 5 % of the median time to first token on, and makes the run invalid from 20 ms or 25 % on.
"""

from __future__ import annotations

from collections import defaultdict
from math import ceil
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from lens_gate.artifacts.run import Plan, Validity, ValidityCheck
from lens_gate.artifacts.samples import Samples
from lens_gate.load.contract import RunEnd
from lens_gate.load.failure_checks import opened, retried
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import ErrorClass, Phase, Status, TokenSource

LATE_WARN_MS: Final = 5.0
LATE_WARN_SHARE: Final = 0.05
LATE_INVALID_MS: Final = 20.0
LATE_INVALID_SHARE: Final = 0.25

FEWEST_LATE: Final = 3
"""In a short run 1 % is less than one request, and a single late one says nothing of the others."""

RATE_WARN: Final = 0.97
RATE_INVALID: Final = 0.90

ZERO_GAPS_LIMIT: Final = 0.20
BUFFERED_LIMIT: Final = 0.01
MISSING_USAGE_LIMIT: Final = 0.05
THROTTLED_WARN: Final = 0.01
THROTTLED_INVALID: Final = 0.20

Effect = Literal["warn", "drop", "invalid"]


def judge(samples: Samples, end: RunEnd, plan: Plan) -> Validity:
    """Judge a run by its measured requests, leaving out the series that were given up.

    A check whose question does not arise (no rate was asked for, nothing was sent) has the value None and is ok.
    """
    rows = samples.where(samples.texts["phase"].equals(Phase.MEASURE) & ~_given_up(samples, end))
    sent = rows.where(~rows.texts["status"].equals(Status.SHED))
    successes = sent.where(sent.texts["status"].equals(Status.OK))
    ttft_ms = _median(successes.numbers["first_token_ns"] - successes.numbers["intended_ns"]) / 1e6
    checks = (
        _send_lateness(sent.where(sent.numbers["attempts"] <= 1), ttft_ms),
        _loop_lag(end, ttft_ms),
        _achieved_rate(rows if end.ending is Ending.COMPLETE else sent, sent, plan),
        _coalesced(successes),
        _buffered(sent),
        _missing_usage(successes),
        _throttled(sent),
        _reused(sent),
        _model_versions(successes),
        retried(sent),
        opened(end.breaker),
    )
    return Validity(valid=all(check.ok or check.effect != "invalid" for check in checks), checks=checks)


def judge_imported(samples: Samples, told: str) -> Validity:
    """Judge a run that another tool measured, by what its requests tell; `told` says who stamped the times.

    The first check is never ok: what the other instrument was doing meanwhile is not known.
    """
    rows = samples.where(samples.texts["phase"].equals(Phase.MEASURE))
    sent = rows.where(~rows.texts["status"].equals(Status.SHED))
    successes = sent.where(sent.texts["status"].equals(Status.OK))
    ttft_ms = _median(successes.numbers["first_token_ns"] - successes.numbers["intended_ns"]) / 1e6
    imported = ValidityCheck(name="imported", value=None, limit=None, unit="", ok=False, effect="warn", message=told)
    checks = (imported, _send_lateness(sent, ttft_ms), _counted_elsewhere(successes), _throttled(sent), _reused(sent))
    return Validity(valid=all(check.ok or check.effect != "invalid" for check in checks), checks=checks)


def _given_up(samples: Samples, end: RunEnd) -> NDArray[np.bool_]:
    column = samples.texts["series"]
    given_up = np.array([value in end.given_up for value in column.values], dtype=np.bool_)
    return given_up[column.codes]


def _median(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else 0.0


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _send_lateness(sent: Samples, ttft_ms: float) -> ValidityCheck:
    """Take the time from the intended send to the actual one; opening a connection is the endpoint's share of it."""
    numbers = sent.numbers
    late = numbers["sent_ns"] - np.nan_to_num(numbers["connect_ns"]) - numbers["intended_ns"]
    late = np.sort(late[~np.isnan(late)])
    counting = max(FEWEST_LATE, ceil(late.size / 100))
    value_ms = float(late[-min(counting, late.size)]) / 1e6 if late.size else None
    return _lateness("send_lateness_p99", value_ms, ttft_ms)


def _loop_lag(end: RunEnd, ttft_ms: float) -> ValidityCheck:
    return _lateness("loop_lag_p99", end.loop_lag.p99_ns / 1e6 if end.loop_lag.count else None, ttft_ms)


def _lateness(name: str, value_ms: float | None, ttft_ms: float) -> ValidityCheck:
    what = "requests were sent" if name.startswith("send") else "arriving bytes may have been read"
    return _graded(
        name,
        value_ms,
        warn=max(LATE_WARN_MS, LATE_WARN_SHARE * ttft_ms),
        invalid=max(LATE_INVALID_MS, LATE_INVALID_SHARE * ttft_ms),
        unit="ms",
        trouble=f"1 % of the {what} at least {value_ms or 0:.0f} ms late, and that is booked as latency; lower the"
        " rate, give the machine less else to do, or use a larger runner",
    )


def _achieved_rate(rows: Samples, sent: Samples, plan: Plan) -> ValidityCheck:
    """Compare the sends with the schedule: how many were sent at all, and over how long a time.

    Of a run that was ended before its time, by a cap say, `rows` are those that were sent until then.
    """
    share = None
    if plan.requests_per_second is not None and len(rows) > 1:
        asked_ns = float(np.ptp(rows.numbers["intended_ns"]))
        actual_ns = np.nanmax(sent.numbers["sent_ns"], initial=0.0) - np.min(rows.numbers["intended_ns"])
        share = len(sent) / len(rows) * min(1.0, asked_ns / max(actual_ns, 1.0))
    return _graded(
        "achieved_rate",
        share,
        warn=RATE_WARN,
        invalid=RATE_INVALID,
        unit="of asked",
        trouble="fewer requests were sent than the schedule asked for; lower the rate, or raise the cost cap",
    )


def _coalesced(successes: Samples) -> ValidityCheck:
    gaps = int(np.sum(np.maximum(successes.numbers["chunk_count"] - 1, 0)))
    return _limited(
        "zero_gap_share",
        _share(int(np.sum(successes.numbers["zero_gaps"])), gaps),
        limit=ZERO_GAPS_LIMIT,
        effect="drop",
        trouble="many chunks arrived together with the one before, so inter-chunk latency says nothing here: the server"
        " or a proxy sends them in groups, or this machine reads too late",
    )


def _buffered(sent: Samples) -> ValidityCheck:
    return _limited(
        "buffered_share",
        _share(int(np.sum(sent.texts["error_class"].equals(ErrorClass.BUFFERED))), len(sent)),
        limit=BUFFERED_LIMIT,
        effect="warn",
        trouble="whole streams arrived at once and count as failed, since they have no first token; switch off response"
        " buffering in the proxy before the endpoint",
    )


def _missing_usage(successes: Samples) -> ValidityCheck:
    told = int(np.sum(successes.texts["token_source"].equals(TokenSource.SERVER)))
    return _limited(
        "missing_usage_share",
        _share(len(successes) - told, len(successes)),
        limit=MISSING_USAGE_LIMIT,
        effect="warn",
        trouble="the server did not say how many tokens it used, so chunks were counted instead, and per-token times"
        " and cost are estimates; have it report usage in streams",
    )


def _counted_elsewhere(successes: Samples) -> ValidityCheck:
    told = int(np.sum(successes.texts["token_source"].equals(TokenSource.SERVER)))
    return _limited(
        "missing_usage_share",
        _share(len(successes) - told, len(successes)),
        limit=MISSING_USAGE_LIMIT,
        effect="warn",
        trouble="the token counts are not known to be the server's own, so that per-token times are estimates",
    )


def _throttled(sent: Samples) -> ValidityCheck:
    return _graded(
        "throttled_share",
        _share(int(np.sum(sent.texts["status"].equals(Status.THROTTLED))), len(sent)),
        warn=THROTTLED_WARN,
        invalid=THROTTLED_INVALID,
        unit="share",
        trouble="the provider asked to slow down (429, 529), so what was measured is its limit; lower the rate or ask"
        " for a higher quota",
    )


def _reused(sent: Samples) -> ValidityCheck:
    known = sent.numbers["reused"][~np.isnan(sent.numbers["reused"])]
    value = float(np.mean(known)) if known.size else None
    return ValidityCheck(
        name="reused_share",
        value=value,
        limit=None,
        unit="share",
        ok=True,
        effect="warn",
        message="share of requests on a connection that was open already; the others include connecting",
    )


def _model_versions(successes: Samples) -> ValidityCheck:
    """Look for an alias: one model name, asked for in either arm of a series, that was answered by several models."""
    columns = (successes.texts[name].strings() for name in ("series", "model", "model_returned"))
    versions: dict[tuple[str | None, str | None], set[str]] = defaultdict(set)
    for series, model, returned in zip(*columns, strict=True):
        if returned is not None:
            versions[series, model].add(returned)
    several = {asked: found for asked, found in versions.items() if len(found) > 1}
    named = "; ".join(f"{model} was answered by {', '.join(sorted(found))}" for (_, model), found in several.items())
    return ValidityCheck(
        name="model_versions",
        value=float(max(map(len, versions.values()))) if versions else None,
        limit=1,
        unit="models",
        ok=not several,
        effect="warn",
        message=f"{named}: a difference may be theirs; ask for a dated model name" if several else "ok",
    )


def _graded(name: str, value: float | None, *, warn: float, invalid: float, unit: str, trouble: str) -> ValidityCheck:
    """Judge by two limits; where the invalid one is the lower, more is better."""
    sign = 1.0 if warn < invalid else -1.0
    breaks = value is not None and sign * value > sign * invalid
    ok = value is None or sign * value <= sign * warn
    return ValidityCheck(
        name=name,
        value=value,
        limit=invalid if breaks else warn,
        unit=unit,
        ok=ok,
        effect="invalid" if breaks else "warn",
        message="ok" if ok else trouble,
    )


def _limited(name: str, value: float | None, *, limit: float, effect: Effect, trouble: str) -> ValidityCheck:
    ok = value is None or value <= limit
    return ValidityCheck(
        name=name, value=value, limit=limit, unit="share", ok=ok, effect=effect, message="ok" if ok else trouble
    )
